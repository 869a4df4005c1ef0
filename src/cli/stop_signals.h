/*
 * The signals by which people end a command that has something to do before it ends: INT, TERM and
 * HUP.
 */
#ifndef WP_CLI_STOP_SIGNALS_H
#define WP_CLI_STOP_SIGNALS_H

#include <signal.h>

/* Blocks them in this thread, and in those that it starts. `stops` is filled with them, `before`,
 * if it is not NULL, with the mask to go back to. */
void wp_stop_signals_block(sigset_t *stops, sigset_t *before);

#endif
