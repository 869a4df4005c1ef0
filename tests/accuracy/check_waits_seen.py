#!/usr/bin/env python3
"""At rate 1 and fraction 1 every wait is seen, the first for a lock too, and nothing that is none.

Two threads that come to a fresh mutex at the same instant make one wait. Calls that were told not
to wait make none, though threads that make them lose the processor now and then; nor do those of a
descriptor that does not block, but for calls that took longer than 10 ms, which cannot be told from
a wait that SO_RCVTIMEO has ended.
"""

import accuracy

MUTEXES = 300
POLL_NS = 1_000_000_000
REFUSED_NS = 10_000_000


def check_first_contention(check, run):
    run.finish()
    block = run.profile("block").path("lock_first_or_wait")
    mutex = run.profile("mutex").path("unlock_first_contention")
    [(truth, _)] = run.truth("block")["lock_first_or_wait"]
    check.count("waits that the program saw", truth, MUTEXES)
    check.count("waits in block", block.count, truth)
    check.count("waits in mutex", mutex.count, truth)


def check_polling(check, run):
    run.finish()
    block = run.profile("block")
    for path, [(calls,)] in run.truth("polled").items():
        check.that(calls > 0, f"{path} was called {calls:.0f} times")
    check.count("poll_by_flag waits", block.path("poll_by_flag").count, 0)
    refused = block.path("poll_by_descriptor")
    check.that(
        refused.delay_ns >= refused.count * REFUSED_NS,
        f"poll_by_descriptor: {refused.count:.0f} waits of {refused.delay_ns} ns,"
        f" {REFUSED_NS} ns each at least, on average",
    )
    check.count("wait_for_data waits", block.path("wait_for_data").count, 1)
    check.count("wait_until_timeout waits", block.path("wait_until_timeout").count, 1)


def main():
    arguments = accuracy.parse_arguments(__doc__)
    accuracy.agree(
        arguments,
        (
            ("accuracy_first_contention", (MUTEXES,), check_first_contention),
            ("accuracy_polling", (POLL_NS,), check_polling),
        ),
    )


main()
