/*
 * /rates: the sampling rates of a program, and their change, which must be allowed and needs the
 * token.
 */
#ifndef WP_CLI_SERVE_CONTROL_H
#define WP_CLI_SERVE_CONTROL_H

#include "cli/serve/job_queue.h"
#include "cli/serve/routes.h"

#define WP_CONTROL_BODY_BYTES 4096u

wp_route_check wp_control_check;
wp_job_run wp_control_answer;

#endif
