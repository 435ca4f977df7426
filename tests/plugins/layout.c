/* SPDX-License-Identifier: Apache-2.0
 * Prints the layout of every struct of the SDK, and the numbers that may never change. The output is compared with
 * layout.txt; a wanted change (a field appended to a struct) is recorded by update-layout.sh. LP64 only. */
#include <ludwig/adapter.h>
#include <ludwig/backend.h>
#include <ludwig/combiner.h>
#include <ludwig/decoder.h>
#include <ludwig/encoder.h>
#include <ludwig/hub.h>
#include <ludwig/ludwig.h>
#include <stdio.h>

#define STRUCT(type)       printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("  %s %zu %zu\n", #field, offsetof(type, field), sizeof(((type *)0)->field))

static void numbers(void) {
#define PRINT_OP(name, code, n_in, n_out, attr) printf("op %s %d: %d -> %d, %s\n", #name, code, n_in, n_out, #attr);
    LUD_OP_MAP(PRINT_OP)
#define PRINT_NUMBER(name, code, text) printf("%s %d\n", #name, code);
    LUD_STATUS_MAP(PRINT_NUMBER)
    LUD_KIND_MAP(PRINT_NUMBER)
}

static void lud_h(void) {
    STRUCT(lud_error);
    FIELD(lud_error, struct_size);
    FIELD(lud_error, code);
    FIELD(lud_error, plugin);
    FIELD(lud_error, msg);
    STRUCT(lud_str);
    FIELD(lud_str, ptr);
    FIELD(lud_str, len);
    STRUCT(lud_cfg_api);
    FIELD(lud_cfg_api, struct_size);
    FIELD(lud_cfg_api, reserved);
    FIELD(lud_cfg_api, type);
    FIELD(lud_cfg_api, len);
    FIELD(lud_cfg_api, at);
    FIELD(lud_cfg_api, key_at);
    FIELD(lud_cfg_api, find);
    FIELD(lud_cfg_api, get);
    FIELD(lud_cfg_api, set_null);
    FIELD(lud_cfg_api, set_bool);
    FIELD(lud_cfg_api, set_int);
    FIELD(lud_cfg_api, set_float);
    FIELD(lud_cfg_api, set_str);
    FIELD(lud_cfg_api, set_copy);
    FIELD(lud_cfg_api, set_list);
    FIELD(lud_cfg_api, set_object);
    STRUCT(lud_host);
    FIELD(lud_host, struct_size);
    FIELD(lud_host, abi_minor);
    FIELD(lud_host, ctx);
    FIELD(lud_host, cfg);
    FIELD(lud_host, alloc);
    FIELD(lud_host, free);
    FIELD(lud_host, log);
    FIELD(lud_host, cancelled);
    FIELD(lud_host, parallel_for);
    FIELD(lud_host, threads);
    FIELD(lud_host, get_service);
    STRUCT(lud_team_api);
    FIELD(lud_team_api, struct_size);
    FIELD(lud_team_api, reserved);
    FIELD(lud_team_api, run);
    FIELD(lud_team_api, barrier);
    STRUCT(lud_inst);
    FIELD(lud_inst, struct_size);
    FIELD(lud_inst, reserved);
    FIELD(lud_inst, open);
    FIELD(lud_inst, close);
    STRUCT(lud_component);
    FIELD(lud_component, struct_size);
    FIELD(lud_component, kind);
    FIELD(lud_component, id);
    FIELD(lud_component, config_name);
    FIELD(lud_component, summary);
    FIELD(lud_component, config_schema);
    FIELD(lud_component, vtable);
    FIELD(lud_component, feature_types);
    FIELD(lud_component, model_types);
    STRUCT(lud_plugin);
    FIELD(lud_plugin, struct_size);
    FIELD(lud_plugin, abi_minor);
    FIELD(lud_plugin, name);
    FIELD(lud_plugin, version);
    FIELD(lud_plugin, vendor);
    FIELD(lud_plugin, license);
    FIELD(lud_plugin, url);
    FIELD(lud_plugin, components);
    FIELD(lud_plugin, n_components);
    FIELD(lud_plugin, reserved);
    FIELD(lud_plugin, init);
    FIELD(lud_plugin, fini);
    FIELD(lud_plugin, get_extension);
}

static void graph_h(void) {
    STRUCT(lud_shape);
    FIELD(lud_shape, dtype);
    FIELD(lud_shape, rank);
    FIELD(lud_shape, dim);
    STRUCT(lud_op);
    FIELD(lud_op, struct_size);
    FIELD(lud_op, opcode);
    FIELD(lud_op, n_in);
    FIELD(lud_op, n_out);
    FIELD(lud_op, flags);
    FIELD(lud_op, attr_size);
    FIELD(lud_op, in);
    FIELD(lud_op, attr);
    FIELD(lud_op, stream);
    STRUCT(lud_site);
    FIELD(lud_site, struct_size);
    FIELD(lud_site, kind);
    FIELD(lud_site, layer);
    FIELD(lud_site, groups);
    FIELD(lud_site, name);
    FIELD(lud_site, weight);
    FIELD(lud_site, bias);
    FIELD(lud_site, d_in);
    FIELD(lud_site, d_out);
    FIELD(lud_site, cfg);
    STRUCT(lud_param_spec);
    FIELD(lud_param_spec, struct_size);
    FIELD(lud_param_spec, flags);
    FIELD(lud_param_spec, init);
    FIELD(lud_param_spec, a);
    FIELD(lud_param_spec, b);
    FIELD(lud_param_spec, lr_scale);
    STRUCT(lud_xent);
    FIELD(lud_xent, struct_size);
    FIELD(lud_xent, logit_scale);
    FIELD(lud_xent, softcap);
    FIELD(lud_xent, smoothing);
    STRUCT(lud_graph_api);
    FIELD(lud_graph_api, struct_size);
    FIELD(lud_graph_api, reserved);
    FIELD(lud_graph_api, op_version);
    FIELD(lud_graph_api, param);
    FIELD(lud_graph_api, constant);
    FIELD(lud_graph_api, emit);
    FIELD(lud_graph_api, linear);
    FIELD(lud_graph_api, embedding);
    FIELD(lud_graph_api, linear_xent);
    FIELD(lud_graph_api, dropout);
    FIELD(lud_graph_api, mark);
    FIELD(lud_graph_api, extent_scaled);
    FIELD(lud_graph_api, shape_of);
    FIELD(lud_graph_api, status);
    FIELD(lud_graph_api, fail);
}

static void ops_h(void) {
    STRUCT(lud_attr_none);
    FIELD(lud_attr_none, reserved);
    STRUCT(lud_attr_scale);
    FIELD(lud_attr_scale, mul);
    FIELD(lud_attr_scale, add);
    STRUCT(lud_attr_act);
    FIELD(lud_attr_act, act);
    STRUCT(lud_attr_shape);
    FIELD(lud_attr_shape, rank);
    FIELD(lud_attr_shape, reserved);
    FIELD(lud_attr_shape, dim);
    STRUCT(lud_attr_slice);
    FIELD(lud_attr_slice, start);
    FIELD(lud_attr_slice, len);
    FIELD(lud_attr_slice, total);
    STRUCT(lud_attr_rows);
    FIELD(lud_attr_rows, rows);
    STRUCT(lud_attr_width);
    FIELD(lud_attr_width, width);
    STRUCT(lud_attr_norm);
    FIELD(lud_attr_norm, eps);
    FIELD(lud_attr_norm, weight_offset);
    STRUCT(lud_attr_rope);
    FIELD(lud_attr_rope, rotary_dim);
    FIELD(lud_attr_rope, interleaved);
    FIELD(lud_attr_rope, inverse);
    FIELD(lud_attr_rope, attention_factor);
    STRUCT(lud_attr_attention);
    FIELD(lud_attr_attention, scale);
    FIELD(lud_attr_attention, softcap);
    FIELD(lud_attr_attention, causal);
    FIELD(lud_attr_attention, left);
    FIELD(lud_attr_attention, right);
    FIELD(lud_attr_attention, cache_slot);
    STRUCT(lud_attr_pool);
    FIELD(lud_attr_pool, rows);
    FIELD(lud_attr_pool, kind);
    FIELD(lud_attr_pool, reserved);
    STRUCT(lud_attr_window);
    FIELD(lud_attr_window, left);
    FIELD(lud_attr_window, right);
    STRUCT(lud_attr_xent);
    FIELD(lud_attr_xent, logit_scale);
    FIELD(lud_attr_xent, softcap);
    FIELD(lud_attr_xent, smoothing);
    FIELD(lud_attr_xent, want);
    STRUCT(lud_attr_loss);
    FIELD(lud_attr_loss, kind);
    FIELD(lud_attr_loss, a);
    FIELD(lud_attr_loss, b);
    STRUCT(lud_attr_dropout);
    FIELD(lud_attr_dropout, p);
}

static void encoder_h(void) {
    STRUCT(lud_seq);
    FIELD(lud_seq, struct_size);
    FIELD(lud_seq, t_extent);
    FIELD(lud_seq, s_extent);
    FIELD(lud_seq, ids);
    FIELD(lud_seq, type_ids);
    FIELD(lud_seq, positions);
    FIELD(lud_seq, seg_offsets);
    FIELD(lud_seq, row_keys);
    FIELD(lud_seq, values);
    STRUCT(lud_encoder_out);
    FIELD(lud_encoder_out, struct_size);
    FIELD(lud_encoder_out, tokens);
    FIELD(lud_encoder_out, rows);
    FIELD(lud_encoder_out, has_vocab);
    FIELD(lud_encoder_out, vocab);
    FIELD(lud_encoder_out, xent);
    STRUCT(lud_source);
    FIELD(lud_source, struct_size);
    FIELD(lud_source, op);
    FIELD(lud_source, file_name);
    FIELD(lud_source, a);
    FIELD(lud_source, b);
    STRUCT(lud_encoder_vt);
    FIELD(lud_encoder_vt, struct_size);
    FIELD(lud_encoder_vt, reserved);
    FIELD(lud_encoder_vt, inst);
    FIELD(lud_encoder_vt, info);
    FIELD(lud_encoder_vt, build);
    FIELD(lud_encoder_vt, sources);
    FIELD(lud_encoder_vt, adapter_targets);
    FIELD(lud_encoder_vt, hf_config);
    FIELD(lud_encoder_vt, gguf_config);
}

static void decoder_h(void) {
    STRUCT(lud_decoder_in);
    FIELD(lud_decoder_in, struct_size);
    FIELD(lud_decoder_in, n_extent);
    FIELD(lud_decoder_in, hidden);
    FIELD(lud_decoder_in, target);
    FIELD(lud_decoder_in, weight);
    FIELD(lud_decoder_in, vocab);
    FIELD(lud_decoder_in, xent);
    STRUCT(lud_decoder_out);
    FIELD(lud_decoder_out, struct_size);
    FIELD(lud_decoder_out, pred);
    FIELD(lud_decoder_out, row_loss);
    FIELD(lud_decoder_out, row_weight);
    FIELD(lud_decoder_out, argmax);
    STRUCT(lud_decoder_vt);
    FIELD(lud_decoder_vt, struct_size);
    FIELD(lud_decoder_vt, reserved);
    FIELD(lud_decoder_vt, inst);
    FIELD(lud_decoder_vt, build);
    FIELD(lud_decoder_vt, metrics);
}

static void combiner_h(void) {
    STRUCT(lud_combiner_in);
    FIELD(lud_combiner_in, struct_size);
    FIELD(lud_combiner_in, reserved);
    FIELD(lud_combiner_in, feature);
    FIELD(lud_combiner_in, seq);
    FIELD(lud_combiner_in, encoded);
    FIELD(lud_combiner_in, row_offsets);
    FIELD(lud_combiner_in, row_of_token);
    STRUCT(lud_combiner_vt);
    FIELD(lud_combiner_vt, struct_size);
    FIELD(lud_combiner_vt, reserved);
    FIELD(lud_combiner_vt, inst);
    FIELD(lud_combiner_vt, build);
}

static void adapter_h(void) {
    STRUCT(lud_weights_api);
    FIELD(lud_weights_api, struct_size);
    FIELD(lud_weights_api, reserved);
    FIELD(lud_weights_api, get);
    FIELD(lud_weights_api, set);
    STRUCT(lud_adapter_vt);
    FIELD(lud_adapter_vt, struct_size);
    FIELD(lud_adapter_vt, reserved);
    FIELD(lud_adapter_vt, inst);
    FIELD(lud_adapter_vt, apply);
    FIELD(lud_adapter_vt, trains);
    FIELD(lud_adapter_vt, penalty);
    FIELD(lud_adapter_vt, update);
    FIELD(lud_adapter_vt, init);
    FIELD(lud_adapter_vt, file_key);
    FIELD(lud_adapter_vt, config);
    FIELD(lud_adapter_vt, merge);
    FIELD(lud_adapter_vt, peft_type);
}

static void backend_h(void) {
    STRUCT(lud_buf);
    FIELD(lud_buf, handle);
    FIELD(lud_buf, size);
    FIELD(lud_buf, host_ptr);
    STRUCT(lud_device);
    FIELD(lud_device, struct_size);
    FIELD(lud_device, type);
    FIELD(lud_device, score);
    FIELD(lud_device, caps);
    FIELD(lud_device, mem_total);
    FIELD(lud_device, mem_free);
    FIELD(lud_device, align);
    FIELD(lud_device, max_alloc);
    FIELD(lud_device, id);
    FIELD(lud_device, name);
    FIELD(lud_device, why);
    STRUCT(lud_tensor);
    FIELD(lud_tensor, struct_size);
    FIELD(lud_tensor, dtype);
    FIELD(lud_tensor, storage);
    FIELD(lud_tensor, role);
    FIELD(lud_tensor, rank);
    FIELD(lud_tensor, buf);
    FIELD(lud_tensor, alias_of);
    FIELD(lud_tensor, reserved);
    FIELD(lud_tensor, dim);
    FIELD(lud_tensor, stride);
    FIELD(lud_tensor, offset);
    FIELD(lud_tensor, bytes);
    STRUCT(lud_program);
    FIELD(lud_program, struct_size);
    FIELD(lud_program, n_ops);
    FIELD(lud_program, n_tensors);
    FIELD(lud_program, n_bufs);
    FIELD(lud_program, n_extents);
    FIELD(lud_program, reserved);
    FIELD(lud_program, ops);
    FIELD(lud_program, first_result);
    FIELD(lud_program, tensors);
    FIELD(lud_program, bufs);
    FIELD(lud_program, extent_max);
    STRUCT(lud_backend_vt);
    FIELD(lud_backend_vt, struct_size);
    FIELD(lud_backend_vt, reserved);
    FIELD(lud_backend_vt, probe);
    FIELD(lud_backend_vt, open);
    FIELD(lud_backend_vt, close);
    FIELD(lud_backend_vt, buf_new);
    FIELD(lud_backend_vt, buf_free);
    FIELD(lud_backend_vt, upload);
    FIELD(lud_backend_vt, download);
    FIELD(lud_backend_vt, supports_op);
    FIELD(lud_backend_vt, weight_new);
    FIELD(lud_backend_vt, compile);
    FIELD(lud_backend_vt, run);
    FIELD(lud_backend_vt, exe_free);
    FIELD(lud_backend_vt, sync);
}

static void hub_h(void) {
    STRUCT(lud_hub_ref);
    FIELD(lud_hub_ref, struct_size);
    FIELD(lud_hub_ref, type);
    FIELD(lud_hub_ref, repo);
    FIELD(lud_hub_ref, revision);
    STRUCT(lud_hub_file);
    FIELD(lud_hub_file, struct_size);
    FIELD(lud_hub_file, reserved);
    FIELD(lud_hub_file, path);
    FIELD(lud_hub_file, size);
    FIELD(lud_hub_file, hash);
    STRUCT(lud_hub_fault);
    FIELD(lud_hub_fault, struct_size);
    FIELD(lud_hub_fault, kind);
    FIELD(lud_hub_fault, wait);
    STRUCT(lud_hub_commit);
    FIELD(lud_hub_commit, struct_size);
    FIELD(lud_hub_commit, private_repo);
    FIELD(lud_hub_commit, message);
    FIELD(lud_hub_commit, description);
    FIELD(lud_hub_commit, parent);
    STRUCT(lud_hub_source);
    FIELD(lud_hub_source, struct_size);
    FIELD(lud_hub_source, reserved);
    FIELD(lud_hub_source, path);
    FIELD(lud_hub_source, size);
    FIELD(lud_hub_source, sha256);
    FIELD(lud_hub_source, git_sha1);
    FIELD(lud_hub_source, read);
    FIELD(lud_hub_source, arg);
    STRUCT(lud_hub_vt);
    FIELD(lud_hub_vt, struct_size);
    FIELD(lud_hub_vt, reserved);
    FIELD(lud_hub_vt, inst);
    FIELD(lud_hub_vt, authorize);
    FIELD(lud_hub_vt, resolve);
    FIELD(lud_hub_vt, fetch);
    FIELD(lud_hub_vt, folder);
    FIELD(lud_hub_vt, begin);
    FIELD(lud_hub_vt, add);
    FIELD(lud_hub_vt, commit);
    FIELD(lud_hub_vt, abort);
    FIELD(lud_hub_vt, describe);
}

static void ludwig_h(void) {
    STRUCT(lud_progress);
    FIELD(lud_progress, struct_size);
    FIELD(lud_progress, phase);
    FIELD(lud_progress, done);
    FIELD(lud_progress, total);
    FIELD(lud_progress, loss);
    FIELD(lud_progress, learning_rate);
    FIELD(lud_progress, per_second);
    FIELD(lud_progress, eta_seconds);
    FIELD(lud_progress, unit);
    STRUCT(lud_metric);
    FIELD(lud_metric, feature);
    FIELD(lud_metric, name);
    FIELD(lud_metric, training);
    FIELD(lud_metric, validation);
    FIELD(lud_metric, test);
    STRUCT(lud_evaluation);
    FIELD(lud_evaluation, struct_size);
    FIELD(lud_evaluation, improved);
    FIELD(lud_evaluation, step);
    FIELD(lud_evaluation, epoch);
    FIELD(lud_evaluation, metrics);
    FIELD(lud_evaluation, n_metrics);
    STRUCT(lud_events);
    FIELD(lud_events, struct_size);
    FIELD(lud_events, reserved);
    FIELD(lud_events, arg);
    FIELD(lud_events, log);
    FIELD(lud_events, progress);
    FIELD(lud_events, evaluated);
    STRUCT(lud_session_opts);
    FIELD(lud_session_opts, struct_size);
    FIELD(lud_session_opts, threads);
    FIELD(lud_session_opts, plugin_paths);
    FIELD(lud_session_opts, n_plugin_paths);
    FIELD(lud_session_opts, events);
    FIELD(lud_session_opts, log_level);
    STRUCT(lud_config_source);
    FIELD(lud_config_source, struct_size);
    FIELD(lud_config_source, path);
    FIELD(lud_config_source, text);
    FIELD(lud_config_source, sets);
    FIELD(lud_config_source, n_sets);
    STRUCT(lud_data_source);
    FIELD(lud_data_source, struct_size);
    FIELD(lud_data_source, dataset);
    FIELD(lud_data_source, training_set);
    FIELD(lud_data_source, validation_set);
    FIELD(lud_data_source, test_set);
    FIELD(lud_data_source, format);
    STRUCT(lud_train_opts);
    FIELD(lud_train_opts, struct_size);
    FIELD(lud_train_opts, data);
    FIELD(lud_train_opts, output_directory);
    FIELD(lud_train_opts, experiment_name);
    FIELD(lud_train_opts, model_name);
    FIELD(lud_train_opts, random_seed);
    FIELD(lud_train_opts, evaluate_test);
    FIELD(lud_train_opts, skip_save_model);
    FIELD(lud_train_opts, command);
    FIELD(lud_train_opts, k_fold);
    FIELD(lud_train_opts, skip_save_k_fold_split_indices);
    FIELD(lud_train_opts, skip_save_processed_input);
    STRUCT(lud_export_opts);
    FIELD(lud_export_opts, struct_size);
    FIELD(lud_export_opts, format);
    FIELD(lud_export_opts, output);
    FIELD(lud_export_opts, type);
    STRUCT(lud_upload_opts);
    FIELD(lud_upload_opts, struct_size);
    FIELD(lud_upload_opts, private_repo);
    FIELD(lud_upload_opts, dry_run);
    FIELD(lud_upload_opts, repo);
    FIELD(lud_upload_opts, repo_type);
    FIELD(lud_upload_opts, commit_message);
    FIELD(lud_upload_opts, commit_description);
    STRUCT(lud_train_result);
    FIELD(lud_train_result, struct_size);
    FIELD(lud_train_result, interrupted);
    FIELD(lud_train_result, run_dir);
    FIELD(lud_train_result, experiment);
    FIELD(lud_train_result, validation_metric);
    FIELD(lud_train_result, feature);
    FIELD(lud_train_result, best_step);
    FIELD(lud_train_result, best_epoch);
    FIELD(lud_train_result, steps);
    FIELD(lud_train_result, epochs);
    FIELD(lud_train_result, best_validation);
    FIELD(lud_train_result, best_test);
    FIELD(lud_train_result, tokens);
    FIELD(lud_train_result, unit);
    FIELD(lud_train_result, seconds);
    FIELD(lud_train_result, peak_rss_bytes);
    STRUCT(lud_predict_opts);
    FIELD(lud_predict_opts, struct_size);
    FIELD(lud_predict_opts, data);
    FIELD(lud_predict_opts, split);
    FIELD(lud_predict_opts, output_path);
    FIELD(lud_predict_opts, output_directory);
    FIELD(lud_predict_opts, generation);
    FIELD(lud_predict_opts, limit);
}

int main(void) {
    lud_h();
    graph_h();
    ops_h();
    encoder_h();
    decoder_h();
    combiner_h();
    adapter_h();
    backend_h();
    hub_h();
    ludwig_h();
    numbers();
    return 0;
}
