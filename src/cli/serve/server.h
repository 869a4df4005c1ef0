/*
 * `waitprof serve` while it runs: what its parts share.
 *
 * Threads. The event thread of libmicrohttpd reads requests and sends answers, and never blocks:
 * what needs a look at a program is a job (job_queue.h), and its connection is suspended until a
 * worker has made the answer. The main thread keeps time: spans of deltas, slow clients, programs
 * that come and go.
 */
#ifndef WP_CLI_SERVE_SERVER_H
#define WP_CLI_SERVE_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/rendering.h"
#include "agent/target_set.h"
#include "cli/serve/connections.h"
#include "cli/serve/deltas.h"
#include "cli/serve/job_queue.h"
#include "cli/serve/listen_address.h"
#include "cli/serve/programs.h"
#include "cli/serve/statistics.h"
#include "cli/serve/token.h"

struct wp_server_options {
    struct wp_target_selection selection;
    bool allow_control;
    size_t max_connections;
    size_t max_deltas;
    uint64_t client_timeout_ns;
    uint64_t grace_ns;
    int nice;
    unsigned cpu_percent; /* of one processor, see cpu_budget.h */
};

struct wp_server {
    struct wp_server_options options;
    struct wp_listener listener;
    struct wp_token token;
    struct wp_statistics statistics;
    struct wp_renderer *renderer;
    struct wp_programs *programs;
    struct wp_connections *connections;
    struct wp_deltas *deltas;
    struct wp_job_queue *jobs;
};

/* Those that end it cleanly. */
void wp_server_stop_signals(sigset_t *signals);

/*
 * Serves until one of the signals, which all threads must have blocked. The caller has set options,
 * listener and token, and closes the listener afterwards. 0 or a negative errno.
 */
int wp_server_run(struct wp_server *server, struct wp_error *error);

#endif
