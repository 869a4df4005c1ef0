"""Runs at one rate, held against what the sampling rule says of them. Shared by checks of sampling.

A wait of d < rate is kept with probability p = d/rate and then counts `rate`, which gives the
estimate of the sum the variance rate*d - d^2 a wait; selected with probability 1/N and counted
N-fold, it has the variance (N-1)*d^2. check_rates.py says what is checked of a series, and why.
"""

import math

import accuracy

FALSE_ALARM = 1e-4
CLOCK_SHARE = 0.005


class Series:
    """Relative errors of the runs at one rate, with what sigma says of each."""

    def __init__(self, name, mean_bound, clock_share=CLOCK_SHARE):
        self.name = name
        self.mean_bound = mean_bound
        self.clock_share = clock_share
        self.errors = []
        self.sigmas = []

    def add(self, measured, true, variance):
        self.errors.append((measured - true) / true)
        self.sigmas.append(math.sqrt(variance) / true)

    def beyond(self, z):
        return sum(
            abs(error) > z * sigma + self.clock_share for error, sigma in zip(self.errors, self.sigmas)
        )

    def scores(self):
        return [error / sigma for error, sigma in zip(self.errors, self.sigmas) if sigma > 0.002]

    def check(self, check, z_of_all):
        weights = [1 / (sigma**2 + self.clock_share**2) for sigma in self.sigmas]
        mean = sum(w * error for w, error in zip(weights, self.errors)) / sum(weights)
        sigma = sum(self.sigmas) / len(self.sigmas)
        worst = max(self.errors, key=abs)
        check.that(
            self.beyond(z_of_all) == 0,
            f"{self.name}: {len(self.errors)} runs, worst {100 * worst:+.2f} %,"
            f" sigma {100 * sigma:.2f} %, {self.beyond(3)} beyond 3 sigma",
        )
        check.that(
            abs(mean) <= self.mean_bound,
            f"{self.name}: mean {100 * mean:+.3f} %, allowed {100 * self.mean_bound:.0f} %",
        )
        self.check_trend(check, mean, sigma)

    def check_trend(self, check, mean, sigma):
        middle = (len(self.errors) - 1) / 2
        spread = sum((i - middle) ** 2 for i in range(len(self.errors)))
        slope = (
            sum((i - middle) * (error - mean) for i, error in enumerate(self.errors)) / spread
        )
        allowed = 4 * (sigma + self.clock_share / 4) / math.sqrt(spread)
        check.that(
            abs(slope) <= allowed,
            f"{self.name}: trend {100 * slope:+.4f} % a run, allowed {100 * allowed:.4f} %",
        )


def block_variance(delays, rate):
    return sum(rate * d - d * d for d in delays if d < rate)


def mutex_variance(delays, fraction):
    return (fraction - 1) * sum(d * d for d in delays)


def check_spread(check, scores):
    """Mean square of independent scores: 1, with standard deviation sqrt(2/n) (a little more, as
    few kept samples have heavier tails than the normal distribution: hence 5 of them)."""
    mean_square = sum(score * score for score in scores) / len(scores)
    allowed = 5 * math.sqrt(2 / len(scores))
    check.that(
        abs(mean_square - 1) <= allowed,
        f"all: {len(scores)} independent errors, mean square {mean_square:.2f} sigma^2,"
        f" expected 1, allowed {allowed:.2f} off",
    )


def most_beyond_3_sigma(count):
    """The number that a binomial (count, 0.0027) variable exceeds with at most FALSE_ALARM."""
    probability = 0.0027
    below = 0.0
    for limit in range(count + 1):
        below += (
            math.comb(count, limit) * probability**limit * (1 - probability) ** (count - limit)
        )
        if 1 - below <= FALSE_ALARM:
            return limit
    return count


def z_of_all(independent):
    """The sigmas that not one of so many independent runs exceeds, but with FALSE_ALARM."""
    return accuracy.normal_quantile(FALSE_ALARM / independent)


def check_together(check, all_series):
    """Of independent series together: how many runs are far off, and the spread."""
    runs = sum(len(series.errors) for series in all_series)
    beyond = sum(series.beyond(3) for series in all_series)
    limit = most_beyond_3_sigma(runs)
    check.that(
        beyond <= limit,
        f"all: {beyond} of {runs} runs beyond 3 sigma, expected {0.0027 * runs:.1f},"
        f" allowed {limit}",
    )
    check_spread(check, [score for series in all_series for score in series.scores()])
