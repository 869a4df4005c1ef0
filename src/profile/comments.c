#include "profile/comments.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profile/budget_range.h"
#include "profile/keyset.h"
#include "profile/own_cost.h"
#include "profile/symbol_name.h"

#define LINE_BYTES 2048u
/* Of the first line, which tells programs, too, what a file is. */
#define FIRST_WORD "waitprof "
#define TYPE_END " profile: "

/* The list being made; `failed` once memory ran out. */
struct comments_maker {
    struct wp_comments *comments;
    size_t capacity;
    bool failed;
};

static void __attribute__((format(printf, 2, 3)))
comments_add(struct comments_maker *maker, const char *format, ...)
{
    struct wp_comments *comments = maker->comments;
    char raw[LINE_BYTES];
    char clean[LINE_BYTES];
    va_list arguments;
    char *line;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    wp_symbol_clean(raw, clean, sizeof clean);
    line = strdup(clean);
    if (line == NULL || wp_array_reserve(&comments->lines, &maker->capacity, comments->count,
                                         sizeof *comments->lines) != 0) {
        free(line);
        maker->failed = true;
        return;
    }
    comments->lines[comments->count++] = line;
}

static const char *
comments_time(uint64_t realtime_ns, char *text, size_t size)
{
    time_t seconds = (time_t)(realtime_ns / UINT64_C(1000000000));
    struct tm when;

    if (gmtime_r(&seconds, &when) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &when) == 0)
        snprintf(text, size, "an unknown time");
    return text;
}

/* "1 in 10", "off" and the like for one of the two rates. */
static const char *
comments_rate(enum wp_region_profile type, uint64_t block_rate_ns, uint64_t mutex_fraction,
              char *text, size_t size)
{
    if (type == WP_PROFILE_BLOCK && block_rate_ns > 1)
        snprintf(text, size, "%" PRIu64 " ns (on average one sample per so long waited)",
                 block_rate_ns);
    else if (type == WP_PROFILE_BLOCK)
        snprintf(text, size, "%" PRIu64 " (%s)", block_rate_ns,
                 block_rate_ns == 0 ? "off" : "every wait");
    else if (mutex_fraction > 1)
        snprintf(text, size, "%" PRIu64 " (one of so many waiters)", mutex_fraction);
    else
        snprintf(text, size, "%" PRIu64 " (%s)", mutex_fraction,
                 mutex_fraction == 0 ? "off" : "every waiter");
    return text;
}

/* What recording cost the program: in the span, or since its start. */
static void
comments_own_cost(struct comments_maker *maker, const struct wp_profile *profile,
                  const struct wp_profile_source *source)
{
    bool is_span = profile->duration_ns != 0;
    struct wp_own_cost cost =
        wp_own_cost_of(source->counters, is_span ? profile->duration_ns : source->run_ns);
    char text[WP_OWN_COST_TEXT_BYTES];

    comments_add(maker, "own cost %s: %s", is_span ? "in this time" : "since the start",
                 wp_own_cost_describe(&cost, text, sizeof text));
    if (wp_own_cost_describe_units(&cost, text, sizeof text)[0] != '\0')
        comments_add(maker, "own cost of one: %s", text);
}

/* "10", or "10 to 40" if it has moved. */
static const char *
comments_bounds(const struct wp_budget_bounds *bounds, char *text, size_t size)
{
    if (bounds->low == bounds->high)
        snprintf(text, size, "%" PRIu64, bounds->low);
    else
        snprintf(text, size, "%" PRIu64 " to %" PRIu64, bounds->low, bounds->high);
    return text;
}

/* The budget, and how it moved the rates as far back as the region remembers. */
static void
comments_budget(struct comments_maker *maker, const struct wp_profile_source *source)
{
    const struct wp_budget_range *range = &source->budget_range;
    char text[3][64], share[32], worst[32], limit[WP_OWN_COST_TEXT_BYTES];

    if (source->wait_fraction > 1)
        comments_add(maker,
                     "wait fraction: %" PRIu64 " (one of so many waits is looked at, for all)",
                     source->wait_fraction);
    if (source->counters[WP_COUNTER_conditions_unsplit] > 0)
        comments_add(maker,
                     "%" PRIu64
                     " waits for conditions are unsplit: they include that for the mutex, "
                     "which a budget could not tell apart",
                     source->counters[WP_COUNTER_conditions_unsplit]);
    if (source->budget_cost_ns_per_s != 0)
        comments_add(
            maker, "budget: %s of a processor",
            wp_own_cost_format_budget(source->budget_cost_ns_per_s, 0, limit, sizeof limit));
    if (source->budget_samples_per_s != 0)
        comments_add(maker, "budget: %" PRIu64 " kept samples a second",
                     source->budget_samples_per_s);
    if (range->turns == 0)
        return;
    comments_add(maker,
                 "the budget chose in its last %.0f s: block rates of %s ns, mutex fractions of "
                 "%s, wait fractions of %s",
                 (double)range->span_ns / 1e9,
                 comments_bounds(&range->block_rate_ns, text[0], sizeof text[0]),
                 comments_bounds(&range->mutex_fraction, text[1], sizeof text[1]),
                 comments_bounds(&range->wait_fraction, text[2], sizeof text[2]));
    comments_add(maker, "own cost in these %.0f s: %s of a processor, at most %s in one turn",
                 (double)range->span_ns / 1e9,
                 wp_own_cost_format_share(range->cpu_share, share, sizeof share),
                 wp_own_cost_format_share(range->worst_cpu_share, worst, sizeof worst));
}

/* What the rate was since when. A change of the other rate is none of this one. */
static void
comments_rate_changes(struct comments_maker *maker, enum wp_region_profile type, const char *what,
                      const struct wp_profile_source *source)
{
    char when[40], rate[96], before[96] = "";

    for (size_t i = 0; i < source->rate_changes_known; i++) {
        const struct wp_region_rate_change *change = &source->rate_changes[i];

        comments_rate(type, change->block_rate_ns, change->mutex_fraction, rate, sizeof rate);
        if (strcmp(rate, before) != 0)
            comments_add(maker, "%s from %s: %s", what,
                         comments_time(change->realtime_ns, when, sizeof when), rate);
        memcpy(before, rate, sizeof before);
    }
}

static void
comments_source(struct comments_maker *maker, const struct wp_profile *profile,
                const struct wp_profile_source *source)
{
    const char *what = profile->type == WP_PROFILE_BLOCK ? "block rate" : "mutex fraction";
    char when[40];
    char rate[96];

    comments_add(maker, "command line: %.1500s", source->command_line);
    comments_add(maker, "process: %s pid %" PRIu32 " since %s, region %016" PRIx64, source->command,
                 source->pid, comments_time(source->start_realtime_ns, when, sizeof when),
                 source->region_id);
    if (profile->duration_ns != 0 && source->live_pid == 0)
        comments_add(maker, "pid %" PRIu32 " ended before the end of the span", source->pid);
    if (source->process_count > 1)
        comments_add(maker, "forked children with events: %zu", source->process_count - 1);
    comments_add(maker, "%s: %s; values were scaled when sampled", what,
                 comments_rate(profile->type, source->block_rate_ns, source->mutex_fraction, rate,
                               sizeof rate));
    comments_own_cost(maker, profile, source);
    comments_budget(maker, source);
    if (source->rate_change_count > 1)
        comments_rate_changes(maker, profile->type, what, source);
}

static void
comments_selection(struct comments_maker *maker, const struct wp_profile *profile)
{
    const struct wp_profile_selection *selection = &profile->selection;

    if (selection->kinds != NULL)
        comments_add(maker,
                     "filtered: of kind %.1000s only; stacks left out: %zu, with %.0f ns of delay",
                     selection->kinds, selection->dropped_stacks, selection->dropped_delay_ns);
}

static void
comments_samples(struct comments_maker *maker, const struct wp_profile *profile)
{
    struct wp_profile_totals totals = wp_profile_total(profile);

    comments_add(maker, "kept samples: %" PRIu64 " in %zu stacks", totals.samples,
                 profile->sample_count);
    if (totals.variance > 0 && totals.delay_ns > 0)
        comments_add(maker, "standard error of the total delay by sampling: %.2g %%",
                     100 * sqrt(totals.variance) / totals.delay_ns);
}

static void
comments_counters(struct comments_maker *maker, const struct wp_profile *profile)
{
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++) {
        uint64_t sum = 0;

        for (size_t j = 0; j < profile->source_count; j++)
            sum += profile->sources[j].counters[i];
        if (sum != 0)
            comments_add(maker, "%s: %" PRIu64 " %s", wp_reader_counters[i].name, sum,
                         wp_reader_counters[i].text);
    }
    for (size_t j = 0; j < profile->source_count; j++) {
        if (profile->sources[j].flags & WP_REGION_FLAG_SECCOMP)
            comments_add(maker,
                         "pid %" PRIu32 ": a seccomp filter was set, the region cannot grow "
                         "since",
                         profile->sources[j].pid);
    }
}

/* Names of functions that are on or off, each once, in their order, in `text`; returns how many
 * functions (parts of one not counted) there are. */
static size_t
list_names(struct comments_maker *maker, const struct wp_profile *profile, bool off, char *text,
           size_t size)
{
    struct wp_keyset seen;
    size_t functions = 0;
    size_t used = 0;

    text[0] = '\0';
    if (wp_keyset_init(&seen) != 0) {
        maker->failed = true;
        return 0;
    }
    for (size_t i = 1; i < profile->function_count; i++) {
        const struct wp_profile_function *function = &profile->functions[i];
        const char *name = off ? function->family : function->kind;
        bool added = false;

        if (function->is_off != off)
            continue;
        functions += !function->is_part;
        if (name[0] != '\0' && used < size &&
            wp_keyset_put(&seen, name, strlen(name), &added) != NULL && added)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", name);
    }
    wp_keyset_free(&seen);
    return functions;
}

/* What was wrapped, by kinds, and what was left out, by families. */
static void
comments_coverage(struct comments_maker *maker, const struct wp_profile *profile)
{
    char names[LINE_BYTES / 2];
    size_t functions = list_names(maker, profile, false, names, sizeof names);

    comments_add(maker, "wrapped (%zu functions): %s", functions, names);
    functions = list_names(maker, profile, true, names, sizeof names);
    if (functions > 0)
        comments_add(maker, "off (%zu functions; WAITPROF_EVENTS chooses): %s", functions, names);
    comments_add(maker,
                 "out of reach: locks inside libc (malloc, stdio), inline futex calls, "
                 "static programs, Go, objects loaded with RTLD_DEEPBIND, locks of the kernel");
    comments_add(maker, "delay: until the call returned, time to be scheduled after the wake-up "
                        "included; waits that have not ended are not in it");
}

static void
comments_modules(struct comments_maker *maker, const struct wp_profile *profile,
                 const struct wp_symbols *symbols)
{
    for (size_t i = 1; i < profile->module_count; i++) {
        if (symbols->modules[i].used && symbols->modules[i].trouble != NULL)
            comments_add(maker, "no symbols for %.1024s: %s",
                         profile->modules[i].path[0] != '\0' ? profile->modules[i].path
                                                             : "an unknown file",
                         symbols->modules[i].trouble);
    }
}

int
wp_comments_make(const struct wp_profile *profile, const struct wp_symbols *symbols,
                 struct wp_comments *comments)
{
    struct comments_maker maker = {.comments = comments};
    char empty[512];

    memset(comments, 0, sizeof *comments);
    comments_add(&maker, FIRST_WORD WAITPROF_VERSION ": %s" TYPE_END "%s",
                 wp_profile_type_name(profile->type),
                 profile->type == WP_PROFILE_BLOCK
                     ? "stacks of threads that waited"
                     : "stacks of threads that held what others waited for, at the unlock");
    if (wp_comments_explain_empty(profile, empty, sizeof empty)[0] != '\0')
        comments_add(&maker, "empty: %s", empty);
    for (size_t i = 0; i < profile->source_count; i++)
        comments_source(&maker, profile, &profile->sources[i]);
    comments_selection(&maker, profile);
    comments_samples(&maker, profile);
    comments_counters(&maker, profile);
    comments_coverage(&maker, profile);
    if (symbols != NULL)
        comments_modules(&maker, profile, symbols);
    if (!maker.failed)
        return 0;
    wp_comments_free(comments);
    return -ENOMEM;
}

enum wp_region_profile
wp_comments_read_type(const char *line)
{
    static const enum wp_region_profile types[] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};
    const char *type = strstr(line, ": ");

    if (strncmp(line, FIRST_WORD, sizeof FIRST_WORD - 1) != 0 || type == NULL)
        return 0;
    type += 2;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const char *name = wp_profile_type_name(types[i]);

        if (strncmp(type, name, strlen(name)) == 0 &&
            strncmp(type + strlen(name), TYPE_END, sizeof TYPE_END - 1) == 0)
            return types[i];
    }
    return 0;
}

void
wp_comments_free(struct wp_comments *comments)
{
    for (size_t i = 0; i < comments->count; i++)
        free(comments->lines[i]);
    free(comments->lines);
    memset(comments, 0, sizeof *comments);
}

/* What the sources of an empty profile have in common. */
struct comments_empty {
    uint64_t rate;    /* the largest in force; 0: the profile is off everywhere */
    uint64_t waits;   /* WP_COUNTER_waits */
    uint64_t waiters; /* of the mutex profile: of the waits, those for locks that were selected */
    uint64_t samples; /* kept by the program; there are some only if their stacks were lost */
};

static struct comments_empty
comments_sum_up(const struct wp_profile *profile)
{
    bool is_block = profile->type == WP_PROFILE_BLOCK;
    struct comments_empty sum = {0};

    for (size_t i = 0; i < profile->source_count; i++) {
        const struct wp_profile_source *source = &profile->sources[i];
        uint64_t rate = is_block ? source->block_rate_ns : source->mutex_fraction;

        sum.rate = rate > sum.rate ? rate : sum.rate;
        sum.waits += source->counters[WP_COUNTER_waits];
        sum.waiters += source->counters[WP_COUNTER_mutex_waiters];
        sum.samples +=
            source->counters[is_block ? WP_COUNTER_block_samples : WP_COUNTER_mutex_samples];
    }
    return sum;
}

/* The case that calls had to wait, so that the question is what became of them. */
static void
comments_explain_waits(const struct comments_empty *sum, bool is_block, char *text, size_t size)
{
    const char *calls = sum->waits == 1 ? "call" : "calls";

    if (sum->samples > 0)
        snprintf(text, size,
                 "the stacks of all %" PRIu64 " kept samples were lost; see "
                 "`waitprof doctor PID`",
                 sum->samples);
    else if (is_block && sum->rate > 1)
        snprintf(text, size,
                 "%" PRIu64 " %s waited, none that has ended was long enough to be kept at this "
                 "rate: a smaller --block-rate keeps more",
                 sum->waits, calls);
    else if (is_block)
        snprintf(text, size,
                 "%" PRIu64
                 " %s had to wait, but no wait has ended (refused and cancelled ones do not count)",
                 sum->waits, calls);
    else if (sum->waiters > 0)
        snprintf(text, size, "%" PRIu64 " %s for a lock, but no unlock has let one in so far",
                 sum->waiters, sum->waiters == 1 ? "sampled call waited" : "sampled calls waited");
    else if (sum->rate > 1)
        snprintf(text, size,
                 "%" PRIu64 " %s waited, but none for a lock whose holder was sampled: waits for "
                 "data are in the block profile, a smaller --mutex-fraction keeps more waits for "
                 "locks",
                 sum->waits, calls);
    else
        snprintf(text, size,
                 "%" PRIu64 " %s waited, but none for a lock: waits for data are in the block "
                 "profile",
                 sum->waits, calls);
}

const char *
wp_comments_explain_empty(const struct wp_profile *profile, char *text, size_t size)
{
    bool is_block = profile->type == WP_PROFILE_BLOCK;
    struct comments_empty sum = comments_sum_up(profile);

    text[0] = '\0';
    if (profile->sample_count > 0)
        return text;
    if (profile->source_count == 0)
        snprintf(text, size, "no program was read");
    else if (profile->selection.dropped_stacks > 0)
        snprintf(text, size, "no stack is of kind %.200s (stacks of other kinds: %zu)",
                 profile->selection.kinds, profile->selection.dropped_stacks);
    else if (sum.rate == 0)
        snprintf(text, size, "the rate is 0: set it with `waitprof rate PID %s N`",
                 is_block ? "--block-rate" : "--mutex-fraction");
    else if (sum.waits == 0)
        snprintf(text, size, "no wrapped call had to wait%s",
                 profile->duration_ns != 0 ? " during this time" : "");
    else
        comments_explain_waits(&sum, is_block, text, size);
    return text;
}
