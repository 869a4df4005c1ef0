#include "cli/serve/metrics.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/serve/metrics_program.h"

#define NS_DIGITS 9
#define LOST_PREFIX "lost_"
#define NS_SUFFIX "_ns"
#define NS_WORD "nanoseconds "

/* The text, and what it is about. */
struct writer {
    FILE *out;
    const struct wp_metrics_measures *programs;
    size_t count;
};

/*
 * Numbers are written as integers with a decimal point: no rounding makes a counter fall, and no
 * locale makes the point a comma.
 */
static void
write_ns(FILE *out, uint64_t ns)
{
    fprintf(out, " %" PRIu64 ".%0*" PRIu64 "\n", ns / UINT64_C(1000000000), NS_DIGITS,
            ns % UINT64_C(1000000000));
}

static void
write_count(FILE *out, uint64_t count)
{
    fprintf(out, " %" PRIu64 "\n", count);
}

static void
write_fixed(FILE *out, uint64_t fixed)
{
    uint64_t millionths = fixed % WP_REGION_COUNT_ONE * 1000000 / WP_REGION_COUNT_ONE;

    fprintf(out, " %" PRIu64 ".%06" PRIu64 "\n", fixed / WP_REGION_COUNT_ONE, millionths);
}

static void
write_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP waitprof_%s %s\n# TYPE waitprof_%s %s\n", name, help, name, type);
}

/* --- Families with one value a program */

/* X(field of struct wp_metrics_measures, unit, type, name, help) */
#define PROGRAM_VALUES(X)                                                                          \
    X(start_ns, ns, "gauge", "start_time_seconds", "Unix time when the program started.")          \
    X(block_rate_ns, ns, "gauge", "block_rate_seconds",                                            \
      "Block profile rate in force: on average one sample for each time waited; 0: off.")          \
    X(mutex_fraction, count, "gauge", "mutex_fraction",                                            \
      "Mutex profile fraction in force: one of so many contentions is kept; 0: off.")              \
    X(wait_fraction, count, "gauge", "wait_fraction",                                              \
      "One of so many waits is looked at and stands for all of them; 1 without a budget.")         \
    X(budget_unsplit, count, "gauge", "budget_unsplit",                                            \
      "1: waits for conditions include that for the mutex, as a budget cannot tell them apart.")   \
    X(base_block_rate_ns, ns, "gauge", "base_block_rate_seconds",                                  \
      "Block profile rate in force without leases and budget.")                                    \
    X(base_mutex_fraction, count, "gauge", "base_mutex_fraction",                                  \
      "Mutex profile fraction in force without leases and budget.")                                \
    X(budget_cost_ns_per_s, ns, "gauge", "budget_cost_ratio",                                      \
      "What recording may cost, as a share of one processor; 0: no limit.")                        \
    X(budget_samples_per_s, count, "gauge", "budget_samples_per_second",                           \
      "Samples that may be kept each second; 0: no limit.")                                        \
    X(budget_turn_cost_ns_per_s, ns, "gauge", "budget_turn_cost_ratio",                            \
      "What recording cost in the latest turn of the budget, of one processor.")                   \
    X(own_cost_ns, ns, "counter", "own_cost_seconds_total",                                        \
      "Time spent on recording, estimated: the sum of the counters *_cost_seconds.")               \
    X(own_cost_ns_per_s, ns, "gauge", "own_cost_ratio",                                            \
      "Share of one processor that recording took since the program started.")                     \
    X(own_cost_ns_per_wait, ns, "gauge", "own_cost_wait_seconds",                                  \
      "Time that recording added to each call that had to wait, on average since the start.")      \
    X(leases, count, "gauge", "rate_leases", "Leases on the rates that run.")                      \
    X(rate_changes, count, "counter", "rate_changes_total",                                        \
      "Changes of the rates, the first ones included.")                                            \
    X(processes, count, "gauge", "processes", "Processes of the program that run and had a wait.") \
    X(processes_seen, count, "counter", "processes_seen_total",                                    \
      "Processes of the program that ever had a wait, as far as the region has room for them.")    \
    X(stacks, count, "gauge", "stacks", "Distinct stacks in both profiles.")                       \
    X(stack_bytes_used, count, "gauge", "region_stack_used_bytes",                                 \
      "Bytes of the region in use for stacks.")                                                    \
    X(stack_bytes_capacity, count, "gauge", "region_stack_limit_bytes",                            \
      "Bytes of the region that stacks may use in the end.")                                       \
    X(region_bytes_allocated, count, "gauge", "region_allocated_bytes",                            \
      "Bytes of the region that have memory behind them.")                                         \
    X(region_bytes_limit, count, "gauge", "region_limit_bytes",                                    \
      "Bytes that the region may grow to.")

static void
write_program_values(const struct writer *writer)
{
#define PROGRAM_VALUE(field, unit, type, name, help)                                               \
    write_head(writer->out, name, type, help);                                                     \
    for (size_t i = 0; i < writer->count; i++) {                                                   \
        if (!writer->programs[i].up)                                                               \
            continue;                                                                              \
        fprintf(writer->out, "waitprof_" name "{%s}", writer->programs[i].labels);                 \
        write_##unit(writer->out, writer->programs[i].field);                                      \
    }
    PROGRAM_VALUES(PROGRAM_VALUE)
#undef PROGRAM_VALUE
}

static void
write_up(const struct writer *writer)
{
    write_head(writer->out, "up", "gauge", "1 if the region of the program can be read.");
    for (size_t i = 0; i < writer->count; i++)
        fprintf(writer->out, "waitprof_up{%s} %d\n", writer->programs[i].labels,
                writer->programs[i].up);
    write_head(writer->out, "program_info", "gauge", "What runs there; always 1.");
    for (size_t i = 0; i < writer->count; i++) {
        if (writer->programs[i].up)
            fprintf(writer->out, "waitprof_program_info{%s,%s} 1\n", writer->programs[i].labels,
                    writer->programs[i].info);
    }
}

/* --- The region's counters */

static bool
is_ns(const struct wp_reader_counter *counter)
{
    size_t length = strlen(counter->name);

    return length > strlen(NS_SUFFIX) &&
           strcmp(counter->name + length - strlen(NS_SUFFIX), NS_SUFFIX) == 0;
}

/* The name of its metric, without waitprof_. */
static void
name_counter(const struct wp_reader_counter *counter, char *metric, size_t size)
{
    size_t length = strlen(counter->name);

    if (is_ns(counter))
        snprintf(metric, size, "%.*s_seconds_total", (int)(length - strlen(NS_SUFFIX)),
                 counter->name);
    else
        snprintf(metric, size, "%s_total", counter->name);
}

/* Its text as a sentence, in the unit of the metric. */
static void
explain_counter(const struct wp_reader_counter *counter, char *help, size_t size)
{
    const char *text = counter->text;

    if (is_ns(counter) && strncmp(text, NS_WORD, strlen(NS_WORD)) == 0)
        text += strlen("nano");
    snprintf(help, size, "%c%s.", toupper((unsigned char)text[0]), text + 1);
}

static bool
is_loss(enum wp_region_counter counter)
{
    return strncmp(wp_reader_counters[counter].name, LOST_PREFIX, strlen(LOST_PREFIX)) == 0;
}

static void
write_counter(const struct writer *writer, enum wp_region_counter counter)
{
    const struct wp_reader_counter *row = &wp_reader_counters[counter];
    char metric[64], help[160];

    name_counter(row, metric, sizeof metric);
    explain_counter(row, help, sizeof help);
    write_head(writer->out, metric, "counter", help);
    for (size_t i = 0; i < writer->count; i++) {
        const struct wp_metrics_measures *program = &writer->programs[i];

        if (!program->up)
            continue;
        fprintf(writer->out, "waitprof_%s{%s}", metric, program->labels);
        (is_ns(row) ? write_ns : write_count)(writer->out, program->counters[counter]);
    }
}

static void
write_losses(const struct writer *writer)
{
    write_head(writer->out, "lost_total", "counter",
               "Samples and waiters that could not be kept whole, by reason.");
    for (size_t i = 0; i < writer->count; i++) {
        const struct wp_metrics_measures *program = &writer->programs[i];

        for (unsigned counter = 0; counter < WP_COUNTER_COUNT && program->up; counter++) {
            if (!is_loss(counter))
                continue;
            fprintf(writer->out, "waitprof_lost_total{%s,reason=\"%s\"}", program->labels,
                    wp_reader_counters[counter].name + strlen(LOST_PREFIX));
            write_count(writer->out, program->counters[counter]);
        }
    }
}

static void
write_counters(const struct writer *writer)
{
    write_losses(writer);
    for (unsigned counter = 0; counter < WP_COUNTER_COUNT; counter++) {
        /* waitprof_waits_total has it, by kind. */
        if (counter != WP_COUNTER_waits && !is_loss(counter))
            write_counter(writer, counter);
    }
}

/* --- Families by kind */

/* X(field, unit, name, help): with the label `profile`. */
#define PROFILE_VALUES(X)                                                                          \
    X(delay_ns, ns, "delay_seconds_total",                                                         \
      "Time waited (block), or others made to wait (mutex), estimated from the samples.")          \
    X(contentions_fixed, fixed, "contentions_total",                                               \
      "Waits (block) or contended unlocks (mutex), estimated from the samples.")                   \
    X(samples, count, "samples_total", "Samples that were kept.")

static void
write_profile_values(const struct writer *writer)
{
    static const char *const profiles[] = {"block", "mutex"};

#define PROFILE_VALUE(field, unit, name, help)                                                     \
    write_head(writer->out, name, "counter", help);                                                \
    for (size_t i = 0; i < writer->count; i++) {                                                   \
        for (size_t k = 0; k < writer->programs[i].kind_count; k++) {                              \
            const struct wp_metrics_kind *kind = &writer->programs[i].kinds[k];                    \
                                                                                                   \
            for (unsigned profile = 0; profile < 2; profile++) {                                   \
                if (profile == 1 && !kind->is_lock && kind->samples[profile] == 0)                 \
                    continue;                                                                      \
                fprintf(writer->out, "waitprof_" name "{%s,profile=\"%s\",%s}",                    \
                        writer->programs[i].labels, profiles[profile], kind->labels);              \
                write_##unit(writer->out, kind->field[profile]);                                   \
            }                                                                                      \
        }                                                                                          \
    }
    PROFILE_VALUES(PROFILE_VALUE)
#undef PROFILE_VALUE
}

/* X(field, unit, type, name, help) */
#define KIND_VALUES(X)                                                                             \
    X(waits, count, "counter", "waits_total", "Calls that had to wait; by a budget, estimated.")   \
    X(waiting, count, "gauge", "waiting_threads", "Threads that wait now, of those seen waiting.") \
    X(oldest_ns, ns, "gauge", "oldest_wait_seconds",                                               \
      "How long the thread waits now that waits for longest; 0: none waits.")

static void
write_kind_values(const struct writer *writer)
{
#define KIND_VALUE(field, unit, type, name, help)                                                  \
    write_head(writer->out, name, type, help);                                                     \
    for (size_t i = 0; i < writer->count; i++) {                                                   \
        for (size_t k = 0; k < writer->programs[i].kind_count; k++) {                              \
            fprintf(writer->out, "waitprof_" name "{%s,%s}", writer->programs[i].labels,           \
                    writer->programs[i].kinds[k].labels);                                          \
            write_##unit(writer->out, writer->programs[i].kinds[k].field);                         \
        }                                                                                          \
    }
    KIND_VALUES(KIND_VALUE)
#undef KIND_VALUE
}

/* --- The server */

void
wp_metrics_count_code(struct wp_metrics_server *server, unsigned status)
{
    for (size_t i = 0; i < WP_METRICS_CODES; i++) {
        struct wp_metrics_code *code = &server->codes[i];

        if (code->status == 0)
            code->status = status;
        if (code->status == status || i == WP_METRICS_CODES - 1) {
            code->count++;
            return;
        }
    }
}

static void
write_server(FILE *out, const struct wp_metrics_server *server)
{
    write_head(out, "serve_requests_total", "counter", "Answers, by HTTP status.");
    for (size_t i = 0; i < WP_METRICS_CODES && server->codes[i].status != 0; i++) {
        fprintf(out, "waitprof_serve_requests_total{code=\"%u\"}", server->codes[i].status);
        write_count(out, server->codes[i].count);
    }
#define SERVER_VALUE(name, type, suffix, help)                                                     \
    write_head(out, "serve_" suffix, type, help);                                                  \
    fputs("waitprof_serve_" suffix, out);                                                          \
    write_count(out, server->name);
    WP_METRICS_SERVER(SERVER_VALUE)
#undef SERVER_VALUE
    write_head(out, "serve_rendering_seconds_total", "counter", "Time spent on encoding profiles.");
    fputs("waitprof_serve_rendering_seconds_total", out);
    write_ns(out, server->rendering_ns);
    write_head(out, "serve_start_time_seconds", "gauge", "Unix time when the server started.");
    fputs("waitprof_serve_start_time_seconds", out);
    write_ns(out, server->start_realtime_ns);
    write_head(out, "build_info", "gauge", "The version of waitprof that answers; always 1.");
    fputs("waitprof_build_info{version=\"" WAITPROF_VERSION "\"} 1\n", out);
}

/* --- All of it */

static int
write_text(const struct writer *writer, const struct wp_metrics_server *server)
{
    write_up(writer);
    write_profile_values(writer);
    write_kind_values(writer);
    write_counters(writer);
    write_program_values(writer);
    if (server != NULL)
        write_server(writer->out, server);
    return ferror(writer->out) ? -ENOMEM : 0;
}

static int
write_measures(const struct wp_metrics_measures *measures, size_t count,
               const struct wp_metrics_server *server, char **text, size_t *length,
               struct wp_error *error)
{
    struct writer writer = {.programs = measures, .count = count};
    int status = -ENOMEM;

    *text = NULL;
    *length = 0;
    writer.out = open_memstream(text, length);
    if (writer.out != NULL) {
        status = write_text(&writer, server);
        if (fclose(writer.out) != 0)
            status = -ENOMEM;
    }
    if (status == 0)
        return 0;
    free(*text);
    *text = NULL;
    return wp_error_set(error, ENOMEM, "not enough memory for metrics");
}

/* Where the programs come from: copies of regions that the caller has, or that are made here. */
struct source {
    const struct wp_metrics_program *programs;
    struct wp_target *const *targets; /* if there are no programs */
};

static int
measure_one(const struct source *source, size_t i, struct wp_metrics_measures *measures,
            struct wp_error *error)
{
    struct wp_metrics_program program;
    struct wp_snapshot *snapshot = NULL;
    int status;

    if (source->programs != NULL)
        return wp_metrics_measure(&source->programs[i], measures, error);
    program.target = source->targets[i];
    if (wp_target_read(program.target, &snapshot, error) == -ENOMEM)
        return -ENOMEM;
    program.snapshot = snapshot;
    status = wp_metrics_measure(&program, measures, error);
    wp_snapshot_free(snapshot);
    return status;
}

static int
write_source(const struct source *source, size_t count, const struct wp_metrics_server *server,
             char **text, size_t *length, struct wp_error *error)
{
    struct wp_metrics_measures *measures = calloc(count + 1, sizeof *measures);
    size_t measured = 0;
    int status = 0;

    if (measures == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory for metrics");
    for (; measured < count && status == 0; measured++)
        status = measure_one(source, measured, &measures[measured], error);
    if (status == 0)
        status = write_measures(measures, count, server, text, length, error);
    while (measured > 0)
        wp_metrics_measures_free(&measures[--measured]);
    free(measures);
    return status;
}

int
wp_metrics_write(const struct wp_metrics_program *programs, size_t count,
                 const struct wp_metrics_server *server, char **text, size_t *length,
                 struct wp_error *error)
{
    return write_source(&(struct source){.programs = programs}, count, server, text, length, error);
}

int
wp_metrics_read(struct wp_target *const *targets, size_t count,
                const struct wp_metrics_server *server, char **text, size_t *length,
                struct wp_error *error)
{
    return write_source(&(struct source){.targets = targets}, count, server, text, length, error);
}
