/*
 * The full-screen view: looks at the program, draws, obeys keys and signals, until it is left.
 */
#ifndef WP_CLI_TOP_LIVE_H
#define WP_CLI_TOP_LIVE_H

#include "cli/top/session.h"
#include "cli/top/view.h"

/*
 * Runs until the user quits, a signal asks to, or the terminal is gone. The view has the options
 * that were given. On return the terminal is as before; *signal_number is the signal that ended it
 * (SIGHUP for a terminal that is gone), 0 for none. 0 or negative errno.
 */
int wp_top_live_run(struct wp_top_session *session, struct wp_top_view *view, int *signal_number,
                    struct wp_error *error);

#endif
