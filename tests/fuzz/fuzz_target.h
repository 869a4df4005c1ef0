/*
 * A fuzz target: everything that is done with bytes that come from anywhere. Each fuzz_*.c but
 * fuzz_target.c has one, of which a program has one.
 */
#ifndef WP_TESTS_FUZZ_TARGET_H
#define WP_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"

/* Reads the bytes and, if they are accepted, takes them through all that follows, short of opening
 * files that they name. Returns what the reader returned, with its text. Aborts if they were
 * refused without a reason. */
int fuzz_target(const uint8_t *bytes, size_t size, struct wp_error *error);

/* Aborts, and says what is wrong, unless `truth`. */
void fuzz_require(int truth, const char *what);

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
