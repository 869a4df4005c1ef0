/*
 * How long it takes from a region to the bytes of an answer, step by step.
 *
 *   render REGION [ROUNDS]      default 20
 *
 * For the block and the mutex profile, in milliseconds, medians over the rounds: the steps as an
 * agent takes them again and again (warm: symbols are known), then naming with a symbolizer that
 * knows nothing yet, and the whole way to pprof. Last, how large it became.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "profile/encode.h"
#include "profile/profile.h"
#include "profile/region_reader.h"
#include "profile/symbolize.h"

#define ROUNDS_MAX 1000u
#define COLD_ROUNDS_MAX 5u

/* Steps of the way; each one's time stands at its place. */
#define RENDER_STEPS(X)                                                                            \
    X(read) X(add) X(subtract) X(sort) X(symbolize) X(encode) X(whole) X(encode_text)
enum render_step {
#define STEP_ENUM(name) STEP_##name,
    RENDER_STEPS(STEP_ENUM)
#undef STEP_ENUM
        STEP_COUNT
};
static const char *const step_names[STEP_COUNT] = {
#define STEP_NAME(name) #name,
    RENDER_STEPS(STEP_NAME)
#undef STEP_NAME
};

struct render {
    struct wp_region_place place;
    enum wp_region_profile type;
    struct wp_snapshot *earlier;
    double ms[STEP_COUNT][ROUNDS_MAX];
    size_t stacks, locations, bytes;
};

static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
require(int result, const struct wp_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "render: %s\n", error->text);
    exit(1);
}

/* Notes the time since *start_ms, and starts anew. */
static void
step_done(struct render *render, enum render_step step, unsigned round, double *start_ms)
{
    double end_ms = now_ms();

    render->ms[step][round] = end_ms - *start_ms;
    *start_ms = end_ms;
}

static size_t
encode(const char *format, const struct wp_profile *profile, const struct wp_symbols *symbols)
{
    const struct wp_encode_options options = {0};
    struct wp_error error = {""};
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);

    if (stream == NULL) {
        perror("render");
        exit(1);
    }
    require(wp_encoder_find(format)->encode(profile, symbols, &options, stream, &error), &error);
    fclose(stream);
    free(bytes);
    return length;
}

/* What a delta costs more: the earlier profile, and taking it off. */
static void
subtract(struct render *render, const struct wp_snapshot *snapshot, unsigned round)
{
    struct wp_error error = {""};
    struct wp_profile *later = wp_profile_new(render->type);
    struct wp_profile *earlier = wp_profile_new(render->type);
    double start_ms;

    require(wp_profile_add(later, snapshot, &error), &error);
    start_ms = now_ms();
    require(wp_profile_add(earlier, render->earlier, &error), &error);
    require(wp_profile_subtract(later, earlier, &error), &error);
    step_done(render, STEP_subtract, round, &start_ms);
    wp_profile_free(later);
    wp_profile_free(earlier);
}

static void
run_round(struct render *render, struct wp_symbolizer *symbolizer, unsigned round)
{
    struct wp_error error = {""};
    struct wp_profile *profile = wp_profile_new(render->type);
    struct wp_symbols *symbols;
    struct wp_snapshot *snapshot;
    double first_ms = now_ms();
    double start_ms = first_ms;

    require(wp_reader_open(&render->place, &snapshot, &error), &error);
    step_done(render, STEP_read, round, &start_ms);
    require(wp_profile_add(profile, snapshot, &error), &error);
    step_done(render, STEP_add, round, &start_ms);
    wp_profile_sort(profile);
    step_done(render, STEP_sort, round, &start_ms);
    require(wp_symbolize(symbolizer, profile, &symbols, &error), &error);
    step_done(render, STEP_symbolize, round, &start_ms);
    render->bytes = encode("pprof", profile, symbols);
    step_done(render, STEP_encode, round, &start_ms);
    step_done(render, STEP_whole, round, &first_ms);
    render->stacks = profile->sample_count;
    render->locations = symbols->location_count;
    start_ms = now_ms();
    encode("text", profile, symbols);
    step_done(render, STEP_encode_text, round, &start_ms);
    subtract(render, snapshot, round);
    wp_symbols_free(symbols);
    wp_profile_free(profile);
    wp_snapshot_free(snapshot);
}

static int
compare_ms(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double
median_ms(struct render *render, enum render_step step, unsigned rounds)
{
    qsort(render->ms[step], rounds, sizeof render->ms[step][0], compare_ms);
    return render->ms[step][rounds / 2];
}

static void
measure_cold(struct render *render, unsigned rounds)
{
    struct wp_error error = {""};

    for (unsigned round = 0; round < rounds; round++) {
        struct wp_symbolizer *symbolizer;

        require(wp_symbolizer_new(NULL, &symbolizer, &error), &error);
        run_round(render, symbolizer, round);
        wp_symbolizer_free(symbolizer);
    }
    printf("%s cold_symbolize_ms %.2f\n", wp_profile_type_name(render->type),
           median_ms(render, STEP_symbolize, rounds));
    printf("%s cold_whole_ms %.2f\n", wp_profile_type_name(render->type),
           median_ms(render, STEP_whole, rounds));
}

static void
measure_warm(struct render *render, unsigned rounds)
{
    const char *type = wp_profile_type_name(render->type);
    struct wp_error error = {""};
    struct wp_symbolizer *symbolizer;

    require(wp_symbolizer_new(NULL, &symbolizer, &error), &error);
    run_round(render, symbolizer, 0);
    for (unsigned round = 0; round < rounds; round++)
        run_round(render, symbolizer, round);
    wp_symbolizer_free(symbolizer);
    for (unsigned step = 0; step < STEP_COUNT; step++)
        printf("%s %s_ms %.2f\n", type, step_names[step], median_ms(render, step, rounds));
    printf("%s stacks %zu\n%s locations %zu\n%s answer_bytes %zu\n", type, render->stacks, type,
           render->locations, type, render->bytes);
}

int
main(int argc, char **argv)
{
    static struct render render;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20;
    struct wp_error error = {""};
    struct rusage usage;

    if (argc < 2 || rounds == 0 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: render REGION [ROUNDS]\n");
        return 2;
    }
    require(wp_region_find(argv[1], &render.place, &error), &error);
    require(wp_reader_open(&render.place, &render.earlier, &error), &error);
    for (unsigned type = WP_PROFILE_BLOCK; type <= WP_PROFILE_MUTEX; type++) {
        render.type = type;
        measure_cold(&render, rounds < COLD_ROUNDS_MAX ? rounds : COLD_ROUNDS_MAX);
        measure_warm(&render, rounds);
    }
    wp_snapshot_free(render.earlier);
    getrusage(RUSAGE_SELF, &usage);
    printf("peak_resident_KiB %ld\n", usage.ru_maxrss);
    return 0;
}
