#!/usr/bin/env python3
"""What `waitprof tune` predicts for other rates is what is measured there afterwards.

Three programs, each tuned at the default rates without a probe, then set to other rates and
measured. Kept samples a second, of either profile where at least COUNTED were predicted and kept,
must be within a factor of 1.5 of the prediction; and the delay of each path, as the profile has it
at the new rates, within the error that the profile states (5 standard errors) of what the program
has counted by its own clock, with 3 % for the two clocks.

The programs sleep where others would work, so that their waits depend little on what else the
machine does. That they were alike in the two spans is looked up in their own account, whatever the
profile says: spans in which the waits or their delay differ by more than ALIKE are another
experiment, and are repeated. A machine where that never succeeds cannot run the check.

No cost is judged: times depend on the machine's load. bench/tune.py has them.
"""

import argparse
import math
import sys

import tuning

SECONDS = 1.5
COUNTED = 150
FACTOR = 1.5
ALIKE = 1.2
ATTEMPTS = 5
STANDARD_ERRORS = 5
CLOCKS = 0.03

# name, arguments, rates to predict, functions that only one path has
PROGRAMS = (
    ("short_waits", (6, 300_000), (200_000, 2), [f"path_{i}" for i in range(6)]),
    ("consumer_pool", (8, 1_000_000), (1_000_000, 2), [f"sort_{i}" for i in range(3)]),
    ("mixed_waits", (6, 100_000), (1_000_000, 2), ["read_even", "read_odd"]),
)


def own_rates(first, last):
    """Waits and delay a second, as the program has counted them."""
    seconds = (last[0] - first[0]) / 1e9
    return [sum(path[figure] for path in last[1]) / seconds
            - sum(path[figure] for path in first[1]) / seconds for figure in (0, 1)]


def attempt(arguments, name, argv, rates):
    """Tuned and measured, or None where the program was not itself in between."""
    with tuning.Program(arguments, name, *argv) as program:
        first = program.totals()
        tuned = program.tune(SECONDS, "--no-probe")
        last = program.totals()
        program.set_rates(*rates)
        before = program.totals()
        span = program.measure(SECONDS)
        after = program.totals()
    worst = max(tuning.factor(then, later)
                for then, later in zip(own_rates(first, last), own_rates(before, after)))
    print(f"{name}: its own waits and delay are alike within a factor of {worst:.2f}")
    return (tuned, span) if worst <= ALIKE else None


def check_samples(name, tuned, span, rates):
    """The failures, and how many profiles had enough samples to be judged."""
    promised = tuning.predicted(tuned, *rates)
    failures, judged = [], 0
    for profile in tuning.PROFILES:
        seen = span.samples_per_s[profile]
        by = tuning.factor(promised[profile], seen)
        enough = min(promised[profile], seen) * SECONDS >= COUNTED
        print(f"{name}: {profile}: {promised[profile]:.1f} samples/s predicted,"
              f" {seen:.1f} measured, factor {by:.2f}{'' if enough else ' (too few to be judged)'}")
        judged += enough
        if enough and by > FACTOR:
            failures.append(f"{name}: {profile}: factor {by:.2f}")
    return failures, judged


def check_delays(name, span, functions):
    failures = []
    for path, function in enumerate(functions):
        least, most = span.own_delay_ns[path]
        mine = [stack for key, stack in span.stacks["block"].items() if function in key]
        estimate = sum(delay for delay, _ in mine)
        bound = STANDARD_ERRORS * math.sqrt(max(0, sum(variance for _, variance in mine)))
        print(f"{name}: {function}: {estimate / 1e6:.1f} ms for {least / 1e6:.1f} to"
              f" {most / 1e6:.1f} ms, error bound {bound / 1e6:.1f} ms")
        if not least * (1 - CLOCKS) - bound <= estimate <= most * (1 + CLOCKS) + bound:
            failures.append(f"{name}: {function}: beyond the error that the profile states")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for option in ("command", "library", "programs"):
        parser.add_argument(f"--{option}", required=True)
    arguments = parser.parse_args()
    failures, judged = [], 0
    for name, argv, rates, functions in PROGRAMS:
        for _ in range(ATTEMPTS):
            alike = attempt(arguments, name, argv, rates)
            if alike:
                break
        else:
            print(f"skipped: {name} was never alike in two spans: the machine is too busy")
            sys.exit(1 if failures else 77)
        new, counted = check_samples(name, *alike, rates)
        failures += new + check_delays(name, alike[1], functions)
        judged += counted
    if judged < len(PROGRAMS):
        failures.append(f"only {judged} profiles had enough samples: nothing was shown")
    for failure in failures:
        print("FAILED", failure)
    sys.exit(1 if failures else 0)


main()
