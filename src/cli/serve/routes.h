/*
 * What is served: one table of paths.
 */
#ifndef WP_CLI_SERVE_ROUTES_H
#define WP_CLI_SERVE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/serve/answer.h"
#include "cli/serve/request.h"

#define WP_ROUTE_POST 1u       /* POST besides GET and HEAD */
#define WP_ROUTE_OF_PROGRAM 2u /* also below /pid/N */
#define WP_ROUTE_OPEN 4u       /* needs no token */
#define WP_ROUTE_DISTINCT 8u   /* every request has an answer of its own */

/* On the event thread, once the request is complete: an answer that needs no work, also a refusal;
 * NULL: `work` makes it. */
typedef struct wp_answer *wp_route_check(struct wp_request *request, bool *is_answered);

struct wp_route {
    const char *path;
    unsigned flags;
    size_t body_limit_bytes;
    const char *profile;   /* for routes of profiles: its name */
    wp_route_check *check; /* may be NULL */
    wp_job_run *work;      /* NULL if check answers everything */
};

/*
 * The route of a path, with the program that it names put into request->program. NULL with *answer
 * NULL: there is none; NULL with an answer: a redirection.
 */
const struct wp_route *wp_routes_find(struct wp_request *request, const char *path,
                                      struct wp_answer **answer);

/* For the Allow header. */
const char *wp_route_methods(const struct wp_route *route);

#endif
