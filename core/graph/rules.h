/* SPDX-License-Identifier: Apache-2.0
 * Shape rules: one function per operation, and the checks they are written with. A check that fails leaves the reason
 * in r->why and returns false; a rule never touches the graph. */
#ifndef LUDC_GRAPH_RULES_H
#define LUDC_GRAPH_RULES_H

#include "internal.h"

#define LUDC_RULE_DECLARE(name, code, n_in, n_out, attr) bool ludc_rule_##name(ludc_infer *r);
LUD_OP_MAP(LUDC_RULE_DECLARE)
#undef LUDC_RULE_DECLARE

bool ludc_rule_fail(ludc_infer *, const char *fmt, ...) LUDC_PRINTF(2, 3);
/* Input i has this type and rank (rank 0: any). An absent optional input passes. */
bool ludc_rule_real(ludc_infer *, uint32_t i, int32_t rank);
bool ludc_rule_i32(ludc_infer *, uint32_t i, int32_t rank);
/* Dimension d of input i is `want`; extents compare by number. An absent input passes. */
bool ludc_rule_dim(ludc_infer *, uint32_t i, int32_t d, int64_t want);
/* Input i has the shape and type of input j. */
bool ludc_rule_like(ludc_infer *, uint32_t i, uint32_t j);
/* Sets result k. */
bool ludc_rule_out(ludc_infer *, uint32_t k, int32_t dtype, int32_t rank, const int64_t *dim);
bool ludc_rule_out_like(ludc_infer *, uint32_t k, uint32_t i);
/* b may be added to a: a's shape, its trailing dimensions, or one element. */
bool ludc_rule_broadcast(ludc_infer *, uint32_t a, uint32_t b);

#endif
