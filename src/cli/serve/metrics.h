/*
 * What programs wait for, as Prometheus reads it: the text format 0.0.4, one answer for all
 * programs that the server follows or for one of them.
 *
 * Labels of every family but the server's own: command, pid, region (the first digits of its id).
 * A program that ends takes its series with it; nothing in them grows with the number of stacks,
 * threads or clients. A counter never decreases while its region lives.
 */
#ifndef WP_CLI_SERVE_METRICS_H
#define WP_CLI_SERVE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/target.h"
#include "profile/error.h"
#include "profile/region_reader.h"

#define WP_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * What the server tells of itself: fields of struct wp_metrics_server, and how they are written.
 *   X(field, type, name of the metric after waitprof_serve_, help)
 */
#define WP_METRICS_SERVER(X)                                                                       \
    X(connections, "gauge", "connections", "Connections that are open.")                           \
    X(connections_accepted, "counter", "connections_total", "Connections ever accepted.")          \
    X(connections_refused, "counter", "connections_refused_total",                                 \
      "Connections closed at once because too many were open.")                                    \
    X(deltas_running, "gauge", "deltas", "Answers that wait for the end of their span.")           \
    X(renderings, "counter", "renderings_total", "Profiles that were encoded.")                    \
    X(rendering_failures, "counter", "rendering_failures_total",                                   \
      "Profiles that could not be read or encoded.")

#define WP_METRICS_CODES 16u

/* How often the server gave an answer of an HTTP status; status 0: the row is free. */
struct wp_metrics_code {
    unsigned status;
    uint64_t count;
};

/* Filled by the server, under whatever lock it has for these. */
struct wp_metrics_server {
#define WP_METRICS_SERVER_FIELD(name, type, suffix, help) uint64_t name;
    WP_METRICS_SERVER(WP_METRICS_SERVER_FIELD)
#undef WP_METRICS_SERVER_FIELD
    uint64_t rendering_ns;      /* time spent in renderings */
    uint64_t start_realtime_ns; /* when the server started */
    struct wp_metrics_code codes[WP_METRICS_CODES];
};

/* Counts an answer; statuses beyond the room of the table count in its last row. Not
 * thread-safe. */
void wp_metrics_count_code(struct wp_metrics_server *server, unsigned status);

/* A program: both are held by the caller while the text is made. snapshot NULL: its region cannot
 * be read, waitprof_up is 0. */
struct wp_metrics_program {
    const struct wp_target *target;
    const struct wp_snapshot *snapshot;
};

/*
 * The text of `count` programs, and of the server unless that is NULL. On success the caller frees
 * *text with free(); it ends in a newline. 0 or -ENOMEM. Any thread.
 */
int wp_metrics_write(const struct wp_metrics_program *programs, size_t count,
                     const struct wp_metrics_server *server, char **text, size_t *length,
                     struct wp_error *error);

/*
 * The same from targets: reads each, writes, frees the copies. A program whose region cannot be
 * read is in the text as down.
 */
int wp_metrics_read(struct wp_target *const *targets, size_t count,
                    const struct wp_metrics_server *server, char **text, size_t *length,
                    struct wp_error *error);

#endif
