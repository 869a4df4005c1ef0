"""Runs a program under waitprof and compares its profiles with what the program knows (truth.h).

Shared by the check_*.py of this directory. Nothing here knows the region: profiles are read through
the command `waitprof export --format json`, as anybody would.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading


def parse_arguments(description):
    """The arguments that every check has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--command", required=True, help="the waitprof command")
    parser.add_argument("--program", required=True, help="directory of the programs, or the program")
    return parser.parse_args()


class Totals:
    """Contentions, delay and kept samples of all stacks that pass through one function."""

    def __init__(self):
        self.count = 0.0
        self.delay_ns = 0
        self.samples = 0


class Profile:
    """One exported profile."""

    def __init__(self, document):
        self.document = document
        self.stacks = [
            (
                {frame.get("function") for frame in sample["frames"]},
                sample["kind"],
                sample["contentions"],
                sample["delay_ns"],
                sample["samples"],
            )
            for sample in document["stacks"]
        ]

    def path(self, path):
        """Of a function, or of FUNCTION:KIND."""
        function, _, wanted_kind = path.partition(":")
        totals = Totals()
        for functions, kind, count, delay_ns, samples in self.stacks:
            if function in functions and wanted_kind in ("", kind):
                totals.count += count
                totals.delay_ns += delay_ns
                totals.samples += samples
        return totals

    def total_delay_ns(self):
        return sum(delay_ns for _, _, _, delay_ns, _ in self.stacks)


class Run:
    """One run of a program under the library: its output, its region, its profiles."""

    def __init__(
        self, arguments, argv, block_rate_ns, mutex_fraction, seed=None, events=None
    ):
        self.arguments = arguments
        self.argv = [str(word) for word in argv]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="waitprof-accuracy-"))
        self.environment = dict(
            os.environ,
            LD_PRELOAD=arguments.library,
            WAITPROF_DIR=str(self.directory),
            WAITPROF_BLOCK_RATE=str(block_rate_ns),
            WAITPROF_MUTEX_FRACTION=str(mutex_fraction),
        )
        if seed is not None:
            self.environment["WAITPROF_SEED"] = str(seed)
        if events is not None:
            self.environment["WAITPROF_EVENTS"] = events
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def finish(self):
        """Runs the program to its end."""
        result = subprocess.run(
            self.argv,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self.output = result.stdout
        return self

    def start(self):
        """Starts a program that says `ready` and then waits for a line."""
        process = subprocess.Popen(
            self.argv,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdout.readline() != "ready\n":
            process.kill()
            raise SystemExit(f"{self.argv[0]}: did not say that it is ready")
        return process

    def truth(self, first_word):
        """The lines of the output that begin with first_word: {path: [figures, ...]}."""
        lines = {}
        for line in self.output.splitlines():
            words = line.split()
            if words[0] == first_word:
                lines.setdefault(words[1], []).append([float(word) for word in words[2:]])
        return lines

    def total(self, word):
        """The figure of a line `word FIGURE`."""
        for line in self.output.splitlines():
            words = line.split()
            if words[0] == word:
                return float(words[1])
        raise SystemExit(f"{self.argv[0]}: printed no line '{word}'")

    def region(self):
        """The region's path; None if there is none, as after a clean exit with nothing sampled."""
        regions = list(self.directory.rglob("*.wpr"))
        if len(regions) > 1:
            raise SystemExit(f"{self.directory}: one region expected, found {regions}")
        return str(regions[0]) if regions else None

    def waitprof(self, *words):
        environment = dict(os.environ, WAITPROF_DIR=str(self.directory))
        result = subprocess.run(
            [self.arguments.command, *words],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return result.stdout

    def profile(self, kind):
        region = self.region()
        if region is None:
            return Profile({"stacks": []})
        text = self.waitprof("export", region, "--profile", kind, "--format", "json")
        return Profile(json.loads(text))


def read_aside(stream):
    """Reads a stream to its end in a thread. Returns a function that waits for it and returns it."""
    parts = []
    thread = threading.Thread(target=lambda: parts.append(stream.read()))
    thread.start()

    def result():
        thread.join()
        return parts[0]

    return result


class Check:
    """Collects comparisons, prints each, and knows whether all held."""

    def __init__(self):
        self.failed = 0
        self.miscounted = 0  # of those failed
        self.compared = 0

    def count(self, name, measured, true):
        """measured is true: a count, or an amount of nothing, on which no clock has a say."""
        if measured != true:
            self.miscounted += 1
        self.that(measured == true, f"{name}: {measured:.0f}, truth {true:.0f}")

    def add(self, other):
        self.failed += other.failed
        self.miscounted += other.miscounted
        self.compared += other.compared

    def that(self, holds, text):
        self.compared += 1
        if not holds:
            self.failed += 1
        print(("ok    " if holds else "FAIL  ") + text)

    def close(self, name, measured, true, bound):
        """measured is within `bound` (absolute) of true."""
        error = measured - true
        relative = f"{100 * error / true:+.3f} %" if true else "-"
        self.that(
            abs(error) <= bound,
            f"{name}: {measured:.0f}, truth {true:.0f}, off by {error:+.0f} ({relative}),"
            f" allowed {bound:.0f}",
        )

    def end(self):
        if self.compared == 0:
            raise SystemExit("nothing was compared")
        print(f"{self.compared} comparisons, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


BLAME_SHARE = 0.01
NS_PER_WAIT = 20_000
ATTEMPTS = 3


def check_blame(check, run, mutex, but_for=()):
    """Every path of the program is to blame for the delay that the program itself says."""
    for path, [(count, delay_ns)] in run.truth("mutex").items():
        if path in but_for:
            continue
        check.close(
            f"mutex {path} delay",
            mutex.path(path).delay_ns,
            delay_ns,
            max(BLAME_SHARE * delay_ns, NS_PER_WAIT * max(count, 1)),
        )


def agree(arguments, cases):
    """Ends the program: well if each case, (program, arguments, compare), agrees with its truth.

    Each runs at rate 1 and fraction 1, with all families on. A thread that is preempted just
    between the program's and the library's reading of the clock makes a real difference of delays
    that says nothing about the library, so a run with wrong delays is repeated, twice at most: an
    error of the library's would fail every time. Counts have to be right at the first attempt, and
    at each further one.
    """
    total = Check()
    for program, argv, compare in cases:
        for number in range(1, ATTEMPTS + 1):
            print(f"--- {program}, attempt {number}")
            check = Check()
            words = [f"{arguments.program}/{program}", *argv]
            with Run(arguments, words, 1, 1, events="all") as run:
                compare(check, run)
            if check.failed == 0 or check.miscounted != 0:
                break
        total.add(check)
    total.end()


def normal_quantile(probability_of_both_tails):
    """z such that |N(0,1)| > z has the given probability (bisection: no SciPy here)."""
    low, high = 0.0, 40.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if math.erfc(middle / math.sqrt(2)) > probability_of_both_tails:
            low = middle
        else:
            high = middle
    return high
