/* SPDX-License-Identifier: Apache-2.0
 * The gradient of a wide weight by OpenBLAS, where the kernels are portable C and the library is found. Only here: a
 * row of other products must not depend on its neighbours, and OpenBLAS chooses its order of operations by the number
 * of rows. Tiles, and so the bits, depend on the shape alone. */
#include "ops.h"

enum {
    TILE_M = 384,
    TILE_K = 288,
    MIN_K = 96,
    WIDE = 512,
    MIN_ROWS = 32,
    ROW_MAJOR = 101,
    NO_TRANS = 111,
    TRANS = 112
};

bool FN(blas_grad_weight)(cpu_worker *w, const cpu_step *s, uint32_t number, const grad_weight *g) {
    if (g->t < MIN_ROWS || g->m < WIDE || g->k < MIN_K) return false;
    if (g->t > INT32_MAX || g->ld_dy > INT32_MAX || g->k > INT32_MAX) return false;
    int64_t cols = cpu_ceil_div(g->k, TILE_K);
    cpu_loop loop = cpu_loop_start(w, s, number, cpu_ceil_div(g->m, TILE_M) * cols);
    for (int64_t i; cpu_loop_next(&loop, &i);) {
        int64_t m0 = i / cols * TILE_M, k0 = i % cols * TILE_K;
        w->blas->sgemm(ROW_MAJOR, TRANS, NO_TRANS, (int)CPU_MIN(g->m - m0, TILE_M), (int)CPU_MIN(g->k - k0, TILE_K),
                       (int)g->t, 1.0f, g->dy + m0, (int)g->ld_dy, g->x + k0, (int)g->k, g->accumulate ? 1.0f : 0.0f,
                       g->dw + m0 * g->k + k0, (int)g->k);
    }
    return true;
}
