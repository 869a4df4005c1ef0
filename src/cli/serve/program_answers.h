/*
 * Smaller facts about programs: which there are, their command lines, rates, names of functions.
 */
#ifndef WP_CLI_SERVE_PROGRAM_ANSWERS_H
#define WP_CLI_SERVE_PROGRAM_ANSWERS_H

#include "cli/serve/answer.h"
#include "cli/serve/request.h"
#include "cli/serve/routes.h"

wp_job_run wp_program_answer_command_line; /* /debug/pprof/cmdline */
wp_job_run wp_program_answer_symbols;      /* /debug/pprof/symbol */
wp_job_run wp_program_answer_metrics;      /* /metrics */
wp_job_run wp_program_answer_list;         /* /sd */

/* Why wp_programs_find found none, with the paths that there are. */
struct wp_answer *wp_program_refuse(struct wp_server *server, const struct wp_request *request,
                                    int status, const struct wp_error *error);

#endif
