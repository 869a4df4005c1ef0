/*
 * /debug/pprof/{block,mutex}, whole, of a span (seconds=N), or since they were last asked for
 * (delta_block, delta_mutex).
 */
#ifndef WP_CLI_SERVE_PROFILE_ANSWERS_H
#define WP_CLI_SERVE_PROFILE_ANSWERS_H

#include "cli/serve/job_queue.h"
#include "cli/serve/routes.h"

/* A route that has the name of a profile. */
wp_route_check wp_profile_check;
wp_job_run wp_profile_answer;

/* The second half of a delta: its span is over. */
void wp_profile_answer_later(struct wp_request *request);

#endif
