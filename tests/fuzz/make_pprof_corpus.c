/*
 * Writes the seed corpus of pprof files: make_pprof_corpus DIRECTORY. The names follow the rules of
 * replay_corpus.c. Files of Go, named valid-go-*, are those of tests/compare/go_profiles.go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/pprof_builder.h"

/* A profile of ours: two stacks of three functions, one inlined, one address without symbols. */
static void
corpus_fill(struct pprof_builder *builder)
{
    uint64_t mapping, leaf, caller, frames[3];
    Wp__Pprof__Sample *sample;

    pprof_builder_init(builder);
    mapping = pprof_builder_mapping(builder, "/bin/sample", 0x400000, 0x1000);
    leaf = pprof_builder_function(builder, "pthread_mutex_lock", "");
    frames[0] = pprof_builder_location(builder, mapping, 0x400100);
    pprof_builder_line(builder, frames[0], leaf, 0);
    caller = pprof_builder_function(builder, "inlined.constprop.0", "a.c");
    frames[1] = pprof_builder_location(builder, mapping, 0x400200);
    pprof_builder_line(builder, frames[1], caller, 12);
    caller = pprof_builder_function(builder, "caller", "b\xff.c");
    pprof_builder_line(builder, frames[1], caller, 34);
    frames[2] = pprof_builder_location(builder, mapping, 0x400300);
    sample = pprof_builder_sample(builder, frames, 3, 7, 123456);
    pprof_builder_label(builder, sample, "kind", "mutex");
    sample->kept_samples = 5;
    sample->variance = 1e6;
    sample->squares = 2e9;
    pprof_builder_sample(builder, frames, 2, 1, 5)->kept_samples = 1;
    pprof_builder_comment(builder, "waitprof 0.1.0: block profile: for tests");
    builder->profile->time_nanos = 1700000000000000000;
    builder->profile->duration_nanos = 1000000000;
}

/* Each case changes a filled profile. */
typedef void corpus_change(struct pprof_builder *builder);

static void
corpus_small(struct pprof_builder *builder)
{
    (void)builder;
}

static void
corpus_empty(struct pprof_builder *builder)
{
    pprof_builder_free(builder);
    pprof_builder_init(builder);
}

static void
corpus_huge_values(struct pprof_builder *builder)
{
    Wp__Pprof__Sample *sample = builder->profile->sample[0];

    sample->value[0] = sample->value[1] = INT64_MAX;
    sample->kept_samples = UINT64_MAX;
    sample->variance = sample->squares = 0x1p1000;
    builder->profile->duration_nanos = INT64_MAX;
    builder->profile->run_nanos = UINT64_MAX;
    builder->profile->location[0]->address = UINT64_MAX;
    builder->profile->location[1]->line[0]->line = INT64_MIN;
}

static void
corpus_negative(struct pprof_builder *builder)
{
    builder->profile->sample[0]->value[0] = -1;
}

static void
corpus_location(struct pprof_builder *builder)
{
    builder->profile->sample[1]->location_id[1] = 1u << 31;
}

static void
corpus_location_twice(struct pprof_builder *builder)
{
    builder->profile->location[2]->id = 1;
}

static void
corpus_function(struct pprof_builder *builder)
{
    builder->profile->location[1]->line[1]->function_id = UINT64_MAX;
}

static void
corpus_mapping(struct pprof_builder *builder)
{
    builder->profile->location[2]->mapping_id = 2;
}

static void
corpus_string(struct pprof_builder *builder)
{
    builder->profile->function[1]->name = INT64_MAX;
}

static void
corpus_values(struct pprof_builder *builder)
{
    builder->profile->sample[0]->n_value = 1;
}

static void
corpus_error(struct pprof_builder *builder)
{
    builder->profile->sample[0]->variance = __builtin_nan("");
}

static void
corpus_type(struct pprof_builder *builder)
{
    builder->profile->sample_type[1]->type = pprof_builder_string(builder, "cpu");
}

static const struct {
    const char *name;
    corpus_change *change;
} corpus_cases[] = {
    {"valid-small", corpus_small},
    {"valid-empty", corpus_empty},
    {"valid-huge-values", corpus_huge_values},
    {"hostile-negative", corpus_negative},
    {"hostile-location", corpus_location},
    {"hostile-location-twice", corpus_location_twice},
    {"hostile-function", corpus_function},
    {"hostile-mapping", corpus_mapping},
    {"hostile-string", corpus_string},
    {"hostile-values", corpus_values},
    {"hostile-error", corpus_error},
    {"hostile-type", corpus_type},
};

static void
corpus_write(const char *directory, const char *name, const void *bytes, size_t length)
{
    char path[4096];
    FILE *stream;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    stream = fopen(path, "wb");
    if (stream == NULL || fwrite(bytes, 1, length, stream) != length || fclose(stream) != 0) {
        perror(path);
        exit(1);
    }
}

/* The same bytes, compressed and cut. */
static void
corpus_write_compressed(const char *directory, const struct pprof_bytes *packed)
{
    struct pprof_bytes gzip = pprof_bytes_gzip(packed->bytes, packed->length);

    corpus_write(directory, "valid-gzip", gzip.bytes, gzip.length);
    corpus_write(directory, "truncated-gzip-by-a-byte", gzip.bytes, gzip.length - 1);
    corpus_write(directory, "truncated-gzip-in-header", gzip.bytes, 5);
    gzip.bytes[gzip.length / 2] ^= 0x10;
    corpus_write(directory, "hostile-gzip", gzip.bytes, gzip.length);
    free(gzip.bytes);
    corpus_write(directory, "truncated-in-half", packed->bytes, packed->length / 2);
    corpus_write(directory, "truncated-to-nothing", "", 0);
}

int
main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "use: make_pprof_corpus DIRECTORY\n");
        return 1;
    }
    for (size_t i = 0; i < sizeof corpus_cases / sizeof corpus_cases[0]; i++) {
        struct pprof_builder builder;
        struct pprof_bytes packed;

        corpus_fill(&builder);
        corpus_cases[i].change(&builder);
        packed = pprof_builder_pack(&builder);
        corpus_write(arguments[1], corpus_cases[i].name, packed.bytes, packed.length);
        if (i == 0)
            corpus_write_compressed(arguments[1], &packed);
        free(packed.bytes);
        pprof_builder_free(&builder);
    }
    return 0;
}
