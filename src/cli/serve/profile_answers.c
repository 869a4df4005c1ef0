#include "cli/serve/profile_answers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/serve/memory_budget.h"
#include "cli/serve/program_answers.h"
#include "cli/view_options.h"

#define SECONDS_MAX 3600

/* A profile by its name in paths. */
struct profile_name {
    const char *name;
    const char *file; /* as what browsers save it */
    enum wp_region_profile type;
    bool is_since_last; /* godeltaprof's */
};

static const struct profile_name profile_names[] = {
    {"block", "block", WP_PROFILE_BLOCK, false},
    {"mutex", "mutex", WP_PROFILE_MUTEX, false},
    {"delta_block", "block.pprof.gz", WP_PROFILE_BLOCK, true},
    {"delta_mutex", "mutex.pprof.gz", WP_PROFILE_MUTEX, true},
};

static const struct profile_name *
find_profile(const char *name)
{
    const struct profile_name *profile = profile_names;

    while (strcmp(profile->name, name) != 0)
        profile++;
    return profile;
}

/* As Go's strconv.ParseInt: false if it is no decimal number or too large. */
static bool
parse_integer(const char *text, int64_t *value)
{
    const char *digits = text + (text[0] == '+' || text[0] == '-');

    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

/* Go takes what is no number for 0, and what is too large for a number that is not. */
static bool
is_text_wanted(const struct wp_request *request)
{
    const char *text = wp_request_parameter(request, "debug");
    int64_t value = 0;

    if (text == NULL)
        return false;
    errno = 0;
    return parse_integer(text, &value) ? value != 0 : errno == ERANGE;
}

/* NULL if all is well. */
static struct wp_answer *
check_seconds(struct wp_request *request, bool *is_answered)
{
    const char *text = wp_request_parameter(request, "seconds");
    int64_t seconds = 0;

    if (text == NULL || text[0] == '\0')
        return NULL;
    *is_answered = true;
    if (!parse_integer(text, &seconds) || seconds <= 0)
        return wp_answer_refuse(MHD_HTTP_BAD_REQUEST,
                                "invalid value for \"seconds\" - must be a positive integer");
    if (seconds > SECONDS_MAX)
        return wp_answer_refuse(MHD_HTTP_BAD_REQUEST,
                                "profile duration exceeds server's limit of %d seconds",
                                SECONDS_MAX);
    if (request->query.is_text)
        return wp_answer_refuse(MHD_HTTP_BAD_REQUEST, "seconds and debug params are incompatible");
    *is_answered = false;
    request->query.span_ns = (uint64_t)seconds * 1000000000;
    return NULL;
}

static struct wp_answer *
check_view(struct wp_request *request, bool *is_answered)
{
    const char *kinds = wp_request_parameter(request, "kind");
    const char *labels = wp_request_parameter(request, "labels");
    struct wp_profile_query *query = &request->query;
    struct wp_encode_options options = {0};
    char word[WP_VIEW_WORD_BYTES];

    *is_answered = true;
    if (kinds != NULL && strlen(kinds) >= sizeof query->kinds)
        return wp_answer_refuse(MHD_HTTP_BAD_REQUEST,
                                "invalid value for \"kind\" - is longer than %zu bytes",
                                sizeof query->kinds - 1);
    if (labels != NULL && labels[0] != '\0' && wp_view_parse_labels(labels, &options, word) != 0)
        return wp_answer_refuse(MHD_HTTP_BAD_REQUEST,
                                "invalid value for \"labels\" - there is no label \"%s\"", word);
    *is_answered = false;
    query->labels = options.labels;
    query->has_kinds = kinds != NULL && kinds[0] != '\0';
    if (query->has_kinds)
        snprintf(query->kinds, sizeof query->kinds, "%s", kinds);
    return NULL;
}

struct wp_answer *
wp_profile_check(struct wp_request *request, bool *is_answered)
{
    const struct profile_name *profile = find_profile(request->profile);
    struct wp_answer *answer = NULL;

    request->query.is_text = is_text_wanted(request);
    if (!profile->is_since_last)
        answer = check_seconds(request, is_answered);
    if (!*is_answered)
        answer = check_view(request, is_answered);
    if (*is_answered || request->query.span_ns == 0 ||
        wp_deltas_take_slot(request->server->deltas, request))
        return answer;
    *is_answered = true;
    return wp_answer_busy(5, "too many deltas at the same time; try again later");
}

static struct wp_answer *
refuse_kinds(const struct wp_profile_query *query, const struct wp_snapshot *snapshot)
{
    struct wp_error error = {""};

    if (!query->has_kinds || wp_view_check_kinds(query->kinds, snapshot, &error) == 0)
        return NULL;
    return wp_answer_refuse(MHD_HTTP_BAD_REQUEST, "invalid value for \"kind\" - %s", error.text);
}

/* What is rendered: of a program now, or of the span since `earlier`. */
struct view {
    struct wp_program *program;
    const struct profile_name *profile;
    const struct wp_profile_query *query;
    const struct wp_held_snapshot *now;
    const struct wp_held_snapshot *earlier; /* NULL: since the program's start */
};

static void
add_profile_headers(struct wp_answer *answer, const struct view *view)
{
    char disposition[96];

    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s%s\"", view->profile->file,
             view->query->span_ns != 0 ? "-delta" : "");
    if (!view->query->is_text)
        wp_answer_add_header(answer, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
    if (wp_target_state(view->program->target, view->now->snapshot, NULL) == WP_STATE_GONE)
        wp_answer_add_header(answer, "X-Waitprof-Ended", "true");
}

static struct wp_answer *
render(struct wp_server *server, const struct view *view)
{
    const struct wp_rendering_request request = {
        .type = view->profile->type,
        .now = view->now->snapshot,
        .earlier = view->earlier != NULL ? view->earlier->snapshot : NULL,
        .kinds = view->query->has_kinds ? view->query->kinds : NULL,
        .encode = {.labels = view->query->labels},
        .encoder = wp_encoder_find(view->query->is_text ? "text" : "pprof"),
    };
    uint64_t start_ns = wp_statistics_now_ns();
    struct wp_answer *answer = refuse_kinds(view->query, view->now->snapshot);
    struct wp_rendering rendering;
    struct wp_error error = {""};
    int status;

    if (answer != NULL)
        return answer;
    status = wp_render(server->renderer, &request, &rendering, &error);
    wp_statistics_count_rendering(&server->statistics, wp_statistics_now_ns() - start_ns,
                                  status != 0);
    if (status != 0) {
        wp_message_detail("pid %s: %s: %s", view->program->name, view->profile->name, error.text);
        return wp_answer_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
                                view->earlier != NULL ? "failed to compute delta"
                                                      : "failed to collect profile");
    }
    answer = wp_answer_new(MHD_HTTP_OK, request.encoder->content_type, rendering.bytes,
                           rendering.length);
    add_profile_headers(answer, view);
    return answer;
}

/* NULL with *answer set: it cannot be read. */
static struct wp_held_snapshot *
read_program(const struct wp_program *program, struct wp_answer **answer)
{
    struct wp_held_snapshot *held = NULL;
    struct wp_error error = {""};

    if (!wp_memory_budget_has_room()) {
        *answer = wp_answer_busy(5, "too much is asked for at the same time; try again later");
        return NULL;
    }
    if (wp_program_read(program, &held, &error) == 0)
        return held;
    wp_message_detail("pid %s: %s", program->name, error.text);
    *answer = wp_answer_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "failed to collect profile");
    return NULL;
}

static struct wp_answer *
answer_whole(struct wp_server *server, struct view *view)
{
    struct wp_answer *answer = NULL;
    struct wp_held_snapshot *now = read_program(view->program, &answer);

    if (now == NULL)
        return answer;
    view->now = now;
    answer = render(server, view);
    wp_held_snapshot_release(now);
    return answer;
}

/*
 * What happened since the last answer. A request for the headers alone is none that was served. The
 * lock keeps the order of requests for the same: each gets what the one before it has not.
 */
static struct wp_answer *
answer_since_last(struct wp_server *server, struct view *view, bool is_served)
{
    struct wp_held_snapshot **served = &view->program->served[view->profile->type - 1];
    struct wp_answer *answer = NULL;
    struct wp_held_snapshot *now;

    pthread_mutex_lock(&view->program->delta_lock);
    now = read_program(view->program, &answer);
    if (now != NULL) {
        view->now = now;
        view->earlier = *served;
        answer = render(server, view);
        if (is_served && wp_answer_status(answer) == MHD_HTTP_OK) {
            wp_held_snapshot_release(*served);
            *served = wp_held_snapshot_hold(now);
        }
        wp_held_snapshot_release(now);
    }
    pthread_mutex_unlock(&view->program->delta_lock);
    return answer;
}

/* The first half of deltas, of any profile and span: one look at the program for all of them. */
static void
start_deltas(struct wp_server *server, struct wp_request *requests, struct wp_program *program)
{
    struct wp_answer *refusal = NULL;
    struct wp_held_snapshot *earlier = read_program(program, &refusal);
    struct wp_request *next;

    if (earlier == NULL) {
        wp_request_answer_all(requests, refusal);
        return;
    }
    for (; requests != NULL; requests = next) {
        next = requests->next;
        requests->next = NULL;
        refusal = refuse_kinds(&requests->query, earlier->snapshot);
        if (refusal != NULL) {
            wp_request_answer_all(requests, refusal);
            continue;
        }
        requests->delta.program = wp_program_hold(program);
        requests->delta.earlier = wp_held_snapshot_hold(earlier);
        requests->delta.due_ns = earlier->snapshot->read_monotonic_ns + requests->query.span_ns;
        wp_deltas_add(server->deltas, requests);
    }
    wp_held_snapshot_release(earlier);
}

void
wp_profile_answer(struct wp_server *server, struct wp_request *requests)
{
    struct view view = {.profile = find_profile(requests->profile), .query = &requests->query};
    struct wp_error error = {""};
    int status = wp_programs_find(server->programs, requests->program, &view.program, &error);

    if (status != 0)
        wp_request_answer_all(requests, wp_program_refuse(server, requests, status, &error));
    else if (requests->query.span_ns != 0)
        start_deltas(server, requests, view.program);
    else if (view.profile->is_since_last)
        wp_request_answer_all(requests, answer_since_last(server, &view, !requests->is_head));
    else
        wp_request_answer_all(requests, answer_whole(server, &view));
    if (status == 0)
        wp_program_release(view.program);
}

static void
finish_deltas(struct wp_server *server, struct wp_request *requests)
{
    struct view view = {
        .program = requests->delta.program,
        .profile = find_profile(requests->profile),
        .query = &requests->query,
        .earlier = requests->delta.earlier,
    };

    wp_request_answer_all(requests, answer_whole(server, &view));
}

void
wp_profile_answer_later(struct wp_request *request)
{
    char key[WP_REQUEST_KEY_BYTES + 32];

    snprintf(key, sizeof key, "%p ", (void *)request->delta.earlier);
    wp_request_key(request, key + strlen(key));
    wp_job_queue_submit(request->server->jobs, key, finish_deltas, request);
}
