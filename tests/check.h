/* SPDX-License-Identifier: Apache-2.0
 * Checks for test programs: print got, want and where; go on; the process fails at the end. Independent of NDEBUG. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures, check_count;

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        check_count++;                                                                                                 \
        if (!(cond)) {                                                                                                 \
            check_failures++;                                                                                          \
            fprintf(stderr, "%s:%d: CHECK failed: %s\n", __FILE__, __LINE__, #cond);                                   \
        }                                                                                                              \
    } while (0)

/* A status that must be LUD_OK; prints the message of err (a lud_error). */
#define CHECK_OK(expr, err)                                                                                            \
    do {                                                                                                               \
        int check_status_ = (int)(expr);                                                                               \
        check_count++;                                                                                                 \
        if (check_status_ != 0) {                                                                                      \
            check_failures++;                                                                                          \
            fprintf(stderr, "%s:%d: %s: status %d: %s\n", __FILE__, __LINE__, #expr, check_status_, (err).msg);        \
        }                                                                                                              \
    } while (0)

#define CHECK_INT(got, want)                                                                                           \
    do {                                                                                                               \
        long long check_got_ = (long long)(got), check_want_ = (long long)(want);                                      \
        check_count++;                                                                                                 \
        if (check_got_ != check_want_) {                                                                               \
            check_failures++;                                                                                          \
            fprintf(stderr, "%s:%d: %s: got %lld, want %lld\n", __FILE__, __LINE__, #got, check_got_, check_want_);    \
        }                                                                                                              \
    } while (0)

#define CHECK_TEXT(got, want)                                                                                          \
    do {                                                                                                               \
        const char *check_got_ = (got), *check_want_ = (want);                                                         \
        check_count++;                                                                                                 \
        if (!check_got_ || strcmp(check_got_, check_want_) != 0) {                                                     \
            check_failures++;                                                                                          \
            fprintf(stderr, "%s:%d: %s: got '%s', want '%s'\n", __FILE__, __LINE__, #got,                              \
                    check_got_ ? check_got_ : "(null)", check_want_);                                                  \
        }                                                                                                              \
    } while (0)

static inline int check_done(void) {
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
