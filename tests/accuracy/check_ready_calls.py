#!/usr/bin/env python3
"""Calls that need not wait add nothing to the profile.

Where arguments or objects say that a call cannot wait, it is never in the profile. Where only its
time tells, a call counts as a wait if it took more than 2 us, and 20 us where there is more to do:
the program knows, by its own clock, how many took that long because the thread lost the processor
or the kernel had much to do. The profile has those at most, and no more time than they took. A
call that was refused for EAGAIN, as one is that must not wait, has to have taken 10 ms.
"""

import accuracy

CALLS = 100_000
READY_NS = 2_000
REFUSED_NS = 10_000_000


def main():
    arguments = accuracy.parse_arguments(__doc__)
    check = accuracy.Check()
    argv = [f"{arguments.program}/accuracy_ready_calls", CALLS]
    with accuracy.Run(arguments, argv, 1, 1, events="all") as run:
        run.finish()
        block = run.profile("block")
        mutex = run.profile("mutex")
    for path, [(calls, _, _)] in run.truth("passed").items():
        check.count(f"{path}: {calls:.0f} calls, waits", block.path(path).count, 0)
    refused = run.truth("refused")
    for path, [(calls, slow, slow_ns)] in {**refused, **run.truth("ready")}.items():
        found = block.path(path)
        least_ns = REFUSED_NS if path in refused else READY_NS
        check.that(
            found.count <= slow and least_ns * found.count <= found.delay_ns <= slow_ns,
            f"{path}: {calls:.0f} calls, {found.count:.0f} waits of {found.delay_ns / 1e6:.3f} ms;"
            f" {slow:.0f} took long, {slow_ns / 1e6:.3f} ms",
        )
    check.count("blame for anything", mutex.total_delay_ns(), 0)
    check.end()


main()
