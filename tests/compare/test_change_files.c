/*
 * The whole way of a judgement: simulated captures become profiles, and pprof files by our own
 * encoder; these are read back, lined up and judged. Seeds are fixed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/change.h"
#include "compare/comparison.h"
#include "compare/simulated_run.h"
#include "profile/cmocka_all.h"
#include "profile/encode.h"
#include "profile/region_builder.h"

#define PAIRS 200u
#define CAPTURES 9u
#define NOISE 0.02
#define FALSE_ALARMS_MAX 3u
#define FOUND_MIN 190u
#define CAPTURE_NS 10000000000u

/* Stacks of the program, and what part of its waits each has. */
static const double shares[] = {0.7, 0.2, 0.1};
#define STACKS (sizeof shares / sizeof *shares)

/* The program's profile, filled anew for each capture. */
struct program_profile {
    struct wp_symbolizer *symbolizer;
    struct wp_profile *profile;
    struct wp_symbols *symbols;
};

static void
program_profile_init(struct program_profile *program)
{
    const struct wp_symbolizer_options offline = {.offline = true};
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    uint16_t lock;
    int fd;

    region_builder_init(&builder, NULL);
    region_builder_module(&builder, 1, "/opt/shop/bin/shop", 0x400000, 0x1000, 0x9000);
    lock = region_builder_function(&builder, "pthread_mutex_lock", "mutex", 0, 0);
    for (uint32_t i = 0; i < STACKS; i++) {
        uint64_t frames[2] = {region_builder_frame(1, 0x2000 + 0x100 * i),
                              region_builder_frame(1, 0x4000)};

        region_builder_stack(&builder, i, WP_PROFILE_BLOCK, lock, frames, 2,
                             (struct region_builder_cost){WP_REGION_COUNT_ONE, 1, 1, 0});
    }
    fd = region_builder_memfd(&builder, builder.size_bytes);
    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    close(fd);
    region_builder_free(&builder);
    program->profile = wp_profile_new(WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_add(program->profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    program->profile->duration_ns = CAPTURE_NS;
    assert_int_equal(program->profile->sample_count, STACKS);
    assert_int_equal(wp_symbolizer_new(&offline, &program->symbolizer, &error), 0);
    assert_int_equal(wp_symbolize(program->symbolizer, program->profile, &program->symbols, &error),
                     0);
}

static void
program_profile_free(struct program_profile *program)
{
    wp_symbols_free(program->symbols);
    wp_profile_free(program->profile);
    wp_symbolizer_free(program->symbolizer);
}

/* Sets what a capture kept, and says what it is all together. */
static struct simulated_capture
program_profile_fill(const struct program_profile *program, const struct simulated_program *runs,
                     double factor, uint64_t *seed)
{
    struct simulated_capture sum = {0};

    for (uint32_t i = 0; i < STACKS; i++) {
        struct wp_profile_sample *sample = program->profile->samples[i];
        struct simulated_program part = *runs;
        struct simulated_capture capture;

        part.waits *= shares[i];
        capture = simulated_capture_make(seed, &part, factor);
        sample->contentions_fixed = (uint64_t)(capture.contentions * WP_REGION_COUNT_ONE);
        sample->delay_ns = (uint64_t)capture.delay_ns;
        sample->samples = (uint64_t)capture.samples;
        sample->variance = capture.variance;
        sample->squares = capture.squares;
        sum.delay_ns += capture.delay_ns;
        sum.variance += capture.variance;
        sum.squares += capture.squares;
    }
    return sum;
}

/* Encoded as a file, and read back. */
static struct wp_pprof *
program_profile_file(const struct program_profile *program)
{
    const struct wp_encode_options options = {0};
    struct wp_error error = {""};
    struct wp_pprof *pprof;
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);

    assert_int_equal(wp_encoder_find("pprof")->encode(program->profile, program->symbols, &options,
                                                      stream, &error),
                     0);
    fclose(stream);
    if (wp_pprof_decode(bytes, size, "test.pb.gz", &pprof, &error) != 0)
        fail_msg("%s", error.text);
    free(bytes);
    return pprof;
}

static void
check_values(const struct wp_comparison *comparison, enum wp_comparison_side side, size_t i,
             const struct simulated_capture *sum)
{
    const struct wp_values *values = &comparison->total.delay[side];
    double seconds = CAPTURE_NS / 1e9;

    assert_true(fabs(values->value[i] * seconds / sum->delay_ns - 1) < 1e-9);
    assert_true(fabs(values->noise[i] * seconds * seconds / sum->squares - 1) < 1e-9);
    assert_true(fabs(values->sampling[i] * seconds * seconds / sum->variance - 1) < 1e-9);
}

static enum wp_verdict
judge_pair(uint32_t pair, double change, const struct program_profile *program)
{
    const struct simulated_program runs = simulated_program_of_noise(NOISE);
    const struct wp_comparison_options options = {.grouping = WP_COMPARE_STACKS};
    struct simulated_series series = {.seed = pair * 7919 + 3};
    struct simulated_capture sums[2][CAPTURES] = {{{0}}};
    struct wp_pprof *files[2][CAPTURES];
    struct wp_pprof *const *captures[WP_SIDE_COUNT] = {files[0], files[1]};
    const size_t counts[WP_SIDE_COUNT] = {CAPTURES, CAPTURES};
    struct wp_comparison *comparison;
    struct wp_judgement judgement;
    struct wp_error error = {""};

    for (uint32_t i = 0; i < 2 * CAPTURES; i++) {
        double factor = simulated_run_factor(&series, &runs) * (i % 2 == 1 ? change : 1);

        sums[i % 2][i / 2] = program_profile_fill(program, &runs, factor, &series.seed);
        files[i % 2][i / 2] = program_profile_file(program);
    }
    if (wp_comparison_make(captures, counts, &options, &comparison, &error) != 0)
        fail_msg("%s", error.text);
    assert_int_equal(comparison->row_count, STACKS);
    for (uint32_t i = 0; i < 2 * CAPTURES; i++)
        check_values(comparison, i % 2, i / 2, &sums[i % 2][i / 2]);
    wp_change_judge(&comparison->total.delay[WP_SIDE_BASE], &comparison->total.delay[WP_SIDE_NEW],
                    0.05, 0.01, &judgement);
    wp_comparison_free(comparison);
    for (uint32_t i = 0; i < 2 * CAPTURES; i++)
        wp_pprof_free(files[i % 2][i / 2]);
    return judgement.verdict;
}

static uint32_t
count_regressions(double change)
{
    struct program_profile program;
    uint32_t regressions = 0;

    program_profile_init(&program);
    for (uint32_t pair = 0; pair < PAIRS; pair++)
        regressions += judge_pair(pair, change, &program) == WP_VERDICT_REGRESSION;
    program_profile_free(&program);
    print_message("%+.0f %%: a regression in %u of %u pairs of %u files a side\n",
                  100 * (change - 1), regressions, PAIRS, CAPTURES);
    return regressions;
}

static void
files_of_equal_runs_are_called_a_regression_in_less_than_2_of_100(void **state)
{
    (void)state;
    assert_in_range(count_regressions(1), 0, FALSE_ALARMS_MAX);
}

static void
files_of_runs_10_percent_slower_are_called_a_regression_in_95_of_100(void **state)
{
    (void)state;
    assert_in_range(count_regressions(1.10), FOUND_MIN, PAIRS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_equal_runs_are_called_a_regression_in_less_than_2_of_100),
        cmocka_unit_test(files_of_runs_10_percent_slower_are_called_a_regression_in_95_of_100),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
