#!/usr/bin/env python3
"""Rates may change at any time, waits in progress included: totals stay unbiased.

`waitprof rate` turns both rates up and down while waits are under way. Each sample is scaled by the
rate that chose it, so the sum over all stays true. Which rate chose which wait is unknown here; the
bound uses the coarsest of them, which gives the largest variance.
"""

import itertools
import math
import subprocess

import accuracy

RUNS = 4
PAIRS, WAITS, DELAY_NS, ROUNDS = 40, 200, 650_000, 5
RATES = ((10_000_000, 1), (100_000, 20), (3_000_000, 5), (1, 2), (1_000_000, 10))
SIGMAS = 4.5
CLOCK_SHARE = 0.005
LEAST_CHANGES = 5


def change_rates_until_end(run, process):
    """Returns how many changes were made while the program ran."""
    changes = 0
    for rate, fraction in itertools.cycle(RATES):
        if process.poll() is not None:
            return changes
        try:
            run.waitprof(
                "rate", str(process.pid), "--block-rate", str(rate), "--mutex-fraction", str(fraction)
            )
            changes += 1
        except subprocess.CalledProcessError:
            # The program may have ended just now; a failure while it ran on is one.
            process.wait(timeout=5)
    return changes


def run_once(arguments, check, seed):
    """Returns estimate and truth of both profiles."""
    argv = [f"{arguments.program}/accuracy_many_waits", PAIRS, WAITS, DELAY_NS, ROUNDS]
    with accuracy.Run(arguments, argv, *RATES[0], seed) as run:
        process = run.start()
        # The program prints its truth at the end, more than a pipe holds: read it aside.
        reader = accuracy.read_aside(process.stdout)
        process.stdin.write("\n")
        process.stdin.flush()
        changes = change_rates_until_end(run, process)
        run.output = reader()
        waits = run.truth("wait")
        delays = [figures[0] for lines in waits.values() for figures in lines]
        blame = [figures[0] for figures in run.truth("blame")["release_lock"]]
        block = run.profile("block")
        mutex = run.profile("mutex")
    check.that(changes >= LEAST_CHANGES, f"seed {seed}: {changes} changes of rate while it ran")
    estimates = (
        block.path("wait_for_lock").delay_ns + block.path("wait_for_condition").delay_ns,
        mutex.path("release_lock").delay_ns,
    )
    return estimates, (delays, blame)


def main():
    arguments = accuracy.parse_arguments(__doc__)
    check = accuracy.Check()
    coarsest = max(rate for rate, _ in RATES)
    largest = max(fraction for _, fraction in RATES)
    sums = {"block": [0.0, 0.0, 0.0], "mutex": [0.0, 0.0, 0.0]}
    for seed in range(1, RUNS + 1):
        (block, mutex), (delays, blame) = run_once(arguments, check, seed)
        for name, measured, true, variance in (
            ("block", block, sum(delays), sum(coarsest * d - d * d for d in delays if d < coarsest)),
            ("mutex", mutex, sum(blame), (largest - 1) * sum(d * d for d in blame)),
        ):
            bound = SIGMAS * math.sqrt(variance) + CLOCK_SHARE * true
            check.close(f"seed {seed}: {name} delay", measured, true, bound)
            for i, value in enumerate((measured, true, variance)):
                sums[name][i] += value
    for name, (measured, true, variance) in sums.items():
        bound = SIGMAS * math.sqrt(variance) + CLOCK_SHARE * true
        check.close(f"all: {name} delay", measured, true, bound)
    check.end()


main()
