/* SPDX-License-Identifier: Apache-2.0
 * OpenBLAS, opened at run time and never a link dependency, so that listing plugins does not load it. One thread
 * inside it; our threads outside. It stays loaded: its own threads cannot be stopped safely. */
#include "cpu.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *open_any(void) {
    static const char *const names[] = {"libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so", "libopenblas.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (lib) return lib;
    }
    return NULL;
}

/* ISO C has no cast from object to function pointer; POSIX wants the bits. */
static void find(void *lib, const char *name, void *fn, size_t size) {
    void *sym = dlsym(lib, name);
    memcpy(fn, &sym, size);
}

void cpu_blas_open(cpu_blas *blas) {
    void (*set_threads)(int) = NULL;
    char *(*config)(void) = NULL;
    *blas = (cpu_blas){0};
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *lib = open_any();
    if (!lib) return;
    find(lib, "openblas_set_num_threads", &set_threads, sizeof set_threads);
    find(lib, "openblas_get_config", &config, sizeof config);
    find(lib, "cblas_sgemm", &blas->sgemm, sizeof blas->sgemm);
    if (set_threads) set_threads(1);
    snprintf(blas->name, sizeof blas->name, "%.47s", config ? config() : "OpenBLAS");
    char *end = strchr(blas->name, ' '); /* "OpenBLAS 0.3.21 NO_AFFINITY ...": keep name and version */
    end = end ? strchr(end + 1, ' ') : NULL;
    if (end) *end = '\0';
}
