#include "cli/top/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool
has_ended(struct wp_top_session *session, const struct wp_snapshot *snapshot)
{
    pid_t pid = 0;

    return wp_target_state(session->target, snapshot, &pid) == WP_STATE_GONE;
}

static int
take_look(struct wp_top_session *session, struct wp_error *error)
{
    const struct wp_snapshot *earlier = session->model.snapshot;
    struct wp_snapshot *snapshot;
    bool ended = false;
    int status;

    /* Before the snapshot is taken: data of a program that had ended by then is whole. */
    if (earlier != NULL)
        ended = has_ended(session, earlier);
    status = wp_target_read(session->target, &snapshot, error);
    if (status != 0)
        return status;
    if (earlier == NULL)
        ended = has_ended(session, snapshot);
    session->facts.has_ended = session->model.has_ended = ended;
    return wp_top_model_update(&session->model, snapshot, error);
}

int
wp_top_session_look(struct wp_top_session *session, struct wp_error *error)
{
    int status;

    if (session->facts.has_ended)
        return 0;
    status = take_look(session, error);
    snprintf(session->facts.trouble, sizeof session->facts.trouble, "%s",
             status != 0 ? error->text : "");
    return status;
}

int
wp_top_session_open(struct wp_top_session *session, const char *what, struct wp_error *error)
{
    int status;

    *session = (struct wp_top_session){0};
    status = wp_target_open(what, &session->target, error);
    if (status == 0)
        status = wp_top_names_new(&session->names, error);
    if (status == 0)
        status = wp_top_model_init(&session->model, wp_top_names_namer(session->names), error);
    if (status != 0)
        return status;
    memcpy(session->facts.command, session->target->command, sizeof session->facts.command);
    session->facts.pid =
        session->target->seen_pid != 0 ? (uint32_t)session->target->seen_pid : session->target->pid;
    return wp_top_session_look(session, error);
}

void
wp_top_session_close(struct wp_top_session *session)
{
    if (session->names != NULL)
        wp_top_model_free(&session->model);
    wp_top_names_free(session->names);
    wp_target_release(session->target);
    *session = (struct wp_top_session){0};
}

/* --- Rates */

static int
change_rates(void *context, const struct wp_reader_rate_change *change,
             struct wp_reader_rate_result *result, struct wp_error *error)
{
    struct wp_top_session *session = context;
    int status;

    if (session->lease_count == WP_REGION_LEASES)
        return wp_error_set(error, EBUSY, "the rates were changed here %u times: R puts them back",
                            WP_REGION_LEASES);
    status = wp_reader_change_rates(&session->target->place, change, result, error);
    if (status == 0 && result->lease != 0)
        session->leases[session->lease_count++] = result->lease;
    return status;
}

int
wp_top_session_end_leases(struct wp_top_session *session, size_t *ended, struct wp_error *error)
{
    int status = 0;

    if (ended != NULL)
        *ended = session->lease_count;
    while (session->lease_count > 0 && status == 0) {
        struct wp_reader_rates after;

        status = wp_reader_end_lease(&session->target->place,
                                     session->leases[session->lease_count - 1], &after, error);
        if (status == 0)
            session->lease_count--;
    }
    return status;
}

static int
end_leases(void *context, size_t *ended, struct wp_error *error)
{
    return wp_top_session_end_leases(context, ended, error);
}

struct wp_top_deeds
wp_top_session_deeds(struct wp_top_session *session)
{
    return (struct wp_top_deeds){
        .change_rates = change_rates, .end_leases = end_leases, .context = session};
}
