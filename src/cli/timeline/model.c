#include "cli/timeline/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/time_text.h"
#include "compare/comparison_select.h"
#include "profile/keyset.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* What is near the edge of a row: a fiftieth of it, but no more than this. */
#define NEAR_SHARE 50u
#define NEAR_MAX_NS (10 * NS_PER_MS)

/* Spans that are no further apart follow each other: names of files have no more digits. */
#define TOGETHER_NS 2000u

/* What is handed out, and what it is made with. */
struct maker {
    struct wp_timeline timeline; /* first */
    struct wp_keyset names;      /* name -> function, while it is made and as long as it lives */
    struct wp_wordmap cells;     /* row and function -> part */
    size_t part_capacity, function_capacity, span_capacity;
    struct wp_recorded_span *spans;
    size_t span_count;
    wp_timeline_visit *visit;
    void *context;
};

static int
out_of_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the timeline");
}

/* --- Rows
 * --------------------------------------------------------------------------------------- */

uint64_t
wp_timeline_row_length(uint64_t span_ns, size_t rows_max, uint64_t least_ns)
{
    static const uint64_t lengths_ms[] = {
        100,     200,      500,      1000,     2000,     5000,      10000,     15000,
        30000,   60000,    120000,   300000,   600000,   900000,    1800000,   3600000,
        7200000, 10800000, 21600000, 43200000, 86400000, 172800000, 604800000,
    };
    size_t count = sizeof lengths_ms / sizeof lengths_ms[0];
    uint64_t length_ns = 0;

    for (size_t i = 0; i < count; i++) {
        length_ns = lengths_ms[i] * NS_PER_MS;
        /* One more for a begin that is in the middle of a row. */
        if (span_ns / length_ns + 2 <= rows_max && length_ns >= least_ns - least_ns / 10)
            return length_ns;
    }
    while (span_ns / length_ns + 2 > rows_max)
        length_ns *= 2;
    return length_ns;
}

/*
 * Slices end a moment after they should: a timer is never early. What is so near to the edge of a
 * row counts as the edge, or each row would have a trace of what belongs to its neighbour.
 */
static uint64_t
snap(const struct wp_timeline_options *options, uint64_t time_ns)
{
    uint64_t zone_ns = (uint64_t)wp_time_zone_ns(options->from_ns, options->utc);
    uint64_t past_ns = (time_ns + zone_ns) % options->row_ns;
    uint64_t near_ns = options->row_ns / NEAR_SHARE;

    near_ns = near_ns < NEAR_MAX_NS ? near_ns : NEAR_MAX_NS;
    if (past_ns <= near_ns)
        return time_ns - past_ns;
    return options->row_ns - past_ns <= near_ns ? time_ns + (options->row_ns - past_ns) : time_ns;
}

/* Rows begin at whole multiples of their length on the clock that is shown. */
static int
make_rows(struct maker *maker, uint64_t slice_ns, struct wp_error *error)
{
    struct wp_timeline *timeline = &maker->timeline;
    struct wp_timeline_options *options = &timeline->options;
    uint64_t zone_ns = (uint64_t)wp_time_zone_ns(options->from_ns, options->utc), start_ns;

    if (options->row_ns == 0)
        options->row_ns = wp_timeline_row_length(options->until_ns - options->from_ns,
                                                 options->rows_max, slice_ns);
    if (snap(options, options->until_ns) > snap(options, options->from_ns)) {
        options->until_ns = snap(options, options->until_ns);
        options->from_ns = snap(options, options->from_ns);
    }
    start_ns = options->from_ns - (options->from_ns + zone_ns) % options->row_ns;
    timeline->row_count =
        (size_t)((options->until_ns - start_ns + options->row_ns - 1) / options->row_ns);
    if (timeline->row_count > WP_TIMELINE_ROWS_MAX)
        return wp_error_set(error, EINVAL,
                            "these would be %zu rows; choose a longer --slice, or a part of the "
                            "time with --from and --to",
                            timeline->row_count);
    timeline->rows = calloc(timeline->row_count + 1, sizeof *timeline->rows);
    if (timeline->rows == NULL)
        return out_of_memory(error);
    for (size_t i = 0; i < timeline->row_count; i++) {
        timeline->rows[i].from_ns = start_ns + i * options->row_ns;
        timeline->rows[i].until_ns = timeline->rows[i].from_ns + options->row_ns;
        timeline->rows[i].has_error = true;
    }
    return 0;
}

static size_t
row_of(const struct wp_timeline *timeline, uint64_t time_ns)
{
    return time_ns <= timeline->rows[0].from_ns
               ? 0
               : (size_t)((time_ns - timeline->rows[0].from_ns) / timeline->options.row_ns);
}

/* How long the row and a span have in common. */
static uint64_t
overlap_ns(const struct wp_timeline *timeline, const struct wp_timeline_row *row, uint64_t from_ns,
           uint64_t until_ns)
{
    uint64_t begin_ns = row->from_ns > from_ns ? row->from_ns : from_ns;
    uint64_t end_ns = row->until_ns < until_ns ? row->until_ns : until_ns;

    if (begin_ns < timeline->options.from_ns)
        begin_ns = timeline->options.from_ns;
    if (end_ns > timeline->options.until_ns)
        end_ns = timeline->options.until_ns;
    return end_ns > begin_ns ? end_ns - begin_ns : 0;
}

/* --- What was recorded
 * ------------------------------------------------------------------------ */

/* Slices come in the order of time, so that most go on where the last one ended. */
static int
add_span(struct maker *maker, uint64_t from_ns, uint64_t until_ns)
{
    struct wp_recorded_span *last = maker->spans + maker->span_count - 1;

    if (maker->span_count > 0 && from_ns <= last->until_ns + TOGETHER_NS &&
        from_ns >= last->from_ns) {
        last->until_ns = until_ns > last->until_ns ? until_ns : last->until_ns;
        return 0;
    }
    if (wp_array_reserve(&maker->spans, &maker->span_capacity, maker->span_count,
                         sizeof *maker->spans) != 0)
        return -ENOMEM;
    maker->spans[maker->span_count++] = (struct wp_recorded_span){from_ns, until_ns};
    return 0;
}

static int
compare_spans(const void *left, const void *right)
{
    const struct wp_recorded_span *a = left, *b = right;

    return (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
}

static void
add_recorded(struct wp_timeline *timeline, uint64_t from_ns, uint64_t until_ns)
{
    for (size_t i = row_of(timeline, from_ns); i < timeline->row_count; i++) {
        struct wp_timeline_row *row = &timeline->rows[i];

        if (row->from_ns >= until_ns)
            break;
        row->recorded_ns += (double)overlap_ns(timeline, row, from_ns, until_ns);
    }
}

/* The union of all spans, so that two programs recorded at once count once. */
static void
sum_up_recorded(struct maker *maker)
{
    uint64_t done_ns = 0;

    if (maker->span_count > 1)
        qsort(maker->spans, maker->span_count, sizeof maker->spans[0], compare_spans);
    for (size_t i = 0; i < maker->span_count; i++) {
        uint64_t from_ns = maker->spans[i].from_ns, until_ns = maker->spans[i].until_ns;

        from_ns = from_ns > done_ns ? from_ns : done_ns;
        if (until_ns <= from_ns)
            continue;
        maker->timeline.whole_recorded_ns += until_ns - from_ns;
        add_recorded(&maker->timeline, from_ns, until_ns);
        done_ns = until_ns;
    }
}

/* --- What waited
 * ------------------------------------------------------------------------------- */

static int
find_function(struct maker *maker, const char *name, uint32_t *function)
{
    struct wp_timeline *timeline = &maker->timeline;
    bool added;
    const struct wp_key *key = wp_keyset_put(&maker->names, name, strlen(name), &added);

    if (key == NULL || wp_array_reserve(&timeline->functions, &maker->function_capacity, key->value,
                                        sizeof *timeline->functions) != 0)
        return -ENOMEM;
    if (added)
        timeline->functions[timeline->function_count++] =
            (struct wp_timeline_function){.name = key->bytes};
    *function = key->value;
    return 0;
}

static int
add_part(struct maker *maker, size_t row, uint32_t function, double delay_ns)
{
    struct wp_timeline *timeline = &maker->timeline;
    bool added;
    uint32_t *index = wp_wordmap_put(&maker->cells, (uint64_t)row << 32 | function, &added);

    if (index == NULL || wp_array_reserve(&timeline->parts, &maker->part_capacity,
                                          timeline->part_count, sizeof *timeline->parts) != 0)
        return -ENOMEM;
    if (added) {
        *index = (uint32_t)timeline->part_count;
        timeline->parts[timeline->part_count++] =
            (struct wp_timeline_part){.row = (uint32_t)row, .function = function};
    }
    timeline->parts[*index].delay_ns += delay_ns;
    timeline->functions[function].delay_ns += delay_ns;
    return 0;
}

/* A stack of a slice goes to the rows that the slice has a part of, by time. */
static int
add_stack(struct maker *maker, const struct wp_pprof_stack *stack, uint32_t function,
          uint64_t from_ns, uint64_t until_ns)
{
    struct wp_timeline *timeline = &maker->timeline;
    int status = 0;

    for (size_t i = row_of(timeline, from_ns); i < timeline->row_count && status == 0; i++) {
        struct wp_timeline_row *row = &timeline->rows[i];
        double share =
            (double)overlap_ns(timeline, row, from_ns, until_ns) / (double)(until_ns - from_ns);

        if (row->from_ns >= until_ns)
            break;
        if (share <= 0)
            continue;
        row->delay_ns += share * stack->delay_ns;
        row->contentions += share * stack->contentions;
        row->samples += share * stack->samples;
        row->variance += share * stack->variance;
        row->has_error &= stack->has_error;
        status = add_part(maker, i, function, share * stack->delay_ns);
    }
    return status;
}

static int
add_selected(struct maker *maker, struct wp_selection *selection, const struct wp_pprof *capture,
             uint64_t from_ns, uint64_t until_ns)
{
    for (size_t i = 0; i < capture->stack_count; i++) {
        const struct wp_pprof_stack *stack = &capture->stacks[i];
        enum wp_selection_verdict verdict = wp_selection_judge(selection, capture, stack);
        const struct wp_pprof_frame *caller;
        const struct wp_selection_name *name;
        uint32_t function;

        if (verdict == WP_SELECTION_UNKNOWN)
            return -ENOMEM;
        if (verdict != WP_SELECTION_IN)
            continue;
        caller = wp_selection_caller(capture, stack);
        name = wp_selection_name(selection, capture, caller != NULL ? caller->name : "[no stack]");
        if (name == NULL || find_function(maker, name->text, &function) != 0 ||
            add_stack(maker, stack, function, from_ns, until_ns) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* Counts a slice that has a part in the time to show. */
static void
take(struct wp_timeline *timeline, uint64_t from_ns, uint64_t until_ns)
{
    timeline->profile_count++;
    timeline->profiles_ns += until_ns - from_ns;
    if (from_ns < timeline->whole_from_ns)
        timeline->whole_from_ns = from_ns;
    if (until_ns > timeline->whole_until_ns)
        timeline->whole_until_ns = until_ns;
}

/* What was noted of the time to show. */
static int
add_note(struct maker *maker, const struct wp_recorded_span *note)
{
    const struct wp_timeline_options *options = &maker->timeline.options;
    uint64_t from_ns = note->from_ns > options->from_ns ? note->from_ns : options->from_ns;
    uint64_t until_ns = note->until_ns < options->until_ns ? note->until_ns : options->until_ns;

    return from_ns < until_ns ? add_span(maker, from_ns, until_ns) : 0;
}

static int
add_capture(const struct wp_pprof *capture, uint64_t from_ns, uint64_t until_ns, void *context,
            struct wp_error *error)
{
    struct maker *maker = context;
    uint64_t begin_ns = snap(&maker->timeline.options, from_ns);
    uint64_t end_ns = snap(&maker->timeline.options, until_ns);
    const struct wp_timeline_options *options = &maker->timeline.options;
    struct wp_selection selection;
    int status;

    if (begin_ns == end_ns) {
        begin_ns = from_ns;
        end_ns = until_ns;
    }
    if (end_ns <= options->from_ns || begin_ns >= options->until_ns)
        return 0;
    take(&maker->timeline, begin_ns, end_ns);
    status = wp_selection_init(&selection, &options->selection, options->type, error);
    if (status == 0 && (add_selected(maker, &selection, capture, begin_ns, end_ns) != 0 ||
                        add_span(maker, from_ns, until_ns) != 0))
        status = out_of_memory(error);
    wp_selection_free(&selection);
    if (status == 0 && maker->visit != NULL)
        status = maker->visit(capture, maker->context, error);
    return status;
}

/* --- Putting it in order
 * ----------------------------------------------------------------------- */

static int
compare_parts(const void *left, const void *right)
{
    const struct wp_timeline_part *a = left, *b = right;

    if (a->row != b->row)
        return a->row > b->row ? 1 : -1;
    if (a->delay_ns != b->delay_ns)
        return a->delay_ns < b->delay_ns ? 1 : -1;
    return (a->function > b->function) - (a->function < b->function);
}

/* A function with the number that it has so far. */
struct ranked {
    struct wp_timeline_function function;
    uint32_t number;
};

static int
compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->function.delay_ns != b->function.delay_ns)
        return a->function.delay_ns < b->function.delay_ns ? 1 : -1;
    return strcmp(a->function.name, b->function.name);
}

static int
rank_functions(struct wp_timeline *timeline)
{
    size_t count = timeline->function_count;
    struct ranked *ranked = calloc(count + 1, sizeof *ranked);
    uint32_t *ranks = calloc(count + 1, sizeof *ranks);

    for (uint32_t i = 0; i < count && ranked != NULL && ranks != NULL; i++)
        ranked[i] = (struct ranked){timeline->functions[i], i};
    if (ranked != NULL && ranks != NULL) {
        qsort(ranked, count, sizeof *ranked, compare_ranked);
        for (uint32_t i = 0; i < count; i++) {
            timeline->functions[i] = ranked[i].function;
            ranks[ranked[i].number] = i;
        }
        for (size_t i = 0; i < timeline->part_count; i++)
            timeline->parts[i].function = ranks[timeline->parts[i].function];
    }
    count = ranked != NULL && ranks != NULL;
    free(ranked);
    free(ranks);
    return count ? 0 : -ENOMEM;
}

static int
finish(struct maker *maker)
{
    struct wp_timeline *timeline = &maker->timeline;

    sum_up_recorded(maker);
    if (rank_functions(timeline) != 0)
        return -ENOMEM;
    if (timeline->part_count > 1)
        qsort(timeline->parts, timeline->part_count, sizeof *timeline->parts, compare_parts);
    for (size_t i = 0; i < timeline->part_count; i++) {
        struct wp_timeline_row *row = &timeline->rows[timeline->parts[i].row];

        if (row->part_count++ == 0)
            row->parts = &timeline->parts[i];
    }
    for (size_t i = 0; i < timeline->row_count; i++) {
        const struct wp_timeline_row *row = &timeline->rows[i];
        double rate = wp_timeline_rate(row);

        timeline->delay_ns += row->delay_ns;
        timeline->recorded_ns += row->recorded_ns;
        timeline->peak = rate > timeline->peak ? rate : timeline->peak;
    }
    return 0;
}

static int
make(struct maker *maker, const struct wp_stored_slices *slices, struct wp_error *error)
{
    struct wp_timeline *timeline = &maker->timeline;
    int status;

    if (wp_keyset_init(&maker->names) != 0)
        return out_of_memory(error);
    status = make_rows(maker, slices->usual_ns, error);
    timeline->stored_count = slices->type_count;
    timeline->whole_from_ns = timeline->options.from_ns;
    timeline->whole_until_ns = timeline->options.until_ns;
    if (status == 0)
        status =
            wp_stored_slices_read(slices, timeline->options.from_ns, timeline->options.until_ns,
                                  add_capture, maker, &timeline->reading, error);
    for (size_t i = 0; i < slices->span_count && status == 0; i++) {
        if (add_note(maker, &slices->spans[i]) != 0)
            status = out_of_memory(error);
    }
    timeline->is_noted = slices->program_count > 0;
    for (size_t i = 0; i < slices->program_count; i++)
        timeline->is_noted &= slices->programs[i].is_noted;
    if (status == 0 && finish(maker) != 0)
        status = out_of_memory(error);
    free(maker->spans);
    wp_wordmap_free(&maker->cells);
    return status;
}

int
wp_timeline_make(const struct wp_stored_slices *slices, const struct wp_timeline_options *options,
                 wp_timeline_visit *visit, void *context, struct wp_timeline **timeline,
                 struct wp_error *error)
{
    struct maker *maker = calloc(1, sizeof *maker);
    int status;

    *timeline = NULL;
    if (maker == NULL)
        return out_of_memory(error);
    maker->timeline.options = *options;
    maker->visit = visit;
    maker->context = context;
    status = make(maker, slices, error);
    if (status == 0)
        *timeline = &maker->timeline;
    else
        wp_timeline_free(&maker->timeline);
    return status;
}

void
wp_timeline_free(struct wp_timeline *timeline)
{
    struct maker *maker = (struct maker *)timeline;

    if (maker == NULL)
        return;
    wp_keyset_free(&maker->names);
    free(timeline->rows);
    free(timeline->functions);
    free(timeline->parts);
    free(maker);
}

double
wp_timeline_rate(const struct wp_timeline_row *row)
{
    return row->recorded_ns > 0 ? row->delay_ns / row->recorded_ns : 0;
}

bool
wp_timeline_interval(const struct wp_timeline_row *row, struct wp_interval *rate)
{
    if (!row->has_error || row->recorded_ns <= 0 ||
        !wp_interval_of_delay(row->delay_ns, row->variance, row->samples, rate))
        return false;
    rate->low /= row->recorded_ns;
    rate->high /= row->recorded_ns;
    return true;
}
