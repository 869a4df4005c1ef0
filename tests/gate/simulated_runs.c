#include "gate/simulated_runs.h"

#include <math.h>
#include <string.h>

#define DURATION_NS UINT64_C(10000000000)
/* Above it, a Poisson number is as good as normal. */
#define POISSON_EXACT_MAX 50.0

const struct simulated_program simulated_default = {
    .delay_ns = {4.0e9, 2.0e9, 1.3e9, 0.9e9, 0.6e9, 0.4e9, 0.25e9, 0.15e9, 0.12e9, 0.1e9, 0.08e9,
                 0.05e9, 0.03e9, 0.02e9},
    .rare_share = 1,
    .wait_ns = 50e3,
    .run_noise = 0.02,
    .function_noise = 0.01,
};

/* Those that wait in some runs only, if there are such: 6 % of the delay. */
static bool
is_rare(unsigned function)
{
    return function == 5 || function == 8 || function == 11 || function == 13;
}

/* --- Chance --------------------------------------------------------------------------------- */

/* SplitMix64 of Steele, Lea and Flood (OOPSLA 2014). In (0, 1). */
static double
uniform(struct simulated_random *random)
{
    uint64_t bits = random->state += UINT64_C(0x9e3779b97f4a7c15);

    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    bits ^= bits >> 31;
    return ((double)(bits >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(struct simulated_random *random)
{
    double radius = sqrt(-2 * log(uniform(random)));

    return radius * cos(2 * 3.14159265358979323846 * uniform(random));
}

/* Of mean 1. */
static double
lognormal(struct simulated_random *random, double deviation)
{
    return exp(deviation * normal(random) - deviation * deviation / 2);
}

static double
poisson(struct simulated_random *random, double mean)
{
    double product = 1, least = exp(-mean);
    unsigned count = 0;

    if (mean > POISSON_EXACT_MAX)
        return fmax(0, round(mean + sqrt(mean) * normal(random)));
    for (;;) {
        product *= uniform(random);
        if (product <= least)
            return count;
        count++;
    }
}

/* --- Captures ------------------------------------------------------------------------------- */

static const struct wp_pprof_frame leaf = {
    .name = "pthread_mutex_lock", .file = "", .mapping = "/lib/libwaitprof.so", .address = 0x1000};
static const struct wp_pprof_frame root = {
    .name = "main", .file = "service.c", .line = 10, .mapping = "/bin/service", .address = 0x2000};

#define CALLER(number)                                                                             \
    {                                                                                              \
        .name = "function_" number, .file = "service.c", .mapping = "/bin/service",                \
        .address = 0x3000                                                                          \
    }
static const struct wp_pprof_frame callers[SIMULATED_FUNCTIONS] = {
    CALLER("0"), CALLER("1"), CALLER("2"), CALLER("3"),  CALLER("4"),  CALLER("5"),  CALLER("6"),
    CALLER("7"), CALLER("8"), CALLER("9"), CALLER("10"), CALLER("11"), CALLER("12"), CALLER("13"),
};

#define FRAMES(number)                                                                             \
    {                                                                                              \
        &leaf, &callers[number], &root                                                             \
    }
static const struct wp_pprof_frame *const frames[SIMULATED_FUNCTIONS][3] = {
    FRAMES(0), FRAMES(1), FRAMES(2), FRAMES(3),  FRAMES(4),  FRAMES(5),  FRAMES(6),
    FRAMES(7), FRAMES(8), FRAMES(9), FRAMES(10), FRAMES(11), FRAMES(12), FRAMES(13),
};

/* Waits of one function in one run that are `delay_ns` in expectation, and what is kept of them.
 * Rates are much longer than a wait: each kept one stands for a rate. */
static void
fill_stack(const struct simulated_program *program, struct simulated_random *random,
           double delay_ns, struct wp_pprof_stack *stack)
{
    double waits = poisson(random, delay_ns / program->wait_ns);
    double deviation = sqrt(waits) * program->wait_ns;
    double truth_ns = fmax(0, waits * program->wait_ns + deviation * normal(random));

    stack->contentions = waits;
    if (program->rate_ns > 0) {
        stack->samples = poisson(random, truth_ns / program->rate_ns);
        stack->delay_ns = stack->samples * program->rate_ns;
        stack->squares = stack->delay_ns * program->rate_ns;
        stack->variance = stack->squares * (1 - program->wait_ns / program->rate_ns);
    } else {
        stack->samples = waits;
        stack->delay_ns = truth_ns;
        stack->squares = 2 * waits * program->wait_ns * program->wait_ns;
    }
}

void
simulated_run_make(const struct simulated_program *program, struct simulated_random *random,
                   struct simulated_run *run)
{
    double common = lognormal(random, program->run_noise);

    if (uniform(random) < program->disturbed_share)
        common *= program->disturbed_times;
    memset(run, 0, sizeof *run);
    run->pprof = (struct wp_pprof){.path = "simulated",
                                   .type = WP_PROFILE_BLOCK,
                                   .is_ours = true,
                                   .has_kinds = true,
                                   .has_errors = true,
                                   .duration_ns = DURATION_NS,
                                   .span_ns = DURATION_NS,
                                   .stacks = run->stacks};
    for (unsigned i = 0; i < SIMULATED_FUNCTIONS; i++) {
        struct wp_pprof_stack *stack = &run->stacks[run->pprof.stack_count];
        double share = is_rare(i) ? program->rare_share : 1;
        double expected_ns =
            program->delay_ns[i] / share * common * lognormal(random, program->function_noise);

        if (uniform(random) >= share)
            continue;
        fill_stack(program, random, expected_ns, stack);
        if (stack->samples == 0)
            continue;
        stack->frames = frames[i];
        stack->depth = 3;
        stack->kind = "mutex";
        stack->has_error = true;
        run->pprof.stack_count++;
        run->pprof.contentions += stack->contentions;
        run->pprof.delay_ns += stack->delay_ns;
    }
}
