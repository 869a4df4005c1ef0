/*
 * What recording costs on this machine, for programs that have not recorded enough to tell it
 * themselves.
 */
#ifndef WP_CLI_TUNE_CALIBRATION_H
#define WP_CLI_TUNE_CALIBRATION_H

#include <signal.h>
#include <stdbool.h>

#include "profile/error.h"

struct wp_tune_calibration {
    bool measured;                         /* else the figures are those of a machine of 2024 */
    double lock_wait_ns, lock_sample_ns;   /* timing a wait for a lock; keeping it, on top */
    double other_wait_ns, other_sample_ns; /* the same for waits that are walked only if kept */
    double unlock_ns;                      /* charging an unlock */
    double register_ns;                    /* registering a waiter, within lock_wait_ns at 1 */
};

/*
 * Starts this command's own hidden program (contention.h) under the library, three times for
 * WP_CALIBRATION_RUN_NS, and reads what it says of its cost. Not 0: it could not be done; then
 * *calibration has typical figures, and the error says why. Blocks INT, TERM and HUP meanwhile,
 * which end it early and are delivered when nothing is left behind.
 */
int wp_tune_calibrate(struct wp_tune_calibration *calibration, struct wp_error *error);

#define WP_CALIBRATION_RUN_NS UINT64_C(70000000)

/*
 * Reads the byte by which that program says that it is done. 0; -ETIMEDOUT after so long without
 * one; -EINTR if one of the blocked signals `stops` is pending, which it leaves so; -EIO if there
 * will be none.
 */
int wp_tune_calibration_await(int answer, const sigset_t *stops, int timeout_ms,
                              struct wp_error *error);

#endif
