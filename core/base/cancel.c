/* SPDX-License-Identifier: Apache-2.0
 * cancel: the number of times that somebody asked to stop. Invariant: safe inside a signal handler, so it is one
 * lock-free counter and nothing else. Does not stop anything: loops poll it. */
#include "base.h"

#include <stdatomic.h>

static atomic_int requests;

void ludc_cancel_request(void) {
    atomic_fetch_add(&requests, 1);
}

void ludc_cancel_clear(void) {
    atomic_store(&requests, 0);
}

int ludc_cancel_requested(void) {
    return atomic_load_explicit(&requests, memory_order_relaxed);
}
