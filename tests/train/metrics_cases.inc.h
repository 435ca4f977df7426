/* SPDX-License-Identifier: Apache-2.0
 * Written by metrics_cases.py; do not edit. */
static const float scores_0[] = {1.0f,   0.25f,  0.25f, 0.5f,   1.0f,   0.125f, 0.25f,  0.5f,  0.25f,
                                 0.375f, 0.375f, 0.0f,  0.0f,   0.0f,   0.625f, 1.0f,   1.0f,  0.75f,
                                 1.0f,   0.5f,   0.5f,  0.625f, 0.375f, 0.25f,  0.75f,  0.25f, 0.5f,
                                 0.0f,   0.125f, 0.0f,  0.625f, 0.875f, 0.875f, 0.875f, 1.0f,  0.0f};
static const int32_t targets_0[] = {2, 0, 1, 0, 0, 1, 0, 1, 2, 1, 2, 0};
static const want_value want_0[] = {{"accuracy", 0.333333333333333},
                                    {"accuracy_micro", 0.333333333333333},
                                    {"hits_at_k", 0.916666666666667},
                                    {"roc_auc", 0.567372134038801},
                                    {"overall_stats.token_accuracy", 0.333333333333333},
                                    {"overall_stats.kappa_score", -0.054945054945055},
                                    {"overall_stats.avg_precision_macro", 0.244444444444444},
                                    {"overall_stats.avg_precision_micro", 0.333333333333333},
                                    {"overall_stats.avg_precision_weighted", 0.272222222222222},
                                    {"overall_stats.avg_recall_macro", 0.3},
                                    {"overall_stats.avg_recall_micro", 0.333333333333333},
                                    {"overall_stats.avg_recall_weighted", 0.333333333333333},
                                    {"overall_stats.avg_f1_score_macro", 0.269360269360269},
                                    {"overall_stats.avg_f1_score_micro", 0.333333333333333},
                                    {"overall_stats.avg_f1_score_weighted", 0.2996632996633},
                                    {"confusion_matrix.0.0", 2},
                                    {"confusion_matrix.0.1", 2},
                                    {"confusion_matrix.0.2", 1},
                                    {"confusion_matrix.1.0", 2},
                                    {"confusion_matrix.1.1", 2},
                                    {"confusion_matrix.1.2", 0},
                                    {"confusion_matrix.2.0", 2},
                                    {"confusion_matrix.2.1", 1},
                                    {"confusion_matrix.2.2", 0},
                                    {"per_class_stats.c2.true_negatives", 8},
                                    {"per_class_stats.c2.specificity", 0.888888888888889},
                                    {"per_class_stats.c2.precision", 0},
                                    {"per_class_stats.c2.miss_rate", 1},
                                    {"per_class_stats.c2.f1_score", 0},
                                    {"per_class_stats.c2.negative_predictive_value", 0.727272727272727},
                                    {"per_class_stats.c2.accuracy", 0.666666666666667},
                                    {"per_class_stats.c2.matthews_correlation_coefficient", -0.174077655955698}};
static const float scores_1[] = {
    0.625f, 0.75f,  0.125f, 0.125f, 0.0f,   0.75f,  0.375f, 0.25f,  0.625f, 0.5f,   0.5f,   0.125f, 0.125f, 0.875f,
    0.375f, 0.0f,   1.0f,   0.375f, 0.5f,   0.625f, 0.5f,   0.75f,  1.0f,   0.0f,   0.375f, 1.0f,   1.0f,   0.25f,
    0.25f,  0.5f,   0.75f,  0.25f,  0.0f,   0.0f,   0.125f, 0.25f,  1.0f,   0.25f,  1.0f,   0.625f, 0.0f,   0.0f,
    0.875f, 1.0f,   0.25f,  0.125f, 0.625f, 0.5f,   0.375f, 0.375f, 0.125f, 0.375f, 0.5f,   1.0f,   0.625f, 1.0f,
    1.0f,   0.625f, 0.5f,   0.25f,  0.75f,  0.125f, 0.375f, 0.5f,   0.5f,   0.125f, 0.5f,   0.5f,   0.5f,   0.0f};
static const int32_t targets_1[] = {2, 1, -1, 2, 2, 2, 2, 3, -1, 2, 3, 2, -1, 2};
static const want_value want_1[] = {{"accuracy", 0.181818181818182},
                                    {"accuracy_micro", 0.181818181818182},
                                    {"hits_at_k", 0.636363636363636},
                                    {"roc_auc", 0.577777777777778}};
static const float scores_2[] = {0.0f, 0.375f, 0.5f, 0.25f, 0.125f, 1.0f, 0.875f, 0.875f, 0.125f, 0.5f};
static const int32_t targets_2[] = {0, 0, 0, 0, 0};
static const want_value want_2[] = {{"accuracy", 0.4}, {"accuracy_micro", 0.4}, {"hits_at_k", 0.4}, {"roc_auc", NAN}};
static const float scores_3[] = {0.0f, 0.0f, 0.9f, 0.3f, 0.7f, 0.5f, 0.0f, 0.1f,
                                 0.6f, 0.2f, 0.5f, 0.1f, 0.6f, 0.2f, 0.6f, 0.4f};
static const float targets_3[] = {0.0f, NAN,  1.0f, 0.0f, NAN, NAN,  0.0f, 0.0f,
                                  0.0f, 0.0f, 1.0f, NAN,  NAN, 0.0f, 1.0f, 1.0f};
static const want_value want_3[] = {{"accuracy", 0.727272727272727},
                                    {"precision", 1},
                                    {"recall", 0.25},
                                    {"specificity", 1},
                                    {"f1", 0.4},
                                    {"roc_auc", 0.910714285714286},
                                    {"overall_stats.token_accuracy", 0.727272727272727},
                                    {"overall_stats.kappa_score", 0.297872340425532},
                                    {"overall_stats.avg_precision_macro", 0.85},
                                    {"overall_stats.avg_precision_micro", 0.727272727272727},
                                    {"overall_stats.avg_precision_weighted", 0.809090909090909},
                                    {"overall_stats.avg_recall_macro", 0.625},
                                    {"overall_stats.avg_recall_micro", 0.727272727272727},
                                    {"overall_stats.avg_recall_weighted", 0.727272727272727},
                                    {"overall_stats.avg_f1_score_macro", 0.611764705882353},
                                    {"overall_stats.avg_f1_score_micro", 0.727272727272727},
                                    {"overall_stats.avg_f1_score_weighted", 0.66951871657754},
                                    {"confusion_matrix.0.0", 7},
                                    {"confusion_matrix.0.1", 0},
                                    {"confusion_matrix.1.0", 3},
                                    {"confusion_matrix.1.1", 1},
                                    {"per_class_stats.c1.true_negatives", 7},
                                    {"per_class_stats.c1.specificity", 1},
                                    {"per_class_stats.c1.precision", 1},
                                    {"per_class_stats.c1.miss_rate", 0.75},
                                    {"per_class_stats.c1.f1_score", 0.4},
                                    {"per_class_stats.c1.negative_predictive_value", 0.7},
                                    {"per_class_stats.c1.accuracy", 0.727272727272727},
                                    {"per_class_stats.c1.matthews_correlation_coefficient", 0.418330013267038}};
static const float scores_4[] = {0.4f, 0.5f, 0.3f, 1.0f, 0.3f, 0.2f, 0.9f, 0.9f, 0.1f, 0.7f, 0.9f, 0.9f};
static const float targets_4[] = {0.0f, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 1.0f, 1.0f, 0.0f};
static const want_value want_4[] = {{"accuracy", 0.666666666666667}, {"precision", 0.7},        {"recall", 0.875},
                                    {"specificity", 0.25},           {"f1", 0.777777777777778}, {"roc_auc", 0.640625}};
static const float scores_5[] = {-0.13333239f, 2.3661742f, 2.1620235f, -0.33022448f, 0.649338f,
                                 2.035926f,    4.2575865f, 5.0322013f, 4.1233664f};
static const float targets_5[] = {0.0f,      2.7844937f, 2.8823152f, NAN,       0.8587082f,
                                  1.828326f, 3.762121f,  4.041621f,  4.5653296f};
static const want_value want_5[] = {{"mean_squared_error", 0.277573605020222},
                                    {"mean_absolute_error", 0.452115321531892},
                                    {"root_mean_squared_error", 0.526852545804062},
                                    {"mean_absolute_percentage_error", 14245.0669872257},
                                    {"root_mean_squared_percentage_error", 471.401205998877},
                                    {"r2", 0.875190966700065}};
static const float scores_6[] = {-1.1339518f, 3.168556f,  0.7124601f,   1.4250537f, 6.0541644f, 0.31881514f,
                                 3.1070054f,  5.631745f,  4.9244666f,   4.0901365f, 2.2876596f, 5.9468646f,
                                 1.7328279f,  2.6272755f, -0.69882506f, 2.9700947f, 1.9661205f, 2.8867807f};
static const float targets_6[] = {0.0f,       3.7622068f, 0.7890202f,   2.0331829f, 5.734973f,  -0.7154584f,
                                  3.1286447f, 5.4195724f, 5.154703f,    4.334525f,  3.0291412f, 5.700499f,
                                  NAN,        2.914427f,  -0.37182492f, 3.6213493f, 2.3664026f, 2.999747f};
static const want_value want_6[] = {{"mean_squared_error", 0.303425740658661},
                                    {"mean_absolute_error", 0.441769597927729},
                                    {"root_mean_squared_error", 0.550840939526703},
                                    {"mean_absolute_percentage_error", 64612.8290153225},
                                    {"root_mean_squared_percentage_error", 2927.85094116643},
                                    {"r2", 0.877823277033009}};
static const float scores_7[] = {0.6f, 0.1f, 0.8f, 0.0f, 0.1f, 0.1f, 0.1f, 0.0f, 0.7f, 0.1f, 0.3f, 0.9f, 0.0f, 0.6f,
                                 0.9f, 0.8f, 0.5f, 0.4f, 0.2f, 0.7f, 0.8f, 0.7f, 0.4f, 0.2f, 0.7f, 0.0f, 1.0f, 0.1f};
static const float targets_7[] = {1.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f,
                                  0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 1.0f, 1.0f, 0.0f, 1.0f, 1.0f, 0.0f};
static const want_value want_7[] = {{"jaccard", 0.130952380952381}};
static const float scores_8[] = {0.2f, 0.2f, 0.5f, 0.5f, 0.5f, 0.5f, 0.2f, 0.1f,
                                 0.8f, 0.1f, 0.9f, 0.5f, 0.3f, 0.0f, 0.8f};
static const float targets_8[] = {0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 1.0f,
                                  0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 1.0f, 1.0f};
static const want_value want_8[] = {{"jaccard", 0.25}};
static const metric_case cases[] = {{"category", "{\"top_k\": 2}", 12, 3, scores_0, targets_0, NULL, want_0, 32},
                                    {"category", "{\"top_k\": 3}", 14, 5, scores_1, targets_1, NULL, want_1, 4},
                                    {"category", "{\"top_k\": 1}", 5, 2, scores_2, targets_2, NULL, want_2, 4},
                                    {"binary", "{\"threshold\": 0.7}", 16, 1, scores_3, NULL, targets_3, want_3, 29},
                                    {"binary", "{\"threshold\": 0.3}", 12, 1, scores_4, NULL, targets_4, want_4, 6},
                                    {"number", "{}", 9, 1, scores_5, NULL, targets_5, want_5, 6},
                                    {"vector", "{}", 6, 3, scores_6, NULL, targets_6, want_6, 6},
                                    {"set", "{\"threshold\": 0.5}", 7, 4, scores_7, NULL, targets_7, want_7, 1},
                                    {"set", "{\"threshold\": 0.9}", 5, 3, scores_8, NULL, targets_8, want_8, 1}};
