#!/usr/bin/env python3
"""Waits that are left before the lock is had are the holder's to blame until they were left.

A waiter leaves by siglongjmp or by asynchronous cancellation; an unlock fails. Whoever takes and
frees such a lock later, with nobody waiting, is to blame for nothing, and 500 cancelled waiters add
nothing to a wait that comes after them. Of a wait that was left, the program knows the least and
the most that it lasted (left_waits.c). Bounds of others and further attempts: accuracy.agree().
"""

import accuracy

HOLD_NS = 20_000_000
CANCELLED_THREADS = 500
# Path to blame and waits that are its own: known from the program, not from its clock.
WAITS = {
    "unlock_after_jump": 1,
    "jumped_alone": 0,
    "unlock_after_cancellation": 1,
    "cancelled_alone": 0,
    "unlock_after_cancelled_writer": 1,
    "written_alone": 0,
    "unlock_after_cancelled_reader": 1,
    "unlock_after_crowd": CANCELLED_THREADS,
    "unlock_long_after_crowd": 1,
    "unlock_rightly": 1,
    "unlock_wrongly": 0,
}


def check_left(check, run, mutex, least):
    truths = run.truth("mutex")
    for path, [(least_ns,)] in least.items():
        [(count, most_ns)] = truths[path]
        delay_ns = mutex.path(path).delay_ns
        slack_ns = accuracy.NS_PER_WAIT * count
        check.that(
            least_ns - slack_ns <= delay_ns <= most_ns + slack_ns,
            f"mutex {path} delay: {delay_ns}, truth from {least_ns:.0f} to {most_ns:.0f},"
            f" allowed {slack_ns:.0f} beyond",
        )


def check_left_waits(check, run):
    run.finish()
    mutex = run.profile("mutex")
    for path, count in WAITS.items():
        found = mutex.path(path)
        check.count(f"mutex {path} count", found.count, count)
        if count == 0:
            check.count(f"mutex {path} delay", found.delay_ns, 0)
    least = run.truth("least")
    check_left(check, run, mutex, least)
    accuracy.check_blame(check, run, mutex, but_for=least)


def main():
    arguments = accuracy.parse_arguments(__doc__)
    accuracy.agree(
        arguments, (("accuracy_left_waits", (HOLD_NS, CANCELLED_THREADS), check_left_waits),)
    )


main()
