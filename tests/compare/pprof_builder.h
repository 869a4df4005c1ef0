/*
 * Messages of pprof files for tests: sound ones by these functions, unsound ones by changing what
 * they made. All abort the test when memory is short.
 */
#ifndef WP_TESTS_PPROF_BUILDER_H
#define WP_TESTS_PPROF_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "profile.pb-c.h"

struct pprof_builder {
    Wp__Pprof__Profile *profile;
};

/* The bytes of a file; free(bytes). */
struct pprof_bytes {
    uint8_t *bytes;
    size_t length;
};

/* A profile with the types contentions/count and delay/nanoseconds, and nothing else. */
void pprof_builder_init(struct pprof_builder *builder);
void pprof_builder_free(struct pprof_builder *builder);

int64_t pprof_builder_string(struct pprof_builder *builder,
                             const char *text); /* always a new one */
void pprof_builder_comment(struct pprof_builder *builder, const char *text);
void pprof_builder_type(struct pprof_builder *builder, const char *type, const char *unit);

/* These return ids, which are 1, 2, 3 ... A location has no lines at first; its mapping may be
 * 0. */
uint64_t pprof_builder_mapping(struct pprof_builder *builder, const char *path, uint64_t start,
                               uint64_t offset);
uint64_t pprof_builder_function(struct pprof_builder *builder, const char *name, const char *file);
uint64_t pprof_builder_location(struct pprof_builder *builder, uint64_t mapping, uint64_t address);
void pprof_builder_line(struct pprof_builder *builder, uint64_t location, uint64_t function,
                        int64_t line);

/* A location of one new function. */
uint64_t pprof_builder_frame(struct pprof_builder *builder, const char *name);

/* Values are in the order of the types: contentions, delay. */
Wp__Pprof__Sample *pprof_builder_sample(struct pprof_builder *builder, const uint64_t *locations,
                                        size_t depth, int64_t first, int64_t second);
void pprof_builder_label(struct pprof_builder *builder, Wp__Pprof__Sample *sample, const char *key,
                         const char *text);

struct pprof_bytes pprof_builder_pack(const struct pprof_builder *builder);
struct pprof_bytes pprof_bytes_gzip(const void *bytes, size_t length);

#endif
