#!/usr/bin/env python3
"""What `waitprof tune` predicts for other rates is what is measured there afterwards.

Three programs, each tuned at the default rates without a probe, then set to fine rates and to
coarse ones and measured. Within a factor of 1.5 of the prediction must be:
- kept samples a second of either profile, where at least COUNTED were predicted and kept;
- the median error of the top stacks of the block profile, where it is at least SMALL_ERROR and
  there are as many samples;
- the cost as far as it is counted: the waits, kept samples and charged unlocks of the later span,
  at what tune says one of each costs this program, of a processor and for each wait.
The delay of each path, as the profile has it at the new rates, must be within the error that the
profile states (5 standard errors) of what the program has counted by its own clock, with 3 % for
the two clocks.

The programs sleep where others would work, so that their waits depend little on what else the
machine does. That they were alike in all spans is looked up in their own account, whatever the
profile says: spans in which the waits or their delay differ by more than ALIKE are another
experiment, and are repeated. A machine where that never succeeds cannot run the check. The error of
the mutex profile rests on the squares of the few longest waits, as those for a holder that lost the
processor, which is for other programs to say: it is printed, not judged.

No time is judged: what one piece of recording takes depends on the machine's load. bench/tune.py
has that.
"""

import argparse
import math
import sys

import tuning

SECONDS = 1.5
COUNTED = 150
SMALL_ERROR = 0.002
FACTOR = 1.5
ALIKE = 1.2
ATTEMPTS = 5
STANDARD_ERRORS = 5
CLOCKS = 0.03

# name, arguments, rates to predict: fine and coarse, functions that only one path has
PROGRAMS = (
    ("short_waits", (6, 300_000), ((20_000, 2), (2_000_000, 20)),
     [f"path_{i}" for i in range(6)]),
    ("consumer_pool", (8, 1_000_000), ((20_000, 2), (10_000_000, 10)),
     [f"sort_{i}" for i in range(3)]),
    ("mixed_waits", (6, 100_000), ((20_000, 2), (2_000_000, 20)), ["read_even", "read_odd"]),
)


def own_rates(first, last):
    """Waits and delay a second, as the program has counted them."""
    seconds = (last[0] - first[0]) / 1e9
    return [sum(path[figure] for path in last[1]) / seconds
            - sum(path[figure] for path in first[1]) / seconds for figure in (0, 1)]


def attempt(arguments, name, argv, pairs):
    """Tuned, and measured at each pair of rates; None where the program was not itself in all."""
    with tuning.Program(arguments, name, *argv) as program:
        first = program.totals()
        tuned = program.tune(SECONDS, "--no-probe")
        own = own_rates(first, program.totals())
        spans, worst = [], 1
        for rates in pairs:
            program.set_rates(*rates)
            before = program.totals()
            spans.append(program.measure(SECONDS))
            worst = max(worst, *map(tuning.factor, own, own_rates(before, program.totals())))
    print(f"{name}: its own waits and delay are alike within a factor of {worst:.2f}")
    return (tuned, spans) if worst <= ALIKE else None


class Judge:
    """Compares figures, and knows how many of each sort there were enough samples to judge."""

    def __init__(self):
        self.failures = []
        self.judged = dict.fromkeys(("samples", "error", "cost"), 0)

    def compare(self, sort, what, promised, seen, enough):
        by = tuning.factor(promised, seen)
        print(f"{what}: {promised:.4g} predicted, {seen:.4g} measured, factor {by:.2f}"
              f"{'' if enough else ' (not judged)'}")
        self.judged[sort] += enough
        if enough and by > FACTOR:
            self.failures.append(f"{what}: factor {by:.2f}")


def check_counts(judge, what, tuned, span, rates):
    """Samples, errors, and the cost as far as it is counted."""
    promised = tuning.predicted(tuned, *rates)
    for profile in tuning.PROFILES:
        seen = span.samples_per_s[profile]
        enough = min(promised[profile], seen) * SECONDS >= COUNTED
        judge.compare("samples", f"{what}: {profile} samples/s", promised[profile], seen, enough)
        said = promised[f"{profile}_errors"][0] or 0
        found = (span.errors(profile) or (0, 0))[0]
        judge.compare("error", f"{what}: {profile} error", said, found,
                      enough and profile == "block" and max(said, found) >= SMALL_ERROR)
    counted = span.counted_cost(tuned["costs"])
    judge.compare("cost", f"{what}: ns a second", 1e9 * promised["cost_share"], counted, True)
    judge.compare("cost", f"{what}: ns added to a wait", promised["added_ns"],
                  counted / max(1, span.waits_per_s), True)


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
    judge = Judge()
    for name, argv, pairs, functions in PROGRAMS:
        for _ in range(ATTEMPTS):
            alike = attempt(arguments, name, argv, pairs)
            if alike:
                break
        else:
            print(f"skipped: {name} was never alike in all spans: the machine is too busy")
            sys.exit(1 if judge.failures else 77)
        tuned, spans = alike
        for rates, span in zip(pairs, spans):
            what = f"{name} at {tuning.rate_text(rates[0])}, {rates[1]}"
            check_counts(judge, what, tuned, span, rates)
            judge.failures += check_delays(what, span, functions)
    for sort, count in judge.judged.items():
        if count < len(PROGRAMS):
            judge.failures.append(f"{sort}: only {count} had enough samples: nothing was shown")
    for failure in judge.failures:
        print("FAILED", failure)
    sys.exit(1 if judge.failures else 0)


main()
