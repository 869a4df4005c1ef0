/*
 * The open connections and how long each may take. What a client can hold up is only its own
 * connection, and that not for long: a request must be there, and its answer be taken, in time,
 * however many single bytes arrive. When there are too many, the one goes that has kept us waiting
 * for a request the longest, else the one that has taken its answer the longest. While we keep all
 * of them waiting, a few more are let in, and others wait in the kernel.
 *
 * libmicrohttpd calls from its event thread; the sweep is for another.
 */
#ifndef WP_CLI_SERVE_CONNECTIONS_H
#define WP_CLI_SERVE_CONNECTIONS_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/serve/statistics.h"

struct wp_client;
struct wp_connections;

/* NULL when out of memory. `timeout_ns`: of a request, of an answer, and between two requests. */
struct wp_connections *wp_connections_new(size_t maximum, uint64_t timeout_ns,
                                          struct wp_statistics *statistics);
void wp_connections_free(struct wp_connections *connections);

/* An MHD_NotifyConnectionCallback; cls: struct wp_connections *. Keeps the client as the socket's
 * context. */
void wp_connections_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                           enum MHD_ConnectionNotificationCode code);

/* What the client does from now on; MHD_Connections know their client. */
enum wp_client_phase {
    WP_CLIENT_IDLE,     /* kept alive, between two requests */
    WP_CLIENT_ASKING,   /* a request is coming in */
    WP_CLIENT_WAITING,  /* for us */
    WP_CLIENT_ANSWERED, /* takes its answer of `bytes` */
};
void wp_connections_enter(struct wp_connections *connections, struct MHD_Connection *connection,
                          enum wp_client_phase phase, size_t bytes);

/*
 * Keeps the first line's target of a request until its handler takes it; the caller of take frees,
 * NULL: there is none. libmicrohttpd shows it first, and may then refuse the request without
 * another word: no memory may hang on it alone. On the event thread.
 */
void wp_connections_keep_target(struct MHD_Connection *connection, const char *target);
char *wp_connections_take_target(struct MHD_Connection *connection);

/* Ends the connections that take too long. */
void wp_connections_sweep(struct wp_connections *connections);

#endif
