/*
 * Why a program that could be profiled is not: the library, and the place for regions.
 */
#ifndef WP_CLI_SETUP_CHECK_H
#define WP_CLI_SETUP_CHECK_H

#include <sys/types.h>

#include "cli/finding.h"

/* Whether libwaitprof.so is there and can be loaded by this user and by others. */
void wp_setup_check_library(struct wp_findings *findings);

/* Whose environment and limits count: those of a process, or this command's own (pid 0). */
struct wp_setup_subject {
    pid_t pid;
    uid_t uid; /* effective user */
};

/* Whether a region can be made: directories, free space, RLIMIT_FSIZE. */
void wp_setup_check_directories(const struct wp_setup_subject *subject,
                                struct wp_findings *findings);

/* Whether the library can use the sampling rates and the budget of the environment: what it cannot
 * use, it ignores without a word. */
void wp_setup_check_variables(const struct wp_setup_subject *subject, struct wp_findings *findings);

#endif
