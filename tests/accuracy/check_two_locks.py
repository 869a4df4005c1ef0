#!/usr/bin/env python3
"""A lock of many short waits and one of few long waits that cost the same are profiled as the same.

The ratio of the two estimates, over that of the truths, is within 10 % of 1 at every rate. Its relative
variance is the sum of those of the two: (rate*sum - squares)/sum^2 each, about rate/sum for waits far
below the rate. So the sum is chosen for each rate such that 10 % is more than 3.5 sigma: 250 s of delay
at 100 ms give 2.7 %. Many threads wait at once: 250 s of delay take 25 s.
"""

import math

import accuracy

BOUND = 0.10
LEAST_SIGMAS = 3.5

# block rate in ns, delay of each lock in s, seed
SETTINGS = ((1, 5, 1), (10_000, 5, 1), (1_000_000, 10, 1), (10_000_000, 30, 1), (100_000_000, 250, 1))


def variance(delay_ns, squares_ns2, count, rate):
    """Of the relative error, when all waits are alike enough to be all below or all above the rate."""
    mean_ns = delay_ns / count
    return 0.0 if mean_ns >= rate else (rate * delay_ns - squares_ns2) / delay_ns**2


def main():
    arguments = accuracy.parse_arguments(__doc__)
    check = accuracy.Check()
    for rate, total_s, seed in SETTINGS:
        argv = [f"{arguments.program}/accuracy_two_locks", total_s * 1_000_000_000]
        with accuracy.Run(arguments, argv, rate, 0, seed) as run:
            run.finish()
            truths = run.truth("block")
            squares = run.truth("squares")
            block = run.profile("block")
        shares = []
        sigma2 = 0.0
        for path in ("wait_shortly", "wait_for_long"):
            count, delay_ns = truths[path][0]
            shares.append(block.path(path).delay_ns / delay_ns)
            sigma2 += max(0.0, variance(delay_ns, squares[path][0][0], count, rate))
        ratio = shares[0] / shares[1] if shares[1] else math.inf
        sigma = math.sqrt(sigma2)
        check.that(
            sigma * LEAST_SIGMAS <= BOUND,
            f"rate {rate} ns: sigma of the ratio {100 * sigma:.2f} %: the bound can tell",
        )
        check.that(
            abs(ratio - 1) <= BOUND,
            f"rate {rate} ns: short / long {ratio:.4f} (short {shares[0]:.4f}, long"
            f" {shares[1]:.4f} of the truth), allowed 10 % off",
        )
    check.end()


main()
