#include "cli/serve/deltas.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "cli/serve/profile_answers.h"
#include "cli/serve/request.h"
#include "cli/serve/statistics.h"

/* Between looks at clients and programs. */
#define LOOK_NS UINT64_C(200000000)

struct wp_deltas {
    struct wp_server *server;
    pthread_mutex_t lock;
    size_t maximum;
    size_t slots_taken;
    struct wp_request *waiting;
    uint64_t looked_ns;
};

struct wp_deltas *
wp_deltas_new(struct wp_server *server, size_t maximum)
{
    struct wp_deltas *deltas = calloc(1, sizeof *deltas);

    if (deltas == NULL)
        return NULL;
    deltas->server = server;
    deltas->maximum = maximum;
    pthread_mutex_init(&deltas->lock, NULL);
    return deltas;
}

void
wp_deltas_free(struct wp_deltas *deltas)
{
    if (deltas == NULL)
        return;
    pthread_mutex_destroy(&deltas->lock);
    free(deltas);
}

bool
wp_deltas_take_slot(struct wp_deltas *deltas, struct wp_request *request)
{
    bool has_slot;

    pthread_mutex_lock(&deltas->lock);
    has_slot = deltas->slots_taken < deltas->maximum;
    deltas->slots_taken += has_slot;
    pthread_mutex_unlock(&deltas->lock);
    request->has_delta_slot = has_slot;
    if (has_slot)
        wp_statistics_add(&deltas->server->statistics, deltas_running, 1);
    return has_slot;
}

void
wp_deltas_give_slot(struct wp_deltas *deltas, struct wp_request *request)
{
    if (!request->has_delta_slot)
        return;
    request->has_delta_slot = false;
    pthread_mutex_lock(&deltas->lock);
    deltas->slots_taken--;
    pthread_mutex_unlock(&deltas->lock);
    wp_statistics_add(&deltas->server->statistics, deltas_running, -1);
}

void
wp_deltas_add(struct wp_deltas *deltas, struct wp_request *request)
{
    pthread_mutex_lock(&deltas->lock);
    request->next = deltas->waiting;
    deltas->waiting = request;
    pthread_mutex_unlock(&deltas->lock);
}

/* Its descriptor is not watched while the connection is suspended. A client that sends no more
 * counts as gone, as it does for Go. */
static bool
has_hung_up(const struct wp_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd client = {.fd = info != NULL ? info->connect_fd : -1, .events = POLLRDHUP};

    return poll(&client, 1, 0) > 0 &&
           (client.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static bool
has_ended(const struct wp_delta *delta)
{
    return wp_target_state(delta->program->target, delta->earlier->snapshot, NULL) == WP_STATE_GONE;
}

static void
give_up(struct wp_request *request)
{
    wp_request_answer_all(request,
                          wp_answer_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "context canceled"));
}

/* Takes from the waiting what is through; the rest stays. */
static struct wp_request *
take_waiting(struct wp_deltas *deltas)
{
    struct wp_request *taken;

    pthread_mutex_lock(&deltas->lock);
    taken = deltas->waiting;
    deltas->waiting = NULL;
    pthread_mutex_unlock(&deltas->lock);
    return taken;
}

uint64_t
wp_deltas_tick(struct wp_deltas *deltas)
{
    uint64_t now_ns = wp_statistics_now_ns(), next_ns = UINT64_MAX;
    bool looks = now_ns - deltas->looked_ns >= LOOK_NS;
    struct wp_request *request = take_waiting(deltas), *next;
    const struct wp_held_snapshot *seen = NULL;
    bool seen_ended = false;

    if (looks)
        deltas->looked_ns = now_ns;
    for (; request != NULL; request = next) {
        next = request->next;
        request->next = NULL;
        if (looks && has_hung_up(request)) {
            give_up(request);
            continue;
        }
        if (looks && request->delta.earlier != seen) {
            seen = request->delta.earlier;
            seen_ended = has_ended(&request->delta);
        }
        if (request->delta.due_ns <= now_ns || (looks && seen_ended)) {
            wp_profile_answer_later(request);
            continue;
        }
        if (request->delta.due_ns < next_ns)
            next_ns = request->delta.due_ns;
        wp_deltas_add(deltas, request);
    }
    return next_ns;
}

void
wp_deltas_end(struct wp_deltas *deltas)
{
    struct wp_request *request = take_waiting(deltas);

    if (request != NULL)
        wp_request_answer_all(request, wp_answer_busy(1, "the server ends"));
}
