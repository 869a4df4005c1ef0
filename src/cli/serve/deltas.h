/*
 * Requests that wait for the end of their span (seconds=N). They need no thread: the main thread
 * looks at all of them a few times a second.
 */
#ifndef WP_CLI_SERVE_DELTAS_H
#define WP_CLI_SERVE_DELTAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wp_deltas;
struct wp_request;
struct wp_server;

/* NULL when out of memory. */
struct wp_deltas *wp_deltas_new(struct wp_server *server, size_t maximum);
void wp_deltas_free(struct wp_deltas *deltas); /* ended; NULL is fine */

/* Takes one of the slots for the request, until it is answered; false: none is left. */
bool wp_deltas_take_slot(struct wp_deltas *deltas, struct wp_request *request);
void wp_deltas_give_slot(struct wp_deltas *deltas, struct wp_request *request);

/* Takes a suspended request whose `delta` is set. */
void wp_deltas_add(struct wp_deltas *deltas, struct wp_request *request);

/* Passes on the requests whose span is over or whose program has ended, and gives up those whose
 * client has hung up. Returns when the next span is over, UINT64_MAX if none is known. */
uint64_t wp_deltas_tick(struct wp_deltas *deltas);

/* Gives up all of them. Nothing may be added any more. */
void wp_deltas_end(struct wp_deltas *deltas);

#endif
