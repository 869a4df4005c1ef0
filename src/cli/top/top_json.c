#include "cli/top/top_json.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>

#include "cli/rate_json.h"
#include "cli/region_loss.h"
#include "profile/interval.h"
#include "profile/json_add.h"
#include "profile/own_cost.h"
#include "profile/profile.h"

/* Whole numbers as such: delays are sums of nanoseconds. */
static void
add_sum(struct json_object *object, const char *name, double sum)
{
    if (sum < 9007199254740992.0)
        wp_json_add_number(object, name, (uint64_t)sum);
    else
        wp_json_add_double(object, name, sum);
}

/* What recording costs the program. Means of what there was none of are left out. */
static void
add_own_cost(struct json_object *object, const char *name, struct wp_own_cost cost)
{
    struct json_object *figures = json_object_new_object();

    add_sum(figures, "total_ns", cost.total_ns);
    wp_json_add_double(figures, "of_a_cpu", cost.cpu_share);
    wp_json_add_flag(figures, "rough", cost.is_rough);
    if (cost.waits != 0)
        wp_json_add_double(figures, "ns_per_wait", cost.added_ns);
    wp_json_add_number(figures, "waits", cost.waits);
    wp_json_add_number(figures, "waits_looked_at", cost.followed);
    if (cost.followed != 0)
        wp_json_add_double(figures, "ns_per_wait_looked_at", cost.wait_ns);
    wp_json_add_number(figures, "block_samples", cost.block_samples);
    if (cost.block_samples != 0)
        wp_json_add_double(figures, "ns_per_block_sample", cost.sample_ns);
    wp_json_add_number(figures, "mutex_samples", cost.unlocks);
    if (cost.unlocks != 0)
        wp_json_add_double(figures, "ns_per_mutex_sample", cost.unlock_ns);
    if (cost.condition_ns > 0)
        wp_json_add_double(figures, "ns_per_condition_passed_over", cost.condition_ns);
    json_object_object_add(object, name, figures);
}

static void
add_activity(struct json_object *object, const struct wp_top_model *model)
{
    const uint64_t *counters = model->snapshot->counters;
    struct json_object *sums = json_object_new_object();

    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        wp_json_add_number(sums, wp_reader_counters[i].name, counters[i]);
    json_object_object_add(object, "counters", sums);
    wp_json_add_number(object, "lost", wp_region_loss_count(counters));
    add_own_cost(object, "own_cost", wp_top_model_own_cost(model, false));
    if (model->span_s <= 0)
        return;
    add_own_cost(object, "own_cost_in_span", wp_top_model_own_cost(model, true));
    add_sum(object, "span_ns", model->span_s * 1e9);
    wp_json_add_double(object, "waits_per_second", wp_top_model_rate(model, WP_COUNTER_waits));
    wp_json_add_double(object, "samples_per_second",
                       wp_top_model_rate(model, WP_COUNTER_block_samples) +
                           wp_top_model_rate(model, WP_COUNTER_mutex_samples));
}

/* --- Stacks */

/* [low, high] of 95 %, where it can be told. */
static void
add_interval(struct json_object *object, const char *name, const struct wp_top_interval *interval)
{
    struct json_object *bounds;

    if (!interval->is_known)
        return;
    bounds = json_object_new_array();
    json_object_array_add(bounds, json_object_new_double(interval->bounds.low));
    json_object_array_add(bounds, json_object_new_double(interval->bounds.high));
    json_object_object_add(object, name, bounds);
}

static void
add_row_figures(struct json_object *object, const struct wp_top_row *row, bool has_span)
{
    add_sum(object, "delay_ns", row->delay_ns);
    add_interval(object, "delay_interval_ns", &row->delay_95);
    wp_json_add_double(object, "contentions", row->contentions);
    wp_json_add_number(object, "samples", row->samples);
    wp_json_add_double(object, "mean_ns", row->mean_ns);
    if (!has_span)
        return;
    wp_json_add_double(object, "delay_ns_per_second", row->delay_per_s);
    add_interval(object, "delay_interval_ns_per_second", &row->delay_per_s_95);
    wp_json_add_double(object, "contentions_per_second", row->contentions_per_s);
}

static struct json_object *
make_frames(const struct wp_top_stack *stack)
{
    struct json_object *frames = json_object_new_array();

    for (size_t i = 0; i < stack->frame_count; i++) {
        struct json_object *frame = json_object_new_object();

        wp_json_add_text(frame, "function", stack->frames[i].function);
        if (stack->frames[i].file[0] != '\0')
            wp_json_add_text(frame, "file", stack->frames[i].file);
        if (stack->frames[i].line != 0)
            wp_json_add_number(frame, "line", stack->frames[i].line);
        if (stack->frames[i].inlined)
            wp_json_add_flag(frame, "inlined", 1);
        json_object_array_add(frames, frame);
    }
    return frames;
}

static struct json_object *
make_stack(const struct wp_top_row *row, bool has_span)
{
    struct json_object *object = json_object_new_object();

    wp_json_add_text(object, "kind", row->stack->kind);
    wp_json_add_text(object, "family", row->stack->family);
    add_row_figures(object, row, has_span);
    wp_json_add_double(object, "share", row->share);
    json_object_object_add(object, "frames", make_frames(row->stack));
    return object;
}

static int
add_profile(struct json_object *object, struct wp_top_model *model,
            const struct wp_top_query *query, size_t limit, struct wp_error *error)
{
    struct wp_top_rows rows = {0};
    int status = wp_top_rows_make(&rows, model, query, error);
    size_t count = limit != 0 && limit < rows.count ? limit : rows.count;
    struct json_object *profile, *stacks;

    if (status == 0)
        status = wp_top_rows_name(&rows, 0, count, model, error);
    if (status == 0) {
        profile = json_object_new_object();
        stacks = json_object_new_array();
        add_row_figures(profile, &rows.total, model->span_s > 0);
        wp_json_add_number(profile, "stack_count", rows.count);
        for (size_t i = 0; i < count; i++)
            json_object_array_add(stacks, make_stack(&rows.rows[i], model->span_s > 0));
        json_object_object_add(profile, "stacks", stacks);
        json_object_object_add(object, wp_profile_type_name(query->profile), profile);
    }
    wp_top_rows_free(&rows);
    return status;
}

static int
add_profiles(struct json_object *object, struct wp_top_model *model,
             const struct wp_top_json_options *options, struct wp_error *error)
{
    static const enum wp_region_profile types[] = {WP_PROFILE_BLOCK, WP_PROFILE_MUTEX};
    int status = 0;

    for (size_t i = 0; i < 2 && status == 0; i++) {
        const struct wp_top_query query = {
            .profile = types[i],
            .sort = model->span_s > 0 ? WP_TOP_SORT_RATE : WP_TOP_SORT_DELAY,
            .grouping = options->grouping,
            .kinds = options->kinds,
        };

        if (options->profiles[i])
            status = add_profile(object, model, &query, options->rows, error);
    }
    return status;
}

/* --- Kinds and threads */

static int
add_kinds(struct json_object *object, const struct wp_top_model *model, const char *list,
          struct wp_error *error)
{
    static const char *const names[] = {"block", "mutex"};
    struct json_object *array = json_object_new_array();
    struct wp_top_kinds kinds = {0};
    int status = wp_top_kinds_make(&kinds, model, list, error);

    for (size_t i = 0; i < kinds.count; i++) {
        const struct wp_top_kind *kind = &kinds.rows[i];
        struct json_object *row = json_object_new_object();

        wp_json_add_text(row, "kind", kind->kind);
        wp_json_add_text(row, "family", kind->family);
        wp_json_add_number(row, "waits", kind->waits);
        if (model->span_s > 0)
            wp_json_add_double(row, "waits_per_second", kind->waits_per_s);
        for (unsigned j = 0; j < 2; j++) {
            struct json_object *amount = json_object_new_object();

            add_sum(amount, "delay_ns", kind->delay_ns[j]);
            add_interval(amount, "delay_interval_ns", &kind->delay_95[j]);
            wp_json_add_double(amount, "contentions", kind->contentions[j]);
            if (model->span_s > 0) {
                wp_json_add_double(amount, "delay_ns_per_second", kind->delay_per_s[j]);
                add_interval(amount, "delay_interval_ns_per_second", &kind->delay_per_s_95[j]);
                wp_json_add_double(amount, "contentions_per_second", kind->contentions_per_s[j]);
            }
            json_object_object_add(row, names[j], amount);
        }
        json_object_array_add(array, row);
    }
    wp_top_kinds_free(&kinds);
    json_object_object_add(object, "kinds", array);
    return status;
}

static int
add_threads(struct json_object *object, const struct wp_top_session *session,
            struct wp_error *error)
{
    struct json_object *array = json_object_new_array();
    struct wp_top_threads threads = {0};
    int status = wp_top_threads_make(&threads, &session->model,
                                     session->facts.has_ended ? NULL : wp_thread_life_look, error);

    for (size_t i = 0; i < threads.count; i++) {
        const struct wp_top_thread *thread = &threads.rows[i];
        struct json_object *row = json_object_new_object();
        char state[2] = {thread->life.state, '\0'};

        wp_json_add_number(row, "pid", thread->pid);
        wp_json_add_number(row, "tid", thread->tid);
        wp_json_add_text(row, "name", thread->life.name);
        wp_json_add_text(row, "state", state);
        wp_json_add_number(row, "waits", thread->waits);
        wp_json_add_number(row, "waited_ns", thread->waited_ns);
        if (session->model.span_s > 0) {
            wp_json_add_double(row, "waits_per_second", thread->waits_per_s);
            wp_json_add_double(row, "waited_share", thread->share);
        }
        if (thread->waiting_ns != 0) {
            wp_json_add_text(row, "waiting_in", thread->function);
            wp_json_add_number(row, "waiting_ns", thread->waiting_ns);
        }
        json_object_array_add(array, row);
    }
    wp_json_add_number(object, "processes", threads.processes);
    wp_top_threads_free(&threads);
    json_object_object_add(object, "threads", array);
    return status;
}

/* --- The document */

static void
add_program(struct json_object *object, const struct wp_top_session *session)
{
    const struct wp_snapshot *snapshot = session->model.snapshot;
    char id[20];

    snprintf(id, sizeof id, "%016" PRIx64, snapshot->region_id);
    wp_json_add_text(object, "command", session->facts.command);
    wp_json_add_number(object, "pid", session->facts.pid);
    wp_json_add_text(object, "region", id);
    wp_json_add_text(object, "state", session->facts.has_ended ? "ended" : "running");
    wp_json_add_number(object, "start_ns", snapshot->start_realtime_ns);
    wp_json_add_number(object, "time_ns", snapshot->read_realtime_ns);
    json_object_object_add(object, "rates", wp_rate_json(snapshot));
}

int
wp_top_json_print(struct wp_top_session *session, const struct wp_top_json_options *options,
                  FILE *stream, struct wp_error *error)
{
    struct json_object *object = json_object_new_object();
    int flags = options->one_line ? JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY;
    int status;

    add_program(object, session);
    add_activity(object, &session->model);
    status = add_profiles(object, &session->model, options, error);
    if (status == 0)
        status = add_kinds(object, &session->model, options->kinds, error);
    if (status == 0)
        status = add_threads(object, session, error);
    if (status == 0) {
        fprintf(stream, "%s\n",
                json_object_to_json_string_ext(object, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
        fflush(stream);
    }
    json_object_put(object);
    return status;
}
