"""Runs storm under the preload and a budget, while watch looks at the region.

Shared by check_budget.py and bench/budget.py. What a line of either program means stands at the
head of storm.c and watch.c.
"""

import bisect
import contextlib
import math
import os
import subprocess
import tempfile
import threading
import time

TIMEOUT_S = 60
WATCH_PERIOD_MS = 4
NS = 1e9

# Which functions make the waits that a storm counts; of pipes, for one, writes wait as well.
FUNCTIONS = {
    "mutex": ("pthread_mutex_lock",),
    "hog": ("pthread_mutex_lock",),
    "rwlock": ("pthread_rwlock_rdlock", "pthread_rwlock_wrlock"),
    "condition": ("pthread_cond_wait", "pthread_mutex_lock"),
    "pipe": ("read",),
}


class Storm:
    """Arguments of storm."""

    def __init__(
        self, kind, threads, hold_ns, calm_ms=150, storm_ms=800, after_ms=150, processes=0
    ):
        self.kind = kind
        self.argv = [kind, threads, calm_ms, storm_ms, after_ms, hold_ns, processes]
        self.name = f"{kind}, {threads} threads" + (f" x {processes}" if processes else "")


def pairs(words):
    """`a 1 b 2` as a dictionary."""
    return {name: float(value) if "." in value or "e" in value else int(value)
            for name, value in zip(words[::2], words[1::2])}


class Account:
    """What the program printed."""

    def __init__(self, text):
        lines = [line.split() for line in text.splitlines()]
        self.slots = [pairs(words) for words in lines if words[0] == "slot"]
        figures = {}
        for words in lines:
            if words[0] != "slot":
                figures.update(pairs(words))
        self.storm_from_ns = figures["storm_from_ns"]
        self.storm_until_ns = figures["storm_until_ns"]
        self.waits = figures["waits"]
        self.delay_ns = figures["delay_ns"]
        self.blame_ns = figures["blame_ns"]
        self.storm_operations = figures["storm_operations"]


class Row:
    """A line of watch."""

    def __init__(self, names, words):
        self.__dict__.update(zip(names, map(int, words)))
        self.looked_at = self.waits - self.waits_passed_over


class Totals:
    """Of one profile."""

    def __init__(self):
        self.delay_ns = 0
        self.samples = 0
        self.variance = 0.0
        self.unattributed_ns = 0

    def add(self, function, words):
        _, delay_ns, samples, variance, _ = map(float, words)
        self.delay_ns += delay_ns
        self.samples += samples
        self.variance += variance
        if function == "budget":
            self.unattributed_ns += delay_ns


class Watched:
    """What watch printed."""

    def __init__(self, text, functions):
        names, *lines = [line.split() for line in text.splitlines()]
        self.rows = [Row(names, words) for words in lines if words[0].isdigit()]
        self.times = [row.time_ns for row in self.rows]
        self.block = Totals()
        self.mutex = Totals()
        self.waits = sum(int(words[2]) for words in lines
                         if words[0] == "waits" and words[1] in functions)
        for words in lines:
            if words[0] == "total" and words[1] == "mutex":
                self.mutex.add(words[2], words[3:])
            elif words[0] == "total" and words[2] in functions:
                self.block.add(words[2], words[3:])

    def near(self, from_ns, until_ns):
        """Rows of that time, and the one before and after."""
        first = max(bisect.bisect_left(self.times, from_ns) - 1, 0)
        return self.rows[first : bisect.bisect_right(self.times, until_ns) + 1]

    def windows(self, from_ns, until_ns, width_ns):
        """Pairs of rows that are width_ns apart, or as little more as there are rows."""
        rows = [row for row in self.rows if from_ns <= row.time_ns <= until_ns]
        last = 0
        for first in rows:
            while last < len(rows) and rows[last].time_ns - first.time_ns < width_ns:
                last += 1
            if last < len(rows):
                yield first, rows[last]


def cost_share(first, last):
    """Of a processor, between two rows: counts, at what the program itself reckons for each.

    Not what was measured in that time: a measurement that was preempted in the middle counts for 61
    others.
    """
    cost_ns = 0
    for count, unit_ns in (
        ("looked_at", "wait_unit_ns"),
        ("block_samples", "sample_unit_ns"),
        ("mutex_samples", "unlock_unit_ns"),
    ):
        mean_ns = (getattr(first, unit_ns) + getattr(last, unit_ns)) / 2
        cost_ns += (getattr(last, count) - getattr(first, count)) * mean_ns
    # Of conditions there are so many pieces that the one in 61 that is preempted is one in 61.
    cost_ns += last.condition_cost_ns - first.condition_cost_ns
    return cost_ns / (last.time_ns - first.time_ns)


def samples_per_s(first, last):
    samples = last.block_samples - first.block_samples + last.mutex_samples - first.mutex_samples
    return samples * NS / (last.time_ns - first.time_ns)


def run_bare(program, storm, timeout_s=TIMEOUT_S):
    argv = [f"{program}/budget_storm", *map(str, storm.argv)]
    output = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=timeout_s)
    return Account(output.stdout)


@contextlib.contextmanager
def watching(program, directory):
    """Gives a list; what watch printed is its one item at the end."""
    argv = [f"{program}/budget_watch", directory, str(WATCH_PERIOD_MS)]
    printed = []
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watch:
        reader = threading.Thread(target=lambda: printed.append(watch.stdout.read()))
        reader.start()
        try:
            yield printed
        finally:
            watch.stdin.close()
            reader.join()
    if watch.returncode != 0:
        raise RuntimeError("watch failed")


def run(program, library, storm, settings, meanwhile=None):
    """Returns the program's account and what was watched. meanwhile(pid, directory) is called when
    the program has been started."""
    with tempfile.TemporaryDirectory(prefix="waitprof-budget-") as directory:
        environment = dict(os.environ, LD_PRELOAD=library, WAITPROF_DIR=directory, **settings)
        argv = [f"{program}/budget_storm", *map(str, storm.argv)]
        with watching(program, directory) as printed:
            with subprocess.Popen(
                argv, env=environment, stdout=subprocess.PIPE, text=True
            ) as process:
                try:
                    if meanwhile is not None:
                        meanwhile(process.pid, directory)
                    output, _ = process.communicate(timeout=TIMEOUT_S)
                except BaseException:
                    process.kill()
                    raise
        if process.returncode != 0:
            raise RuntimeError(f"{argv} ended with {process.returncode}")
        return Account(output), Watched(printed[0], FUNCTIONS[storm.kind])


def sleep_ms(duration_ms):
    time.sleep(duration_ms / 1000)


def wait_for_region(directory):
    while not any(name.endswith(".wpr") for name in os.listdir(directory)):
        sleep_ms(1)


# --- How far an estimate may be from the truth

# One run in a million is further away.
LOG_OF_CHANCE = math.log(2e6)

# Rates may have been others shortly before and after the moment that a line shows.
AROUND_NS = 30_000_000
SLOT_NS = 10_000_000


def bernstein(variance, most):
    third = most * LOG_OF_CHANCE / 3
    return third + math.sqrt(third * third + 2 * variance * LOG_OF_CHANCE)


def rows_around(watched, slot):
    return watched.near(slot["time_ns"] - AROUND_NS, slot["time_ns"] + SLOT_NS + AROUND_NS)


def coarsest_of_waits(rows):
    return max(max(row.wait_fraction, 1) for row in rows)


def bound_of(account, watched, of_mutex):
    """By how much the estimate of the whole delay may miss, for the rates that were in force.

    The variance follows from the program's own waits, not from those that happened to be kept: of a
    few long waits among many short ones, most samples know nothing. For the same reason it is
    Bernstein's bound and not a number of standard errors: it holds however unequal the waits are.
    """
    variance = most = 0.0
    for slot in account.slots:
        rows = rows_around(watched, slot)
        waits = coarsest_of_waits(rows)
        if of_mutex:
            weight = waits * max(row.mutex_fraction for row in rows)
            variance += (weight - 1) * slot["squares"]
            most = max(most, weight * slot["most_ns"])
        else:
            rate_ns = max(row.block_rate_ns for row in rows)
            variance += (waits - 1) * slot["squares"] + waits * rate_ns * slot["delay_ns"]
            most = max(most, waits * max(slot["most_ns"], rate_ns))
    return bernstein(variance, most)


def bound_of_waits(account, watched):
    """The same for the number of waits, which no long wait can spoil."""
    variance = most = 0.0
    for slot in account.slots:
        waits = coarsest_of_waits(rows_around(watched, slot))
        variance += (waits - 1) * slot["waits"]
        most = max(most, waits)
    return bernstein(variance, most)
