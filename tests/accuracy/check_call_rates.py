#!/usr/bin/env python3
"""Sampled totals of calls that have no holder, semaphores and writes, are unbiased at every rate.

As check_rates.py has it for locks and conditions, whose rule this is, with other waits: each is
timed when it is over, and nothing is drawn before. A run has 8000 of each. Seeds are fixed.
"""

import accuracy
from series import Series, block_variance, check_together, z_of_all

RUNS = 20
PAIRS, WAITS, DELAY_NS = 40, 200, 650_000
PATHS = ("wait_for_semaphore", "wait_to_write")

# block rate in ns, bound of a path's mean: 4 sigma of it. At finer rates, what a sample adds to the
# program's own reading after a wait would weigh more than chance.
SETTINGS = ((3_000_000, 0.02), (10_000_000, 0.04))


def measure(arguments, rate, series, seed):
    argv = [f"{arguments.program}/accuracy_many_calls", PAIRS, WAITS, DELAY_NS]
    with accuracy.Run(arguments, argv, rate, 0, seed) as run:
        run.finish()
        waits = run.truth("wait")
        block = run.profile("block")
    for path in PATHS:
        delays = [figures[0] for figures in waits[path]]
        series[path].add(block.path(path).delay_ns, sum(delays), block_variance(delays, rate))


def main():
    arguments = accuracy.parse_arguments(__doc__)
    check = accuracy.Check()
    independent = []
    z = z_of_all(len(PATHS) * RUNS * len(SETTINGS))
    for rate, bound in SETTINGS:
        series = {path: Series(f"rate {rate} ns, {path}", bound) for path in PATHS}
        for seed in range(1, RUNS + 1):
            measure(arguments, rate, series, seed)
        for one in series.values():
            one.check(check, z)
        independent += series.values()
    check_together(check, independent)
    check.end()


main()
