/*
 * Regions for tests, made byte by byte: sound ones by these functions, unsound ones by changing the
 * bytes afterwards.
 */
#ifndef WP_TESTS_REGION_BUILDER_H
#define WP_TESTS_REGION_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "core/region_format.h"

/* Room in the tables; 0 takes a small default. */
struct region_builder_sizes {
    uint32_t functions;
    uint32_t processes;
    uint32_t modules;
    uint32_t string_bytes;
    uint32_t buckets;
    uint32_t stack_units;
    uint32_t threads;
};

struct region_builder {
    unsigned char *bytes; /* the whole file */
    size_t size_bytes;
};

/* A region of a program "sample" (pid 4242) with rates 1/1, one process, and no stacks. Aborts the
 * test when memory is short. */
void region_builder_init(struct region_builder *builder, const struct region_builder_sizes *sizes);
void region_builder_free(struct region_builder *builder);

struct wp_region_header *region_builder_header(struct region_builder *builder);

/* Row 0 of a table. */
void *region_builder_rows(struct region_builder *builder, enum wp_region_table_id table);

uint32_t region_builder_string(struct region_builder *builder, const char *text);

/* Both strings and argument bytes. */
void region_builder_arguments(struct region_builder *builder, const char *const *arguments);

/* Adds a row, of no family, and returns its number. */
uint16_t region_builder_function(struct region_builder *builder, const char *name, const char *kind,
                                 uint32_t module, uint64_t vaddr);

/* The row of a function, to change its other fields. */
struct wp_region_function *region_builder_function_row(struct region_builder *builder,
                                                       uint16_t function);

/* Where a shard counts the waits of a function. */
uint64_t *region_builder_waits(struct region_builder *builder, uint32_t shard, uint16_t function);

/* Adds a module at `row`, which the caller chooses. */
struct wp_region_module *region_builder_module(struct region_builder *builder, uint32_t row,
                                               const char *path, uint64_t bias, uint64_t text_vaddr,
                                               uint64_t text_bytes);
void region_builder_build_id(struct wp_region_module *module, const void *bytes, size_t length);
void region_builder_process(struct region_builder *builder, uint32_t pid, uint32_t parent);

/* What a stack has cost. */
struct region_builder_cost {
    uint64_t contentions_fixed;
    uint64_t delay_ns;
    uint64_t samples;
    double variance; /* and the sum of squares */
};

/* Adds a stack at the head of a bucket and returns its record. */
struct wp_region_stack *region_builder_stack(struct region_builder *builder, uint32_t bucket,
                                             enum wp_region_profile profile, uint16_t function,
                                             const uint64_t *frames, uint16_t depth,
                                             struct region_builder_cost cost);

/* A frame of a module: a return address. */
uint64_t region_builder_frame(uint32_t module, uint64_t vaddr);

/* The region as a file without a name; the caller closes it. */
int region_builder_memfd(const struct region_builder *builder, size_t bytes);

/* The region as a file. */
void region_builder_write(const struct region_builder *builder, const char *path);

#endif
