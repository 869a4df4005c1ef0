/*
 * What the reader of pprof files makes of messages: both sides of it, in one line each.
 */
#ifndef WP_TESTS_PPROF_ASSERT_H
#define WP_TESTS_PPROF_ASSERT_H

#include <stddef.h>

#include "compare/pprof_builder.h"
#include "compare/pprof_file.h"

/* cmocka of Debian 12 compares floats alone. */
void pprof_assert_number(double is, double should);

/* What was built, read back; the caller frees it. Frees the builder. */
struct wp_pprof *pprof_assert_decoded(struct pprof_builder *builder);

/* Refused as damaged or foreign, with a text that names the file and says why. */
void pprof_assert_refused_bytes(const void *bytes, size_t length, const char *why);
void pprof_assert_refused(struct pprof_builder *builder, const char *why); /* frees the builder */

#endif
