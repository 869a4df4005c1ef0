/*
 * One HTTP request, from its first line until its answer is sent.
 *
 * It belongs to the event thread, but while its connection is suspended to whoever works on it: a
 * job, then perhaps the deltas, then a job again. wp_request_answer gives it back.
 */
#ifndef WP_CLI_SERVE_REQUEST_H
#define WP_CLI_SERVE_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/quantity.h"
#include "cli/serve/answer.h"
#include "cli/serve/server.h"

struct wp_route;

/* Longest word that names a program in a path. */
#define WP_REQUEST_PROGRAM_BYTES 40u
#define WP_REQUEST_KIND_BYTES 256u

/* The parameters of profiles. */
struct wp_profile_query {
    bool is_text;     /* debug=N */
    uint64_t span_ns; /* seconds=N; 0: none */
    bool has_kinds;
    char kinds[WP_REQUEST_KIND_BYTES];
    uint32_t labels;
};

/* The parameters of a change of rates. */
struct wp_rate_query {
    bool has_block_rate, has_mutex_fraction, has_budget;
    struct wp_quantity_budget budget;
    uint64_t block_rate_ns;
    uint64_t mutex_fraction;
    uint64_t for_ns; /* 0: for good */
};

/* A delta: what its request has between the two looks at the program. */
struct wp_delta {
    struct wp_program *program;       /* held */
    struct wp_held_snapshot *earlier; /* held */
    uint64_t due_ns;
};

struct wp_request {
    struct wp_request *next; /* in a list of whoever works on it */
    struct wp_server *server;
    struct MHD_Connection *connection;
    char *uri;                    /* as it came */
    const struct wp_route *route; /* NULL: there is none */
    bool is_submitted, is_head, is_post;
    char program[WP_REQUEST_PROGRAM_BYTES]; /* "": none is named */
    const char *profile;                    /* its name, if the route is of one */
    struct wp_profile_query query;
    struct wp_rate_query rates;
    struct wp_delta delta;
    bool has_delta_slot;
    char *body; /* with a NUL */
    size_t body_bytes;
    bool body_is_too_large;
    struct wp_answer *answer;
};

/* The value of a parameter; NULL: it has none. */
const char *wp_request_parameter(const struct wp_request *request, const char *name);

/* Requests with equal keys get the same answer, if they come at the same time. */
#define WP_REQUEST_KEY_BYTES (WP_REQUEST_PROGRAM_BYTES + WP_REQUEST_KIND_BYTES + 96u)
void wp_request_key(const struct wp_request *request, char key[WP_REQUEST_KEY_BYTES]);

/*
 * Gives the answer (NULL: out of memory), of which the caller keeps its reference, and wakes the
 * connection. The request may be gone when this returns.
 */
void wp_request_answer(struct wp_request *request, struct wp_answer *answer);

/* The same for each of a list; takes the caller's reference. */
void wp_request_answer_all(struct wp_request *requests, struct wp_answer *answer);

/* Callbacks of libmicrohttpd; cls: struct wp_server *. */
void *wp_request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result wp_request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls);
void wp_request_complete(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code);

#endif
