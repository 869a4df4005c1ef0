/*
 * The pages for browsers: of all programs (/), and of one (/debug/pprof/).
 */
#ifndef WP_CLI_SERVE_INDEX_PAGE_H
#define WP_CLI_SERVE_INDEX_PAGE_H

#include "cli/serve/job_queue.h"

wp_job_run wp_index_answer_programs;
wp_job_run wp_index_answer_profiles;

#endif
