#include "cli/serve/metrics_program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/thread_life.h"
#include "profile/budget_range.h"
#include "profile/kind.h"
#include "profile/kind_totals.h"
#include "profile/own_cost.h"
#include "profile/symbol_name.h"

/* What lost samples are filed under: an empty label would be no label. */
#define KIND_OF_LOST "lost"

#define REGION_DIGITS 8

/*
 * Adds NAME="VALUE" to labels. The value becomes valid UTF-8 without control characters and is cut
 * to `limit` bytes; then backslashes and quotes are escaped, as the text format wants it.
 */
static void
add_label(char *labels, size_t size, const char *name, const char *value, size_t limit)
{
    size_t used = strlen(labels);
    char clean[257];

    if (limit > sizeof clean - 1)
        limit = sizeof clean - 1;
    wp_symbol_clean(value, clean, limit + 1);
    if (used + strlen(name) + 2 * strlen(clean) + sizeof ",=\"\"" > size)
        return;
    used += (size_t)sprintf(labels + used, "%s%s=\"", used > 0 ? "," : "", name);
    for (const char *at = clean; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"')
            labels[used++] = '\\';
        labels[used++] = *at;
    }
    labels[used++] = '"';
    labels[used] = '\0';
}

static void
label_program(const struct wp_target *target, struct wp_metrics_measures *measures)
{
    char pid[16], region[REGION_DIGITS + 1];
    char id[17];

    snprintf(pid, sizeof pid, "%" PRIu32,
             target->seen_pid > 0 ? (uint32_t)target->seen_pid : target->pid);
    snprintf(id, sizeof id, "%016" PRIx64, target->region_id);
    snprintf(region, sizeof region, "%.*s", REGION_DIGITS, id);
    add_label(measures->labels, sizeof measures->labels, "command", target->command, 64);
    add_label(measures->labels, sizeof measures->labels, "pid", pid, 16);
    add_label(measures->labels, sizeof measures->labels, "region", region, 16);
}

static void
label_info(const struct wp_snapshot *snapshot, struct wp_metrics_measures *measures)
{
    char uid[16];

    snprintf(uid, sizeof uid, "%" PRIu32, snapshot->uid);
    add_label(measures->info, sizeof measures->info, "executable", snapshot->executable, 256);
    add_label(measures->info, sizeof measures->info, "uid", uid, 16);
}

/* A damaged region may claim any cost. */
static uint64_t
whole_ns(double ns)
{
    return ns < 1e18 ? (uint64_t)ns : UINT64_C(1000000000000000000);
}

/* Shares of one processor as nanoseconds a second, so that they are written as integers, too. */
static void
measure_cost(const struct wp_snapshot *snapshot, struct wp_metrics_measures *measures)
{
    size_t known = snapshot->budget_turns_known;
    struct wp_own_cost cost =
        wp_own_cost_of(snapshot->counters, wp_own_cost_span_ns(snapshot, false));

    measures->own_cost_ns = whole_ns(cost.total_ns);
    measures->own_cost_ns_per_s = whole_ns(cost.cpu_share * 1e9);
    measures->own_cost_ns_per_wait = whole_ns(cost.added_ns);
    measures->wait_fraction = snapshot->wait_fraction;
    measures->budget_unsplit = snapshot->conditions_are_unsplit;
    measures->budget_cost_ns_per_s = snapshot->budget_cost_ns_per_s;
    measures->budget_samples_per_s = snapshot->budget_samples_per_s;
    if (known > 0)
        measures->budget_turn_cost_ns_per_s =
            whole_ns(wp_budget_turn_cpu_share(&snapshot->budget_turns[known - 1]) * 1e9);
}

static void
measure_region(const struct wp_snapshot *snapshot, struct wp_metrics_measures *measures)
{
    memcpy(measures->counters, snapshot->counters, sizeof measures->counters);
    measures->start_ns = snapshot->start_realtime_ns;
    measures->block_rate_ns = snapshot->block_rate_ns;
    measures->base_block_rate_ns = snapshot->base_block_rate_ns;
    measures->mutex_fraction = snapshot->mutex_fraction;
    measures->base_mutex_fraction = snapshot->base_mutex_fraction;
    measures->leases = snapshot->lease_count;
    measure_cost(snapshot, measures);
    measures->rate_changes = snapshot->rate_change_count;
    measures->processes_seen = snapshot->process_count;
    measures->stacks = snapshot->stack_count;
    measures->stack_bytes_used = snapshot->stack_bytes_used;
    measures->stack_bytes_capacity = snapshot->stack_bytes_capacity;
    measures->region_bytes_allocated = snapshot->allocated_bytes;
    measures->region_bytes_limit = snapshot->size_bytes;
}

static int
measure_kinds(const struct wp_snapshot *snapshot, struct wp_metrics_measures *measures,
              struct wp_kind_total **totals, struct wp_error *error)
{
    int status = wp_kind_totals(snapshot, totals, &measures->kind_count, error);

    if (status != 0)
        return status;
    measures->kinds = calloc(measures->kind_count + 1, sizeof *measures->kinds);
    if (measures->kinds == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < measures->kind_count; i++) {
        const struct wp_kind_total *total = &(*totals)[i];
        struct wp_metrics_kind *kind = &measures->kinds[i];
        bool is_lost = total->kind[0] == '\0';

        add_label(kind->labels, sizeof kind->labels, "kind", is_lost ? KIND_OF_LOST : total->kind,
                  32);
        add_label(kind->labels, sizeof kind->labels, "family",
                  is_lost ? KIND_OF_LOST : total->family, 32);
        kind->is_lock = wp_kind_matches("lock", total->kind, total->family);
        kind->waits = total->waits;
        for (unsigned profile = 0; profile < 2; profile++) {
            kind->contentions_fixed[profile] = total->amount[profile].contentions_fixed;
            kind->delay_ns[profile] = total->amount[profile].delay_ns;
            kind->samples[profile] = total->amount[profile].samples;
        }
    }
    return 0;
}

/* The row of a kind: the last one, of lost samples, for what has none. */
static struct wp_metrics_kind *
find_kind(struct wp_metrics_measures *measures, const struct wp_kind_total *totals,
          const char *kind)
{
    size_t last = measures->kind_count - 1;

    for (size_t i = 0; i < last; i++) {
        if (strcmp(totals[i].kind, kind) == 0)
            return &measures->kinds[i];
    }
    return &measures->kinds[last];
}

static int
measure_threads(const struct wp_snapshot *snapshot, const struct wp_kind_total *totals,
                struct wp_metrics_measures *measures, struct wp_error *error)
{
    struct wp_thread_life life;
    int status = wp_thread_life_look(snapshot, WP_THREADS_WAITING, &life, error);

    if (status != 0)
        return status;
    measures->processes = life.processes;
    for (size_t i = 0; i < snapshot->thread_count && measures->kind_count > 0; i++) {
        const struct wp_reader_thread *thread = &snapshot->threads[i];
        const char *name = snapshot->functions[thread->waiting_function].kind;
        struct wp_metrics_kind *kind;
        uint64_t waited_ns = 0;

        if (!life.threads[i].is_there)
            continue;
        if (snapshot->read_monotonic_ns > thread->waiting_since_ns)
            waited_ns = snapshot->read_monotonic_ns - thread->waiting_since_ns;
        kind = find_kind(measures, totals, name);
        kind->waiting++;
        if (waited_ns > kind->oldest_ns)
            kind->oldest_ns = waited_ns;
    }
    wp_thread_life_free(&life);
    return 0;
}

int
wp_metrics_measure(const struct wp_metrics_program *program, struct wp_metrics_measures *measures,
                   struct wp_error *error)
{
    struct wp_kind_total *totals = NULL;
    int status;

    memset(measures, 0, sizeof *measures);
    label_program(program->target, measures);
    if (program->snapshot == NULL)
        return 0;
    measures->up = true;
    label_info(program->snapshot, measures);
    measure_region(program->snapshot, measures);
    status = measure_kinds(program->snapshot, measures, &totals, error);
    if (status == 0)
        status = measure_threads(program->snapshot, totals, measures, error);
    free(totals);
    if (status != 0)
        wp_metrics_measures_free(measures);
    return status;
}

void
wp_metrics_measures_free(struct wp_metrics_measures *measures)
{
    free(measures->kinds);
    measures->kinds = NULL;
    measures->kind_count = 0;
}
