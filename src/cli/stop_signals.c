#include "cli/stop_signals.h"

void
wp_stop_signals_block(sigset_t *stops, sigset_t *before)
{
    sigemptyset(stops);
    sigaddset(stops, SIGINT);
    sigaddset(stops, SIGTERM);
    sigaddset(stops, SIGHUP);
    sigprocmask(SIG_BLOCK, stops, before);
}
