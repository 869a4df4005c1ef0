/*
 * The fuzz target: everything that is done with a region's bytes, short of opening the files that
 * it names.
 */
#ifndef WP_TESTS_FUZZ_REGION_H
#define WP_TESTS_FUZZ_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"

/* Reads a region and, if it is accepted, takes it through all that follows. Returns what the reader
 * returned. Aborts if the reader refused it without a reason. */
int fuzz_region(const uint8_t *bytes, size_t size, struct wp_error *error);

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
