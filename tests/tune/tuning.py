"""What the check and the bench of `waitprof tune` have in common: programs that know their own
waits, what tune predicts of them, and what a later look at them measures."""

import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

CAPTURE_S = 30
Z_95 = 1.959964
PROFILES = ("block", "mutex")
COSTS = ("wait_cost_ns", "sample_cost_ns", "unlock_cost_ns", "condition_cost_ns")
PIECES = ("waits", "block_samples", "mutex_samples")
TIMED_OF = 61  # one piece of so many is timed: core/own_cost.h
PARTS = 10
T_95 = 2.262  # Student's t for PARTS - 1 degrees of freedom


def rate_text(rate_ns):
    for unit, size in (("ms", 1_000_000), ("us", 1_000)):
        if rate_ns % size == 0:
            return f"{rate_ns // size}{unit}"
    return f"{rate_ns}ns"


class Program:
    """A program of this directory under the preload, at the default rates unless told otherwise."""

    def __init__(self, arguments, name, *argv, rates=(100_000, 10)):
        self.command = str(arguments.command)
        self.directory = tempfile.TemporaryDirectory(prefix="waitprof-tune-test-")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WAITPROF_")}
        environment["WAITPROF_DIR"] = self.directory.name
        self.environment = dict(environment)
        environment.update(
            LD_PRELOAD=str(arguments.library),
            WAITPROF_BLOCK_RATE=str(rates[0]),
            WAITPROF_MUTEX_FRACTION=str(rates[1]),
        )
        self.process = subprocess.Popen(
            [pathlib.Path(arguments.programs) / f"tune_{name}", *map(str, argv)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.directory.cleanup()

    def run(self, *argv):
        done = subprocess.run(
            [self.command, *map(str, argv), str(self.process.pid)], env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"waitprof {argv}: {done.returncode}: {done.stderr}")
        return done.stdout

    def tune(self, seconds, *options):
        return json.loads(self.run("tune", "--format", "json", "--seconds", seconds, *options))

    def set_rates(self, block_rate_ns, mutex_fraction):
        self.run("rate", "--block-rate", f"{block_rate_ns}ns", "--mutex-fraction", mutex_fraction)

    def totals(self):
        """What the program says of itself: time in ns, and (count, delay in ns) of each path."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        moment, *paths = self.process.stdout.readline().split()
        return int(moment), [tuple(map(int, path.split(":"))) for path in paths]

    def look(self):
        """Both profiles since it started."""
        return {profile: json.loads(self.run("export", "--profile", profile, "-f", "json"))
                for profile in PROFILES}

    def counters(self):
        return source_counters(json.loads(self.run("export", "-f", "json")))

    def measure(self, seconds, in_parts=False):
        """Its own totals are taken on both sides of each look. In parts: the counters are read in
        between as well, so that the span has a cost_error."""
        parts = PARTS if in_parts else 1
        before = self.totals()
        first = self.look()
        begin = self.totals()
        between = []
        for _ in range(parts - 1):
            time.sleep(seconds / parts)
            between.append(self.counters())
        time.sleep(seconds / parts)
        end = self.totals()
        last = self.look()
        return Span(first, last, (before, self.totals()), (begin, end), between)


def source_counters(document):
    return document["sources"][0]["counters"]


def cost_ns(counters):
    return sum(counters[name] for name in COSTS)


def stacks_of(document):
    """(delay, variance) by kind and functions."""
    stacks = {}
    for stack in document["stacks"]:
        key = (stack["kind"], *(frame.get("function") for frame in stack["frames"]))
        delay, variance = stacks.get(key, (0, 0))
        stacks[key] = (
            delay + stack["delay_ns"], variance + stack["delay_standard_error_ns"] ** 2)
    return stacks


def delays_between(totals):
    first, last = totals
    return [after[1] - before[1] for before, after in zip(first[1], last[1])]


class Span:
    """What was measured between two looks. The program's own account is of a span around that and
    of one within."""

    def __init__(self, first, last, own_around, own_within, between):
        self.seconds = (last["block"]["time_ns"] - first["block"]["time_ns"]) / 1e9
        before, after = (source_counters(look["block"]) for look in (first, last))
        self.counters = {name: after[name] - before[name] for name in after}
        self.samples_per_s = {
            "block": self.counters["block_samples"] / self.seconds,
            "mutex": self.counters["mutex_samples"] / self.seconds,
        }
        self.waits_per_s = self.counters["waits"] / self.seconds
        self.cost_share = cost_ns(self.counters) / 1e9 / self.seconds
        self.added_ns = cost_ns(self.counters) / max(1, self.counters["waits"])
        self.timed_waits = self.counters["waits"] / TIMED_OF
        self.timed_pieces = sum(self.counters[name] for name in PIECES) / TIMED_OF
        self.cost_error = self.error_of_cost([before, *between, after])
        self.own_delay_ns = list(zip(delays_between(own_within), delays_between(own_around)))
        self.stacks = {}
        for profile in PROFILES:
            before = stacks_of(first[profile])
            self.stacks[profile] = {
                key: (delay - before.get(key, (0, 0))[0], variance - before.get(key, (0, 0))[1])
                for key, (delay, variance) in stacks_of(last[profile]).items()}

    def error_of_cost(self, readings):
        """Half of the 95 % interval of the cost of a wait, by the cost, from how far the parts of
        the span differ; infinite without parts."""
        costs = [(cost_ns(last) - cost_ns(first)) / max(1, last["waits"] - first["waits"])
                 for first, last in zip(readings, readings[1:])]
        if len(costs) < PARTS or self.added_ns <= 0:
            return math.inf
        return T_95 * statistics.stdev(costs) / math.sqrt(len(costs)) / self.added_ns

    def counted_cost(self, units):
        """Events of the span, at what one of each cost tune's program: ns a second."""
        return (self.waits_per_s * units["wait_ns"]
                + self.samples_per_s["block"] * units["sample_ns"]
                + self.samples_per_s["mutex"] * units["unlock_ns"])

    def delay_ns(self, profile, function):
        return sum(delay for key, (delay, _) in self.stacks[profile].items() if function in key)

    def errors(self, profile):
        """Median and worst of the top stacks as tune has them, or None."""
        stacks = [stack for stack in self.stacks[profile].values() if stack[0] > 0]
        total = sum(delay for delay, _ in stacks)
        top = sorted(stacks, reverse=True)[:10]
        errors = sorted(
            Z_95 * math.sqrt(max(variance, 0)) / delay * math.sqrt(self.seconds / CAPTURE_S)
            for delay, variance in top if delay >= 0.01 * total)
        if not errors:
            return None
        middle = (errors[(len(errors) - 1) // 2] + errors[len(errors) // 2]) / 2
        return middle, errors[-1]


def row_at(rows, name, value):
    return next(row for row in rows if row[name] == value)


def predicted(tuned, block_rate_ns, mutex_fraction):
    """Of a pair of rates: samples/s of both profiles, the share of a processor, what is added to a
    wait, errors. The parts of the cost add up, each depending on one rate."""
    block = row_at(tuned["block_rates"], "block_rate_ns", block_rate_ns)
    mutex = row_at(tuned["mutex_fractions"], "mutex_fraction", mutex_fraction)
    cost = (block["sample_cost_ns_per_s"] + mutex["unlock_cost_ns_per_s"]
            + mutex["wait_cost_ns_per_s"])
    return {
        "block": block["block_samples_per_s"],
        "mutex": mutex["mutex_samples_per_s"],
        "cost_share": cost / 1e9,
        "added_ns": cost / max(1, tuned["waits_per_s"]),
        "block_errors": (block["error_median"], block["error_worst"]),
        "mutex_errors": (mutex["error_median"], mutex["error_worst"]),
    }


def factor(one, other):
    """The larger by the smaller."""
    if one <= 0 or other <= 0:
        return 1 if one == other else math.inf
    return max(one / other, other / one)
