/*
 * Why a program cannot be profiled, from its file alone.
 */
#ifndef WP_CLI_PROGRAM_CHECK_H
#define WP_CLI_PROGRAM_CHECK_H

#include "cli/finding.h"

/* Checks what a command line would start: looks it up in PATH, follows script interpreters. */
void wp_program_check_command(const char *name, struct wp_findings *findings);

/* Checks one executable file; `name` stands for it in the findings. Scripts are followed. */
void wp_program_check_file(const char *path, const char *name, struct wp_findings *findings);

#endif
