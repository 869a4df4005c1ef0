/*
 * The signals by which people end tune: INT, TERM and HUP.
 */
#ifndef WP_CLI_TUNE_STOP_SIGNALS_H
#define WP_CLI_TUNE_STOP_SIGNALS_H

#include <signal.h>

/* Blocks them, while there is something to clean up. `stops` is filled with them, `before` with the
 * mask to go back to. */
void wp_stop_signals_block(sigset_t *stops, sigset_t *before);

#endif
