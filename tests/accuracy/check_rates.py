#!/usr/bin/env python3
"""Sampled totals are unbiased, and spread as the rule says, at every rate and fraction.

20 runs at each of four pairs of rates, each of 8000 waits for a lock and 8000 for a condition. The
truth of a run is the sum of its delays, and the standard deviation sigma of the estimate follows
from them exactly: a wait of d < rate is kept with probability p = d/rate and then counts `rate`,
which gives the variance rate*d - d^2; summed over n equal waits, sigma/sum = sqrt((1-p)/(p*n)). A
wait selected with probability 1/N and counted N-fold has the variance (N-1)*d^2.

Seeds are 1 to 20 for each pair of rates, fixed before any was tried, and never to be changed
because a run failed. They do not make a run repeatable (which thread meets which delay is the
scheduler's doing), so the bounds must hold for any seeds:
  - 3 sigma, which one of 370 good runs exceeds: no more runs do so than the binomial distribution
    gives with a probability of FALSE_ALARM;
  - no run exceeds the bound that all of them together keep but with a probability of FALSE_ALARM;
  - the mean of the 20 lies within a fixed share, which is 4 sigma of the mean or more;
  - no trend: the slope of the error over the runs is within 4 standard errors of 0;
  - the squares of error/sigma average 1: neither wider nor suspiciously narrower than chance.
To every bound on a single run comes 0.5 % for the two clocks, 1.5 % for conditions. The mean weighs
each run by its 1/variance, which is the plain mean when the runs are alike.

All of this takes the waits to be nearly equal. On a busy machine a holder may be kept from running,
and one wait then be a hundred times as long as the rest; selected with probability 1/100 it decides
the sum. A run whose largest blame has more than MOST_OF_SQUARES of all squares is another
experiment and is repeated, whatever the profile says: the choice looks at the truth alone, so it
favours nothing.
"""

import math

import accuracy
from series import Series, block_variance, check_together, mutex_variance, z_of_all

RUNS = 20
PAIRS, WAITS, DELAY_NS = 40, 200, 650_000
MOST_OF_SQUARES = 0.05
ATTEMPTS = 5

# block rate in ns, bound of the mean; mutex fraction, bound of the mean
SETTINGS = (
    (10_000, 0.01, 1, 0.01),
    (1_000_000, 0.01, 10, 0.04),
    (10_000_000, 0.03, 100, 0.12),
    (100_000_000, 0.09, 10, 0.04),
)

# A condition's stacks are walked when it is over, by a thread that has just been woken on cold
# caches: after the library's reading of the clock and before the program's own.
CONDITION_CLOCK_SHARE = 0.015


def delays_of(lines, path):
    return [figures[0] for figures in lines[path]]


def run_once(arguments, setting, seed):
    """The truths (lock, condition, blame) and the two profiles of a run."""
    rate, _, fraction, _ = setting
    argv = [f"{arguments.program}/accuracy_many_waits", PAIRS, WAITS, DELAY_NS]
    with accuracy.Run(arguments, argv, rate, fraction, seed) as run:
        run.finish()
        waits = run.truth("wait")
        lock = delays_of(waits, "wait_for_lock")
        condition = delays_of(waits, "wait_for_condition")
        blame = delays_of(run.truth("blame"), "release_lock")
        return lock, condition, blame, run.profile("block"), run.profile("mutex")


def measure(arguments, setting, series, seed):
    rate, _, fraction, _ = setting
    for _ in range(ATTEMPTS):
        lock, condition, blame, block, mutex = run_once(arguments, setting, seed)
        if max(blame) ** 2 <= MOST_OF_SQUARES * sum(d * d for d in blame):
            break
        print(f"note  seed {seed}: one wait of {max(blame) / 1e6:.0f} ms, repeated")
    lock_ns = block.path("wait_for_lock").delay_ns
    condition_ns = block.path("wait_for_condition").delay_ns
    series["lock"].add(lock_ns, sum(lock), block_variance(lock, rate))
    series["condition"].add(condition_ns, sum(condition), block_variance(condition, rate))
    series["both"].add(
        lock_ns + condition_ns, sum(lock + condition), block_variance(lock + condition, rate)
    )
    series["blame"].add(
        mutex.path("release_lock").delay_ns, sum(blame), mutex_variance(blame, fraction)
    )


def main():
    arguments = accuracy.parse_arguments(__doc__)
    check = accuracy.Check()
    independent = []
    z = z_of_all(3 * RUNS * len(SETTINGS))
    for setting in SETTINGS:
        rate, block_bound, fraction, mutex_bound = setting
        # One path alone has half the waits: sqrt(2) of the bound of both.
        series = {
            "lock": Series(f"rate {rate} ns, lock", math.sqrt(2) * block_bound),
            "condition": Series(
                f"rate {rate} ns, condition", math.sqrt(2) * block_bound, CONDITION_CLOCK_SHARE
            ),
            "both": Series(f"rate {rate} ns, both", block_bound, CONDITION_CLOCK_SHARE),
            "blame": Series(f"fraction {fraction}, blame", mutex_bound),
        }
        for seed in range(1, RUNS + 1):
            measure(arguments, setting, series, seed)
        for one in series.values():
            one.check(check, z)
        independent += [series[name] for name in ("lock", "condition", "blame")]
    check_together(check, independent)
    check.end()


main()
