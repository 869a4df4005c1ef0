#include "cli/serve/connections.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A client may take its answer at this pace, beside what every answer is allowed. */
#define ANSWER_BYTES_PER_SECOND 65536u

/* Scrapers come back every 15 to 60 seconds; a connection kept for them must not end just when they
 * do. */
#define IDLE_NS (UINT64_C(75) * 1000000000)

struct wp_client {
    struct wp_client *next, *previous;
    int fd;
    bool is_ended; /* shut down; libmicrohttpd has not noticed yet */
    enum wp_client_phase phase;
    uint64_t phase_start_ns;
    uint64_t deadline_ns; /* UINT64_MAX: none */
    char *target;         /* of the request that comes in; NULL: it was taken */
};

struct wp_connections {
    pthread_mutex_t lock;
    size_t maximum;
    uint64_t timeout_ns;
    struct wp_statistics *statistics;
    struct wp_client *first;
    size_t count; /* that are not ended */
};

struct wp_connections *
wp_connections_new(size_t maximum, uint64_t timeout_ns, struct wp_statistics *statistics)
{
    struct wp_connections *connections = calloc(1, sizeof *connections);

    if (connections == NULL)
        return NULL;
    pthread_mutex_init(&connections->lock, NULL);
    connections->maximum = maximum;
    connections->timeout_ns = timeout_ns;
    connections->statistics = statistics;
    return connections;
}

void
wp_connections_free(struct wp_connections *connections)
{
    if (connections == NULL)
        return;
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

/* The descriptor is libmicrohttpd's until it has told us that the connection is closed. What the
 * client has not taken by then goes too: the kernel would keep it for minutes. */
static void
end_client(struct wp_connections *connections, struct wp_client *client)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    client->is_ended = true;
    connections->count--;
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    shutdown(client->fd, SHUT_RDWR);
}

static bool
keeps_us_waiting(const struct wp_client *client)
{
    return !client->is_ended &&
           (client->phase == WP_CLIENT_IDLE || client->phase == WP_CLIENT_ASKING);
}

/* Bytes that libmicrohttpd has not read yet: -1 none, 0 none and none will come. */
static ssize_t
peek(const struct wp_client *client)
{
    char byte;

    return recv(client->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
}

/* The client of a phase for which `may_go` holds that has been in it longest; NULL: none. */
static struct wp_client *
find_oldest(struct wp_connections *connections, bool (*may_go)(const struct wp_client *client))
{
    struct wp_client *oldest = NULL;

    for (struct wp_client *client = connections->first; client != NULL; client = client->next) {
        if ((oldest == NULL || client->phase_start_ns < oldest->phase_start_ns) && may_go(client))
            oldest = client;
    }
    return oldest;
}

/* Not for a request that is there and that we have not come to yet. */
static bool
has_sent_nothing(const struct wp_client *client)
{
    return keeps_us_waiting(client) && peek(client) <= 0;
}

static bool
takes_its_answer(const struct wp_client *client)
{
    return !client->is_ended && client->phase == WP_CLIENT_ANSWERED;
}

/* Makes room for one more: who has kept us waiting longest goes, else who has taken its answer for
 * longest. False: we keep all of them waiting, which will not last. */
static bool
evict(struct wp_connections *connections)
{
    struct wp_client *chosen = find_oldest(connections, has_sent_nothing);

    if (chosen == NULL)
        chosen = find_oldest(connections, takes_its_answer);
    if (chosen == NULL)
        return false;
    end_client(connections, chosen);
    wp_statistics_add(connections->statistics, connections_refused, 1);
    return true;
}

static void
add_client(struct wp_connections *connections, struct MHD_Connection *connection,
           void **socket_context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct wp_client *client = calloc(1, sizeof *client);

    if (client == NULL || info == NULL) {
        free(client);
        return;
    }
    client->fd = info->connect_fd;
    client->phase = WP_CLIENT_ASKING;
    client->phase_start_ns = wp_statistics_now_ns();
    client->deadline_ns = client->phase_start_ns + connections->timeout_ns;
    connections->count++;
    if (connections->count > connections->maximum)
        evict(connections);
    client->next = connections->first;
    if (client->next != NULL)
        client->next->previous = client;
    connections->first = client;
    *socket_context = client;
}

static void
remove_client(struct wp_connections *connections, struct wp_client *client)
{
    if (client->next != NULL)
        client->next->previous = client->previous;
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        connections->first = client->next;
    if (!client->is_ended)
        connections->count--;
    free(client->target);
    free(client);
}

void
wp_connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct wp_connections *connections = cls;

    pthread_mutex_lock(&connections->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        wp_statistics_add(connections->statistics, connections_accepted, 1);
        wp_statistics_add(connections->statistics, connections, 1);
        add_client(connections, connection, socket_context);
    } else {
        wp_statistics_add(connections->statistics, connections, -1);
        if (*socket_context != NULL)
            remove_client(connections, *socket_context);
        *socket_context = NULL;
    }
    pthread_mutex_unlock(&connections->lock);
}

static uint64_t
find_deadline_ns(const struct wp_connections *connections, const struct wp_client *client,
                 size_t bytes)
{
    uint64_t now_ns = client->phase_start_ns;

    switch (client->phase) {
    case WP_CLIENT_IDLE:
        return now_ns + IDLE_NS;
    case WP_CLIENT_ASKING:
        return now_ns + connections->timeout_ns;
    case WP_CLIENT_ANSWERED:
        return now_ns + connections->timeout_ns +
               (uint64_t)bytes * 1000000000 / ANSWER_BYTES_PER_SECOND;
    default:
        return UINT64_MAX;
    }
}

/* NULL: there was no memory for it. */
static struct wp_client *
find_client(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

void
wp_connections_keep_target(struct MHD_Connection *connection, const char *target)
{
    struct wp_client *client = find_client(connection);

    if (client == NULL)
        return;
    free(client->target);
    client->target = strdup(target);
}

char *
wp_connections_take_target(struct MHD_Connection *connection)
{
    struct wp_client *client = find_client(connection);
    char *target = client != NULL ? client->target : NULL;

    if (client != NULL)
        client->target = NULL;
    return target;
}

void
wp_connections_enter(struct wp_connections *connections, struct MHD_Connection *connection,
                     enum wp_client_phase phase, size_t bytes)
{
    struct wp_client *client = find_client(connection);

    if (client == NULL)
        return;
    pthread_mutex_lock(&connections->lock);
    if (client->phase == phase) {
        pthread_mutex_unlock(&connections->lock);
        return;
    }
    client->phase = phase;
    client->phase_start_ns = wp_statistics_now_ns();
    client->deadline_ns = find_deadline_ns(connections, client, bytes);
    pthread_mutex_unlock(&connections->lock);
}

/* libmicrohttpd overlooks the end of a client if it comes together with what it has sent. */
static bool
has_left(const struct wp_client *client)
{
    return keeps_us_waiting(client) && peek(client) == 0;
}

void
wp_connections_sweep(struct wp_connections *connections)
{
    uint64_t now_ns = wp_statistics_now_ns();

    pthread_mutex_lock(&connections->lock);
    for (struct wp_client *client = connections->first; client != NULL; client = client->next) {
        if (!client->is_ended && (client->deadline_ns <= now_ns || has_left(client)))
            end_client(connections, client);
    }
    while (connections->count > connections->maximum && evict(connections))
        ;
    pthread_mutex_unlock(&connections->lock);
}
