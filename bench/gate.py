#!/usr/bin/env python3
"""Measures how often `waitprof gate` is wrong, with captures of a real program on this machine.

The program is contended_store. Runs of it as it is and of one that keeps its lock longer are taken
in turn, so that slow changes of the machine touch both: two pools of captures. From them pairs of
sides are drawn: both from the first pool, without a capture in common (equal releases), and one from
each (a regression). Printed is how often each verdict came, for several numbers of captures a side.

Runs have priority over whatever else the machine does, where that is permitted (--priority; 0: none):
threads that wait for a processor as well as for each other make runs differ by much more.

Judges nothing: the exit status is 0 whatever the rates are.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

VERDICTS = {0: "pass", 1: "regression", 3: "too little data"}
PROFILES = ("mutex", "block")
# Every wait is kept: the noise is that of the runs, not of sampling.
RATES = ("--block-rate", "1ns", "--mutex-fraction", "1")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--waitprof", required=True, help="the command")
    parser.add_argument("--program", required=True, help="contended_store")
    parser.add_argument("--pool", type=int, default=500, help="runs of each kind")
    parser.add_argument("--minutes", type=float, default=8, help="for all runs; ends the pools early")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--captures", default="3,5,8,12,20", help="a side")
    parser.add_argument("--operations", type=int, default=300, help="of a run")
    parser.add_argument("--hold-us", type=int, default=600)
    parser.add_argument("--regression", type=float, default=9, help="%% that the lock is kept longer")
    parser.add_argument("--max-regression", default="5%")
    parser.add_argument("--priority", type=int, default=10, help="of the runs, real-time; 0: none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", help="file for the table")
    arguments = parser.parse_args()
    # Commands run in the directory of the captures.
    arguments.waitprof = os.path.abspath(arguments.waitprof)
    arguments.program = os.path.abspath(arguments.program)
    return arguments


class Pool:
    """Captures of runs that are all the same."""

    def __init__(self, name, hold_us):
        self.name = name
        self.hold_us = hold_us
        self.count = 0
        self.lock_ns = []  # an operation, by the program's own clock

    def prefix(self, number):
        return f"{self.name}-{number:04}"

    def take(self, arguments, directory):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WAITPROF_")}
        environment["WAITPROF_DIR"] = str(directory / "regions")
        result = subprocess.run(
            [arguments.waitprof, "run", "--quiet", *RATES, "-o", directory / self.prefix(self.count),
             "--", arguments.program, str(arguments.operations), str(self.hold_us)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            check=True,
        )
        words = dict(line.split() for line in result.stdout.splitlines())
        self.lock_ns.append(float(words["lock_ns_per_op"]))
        self.count += 1

    def noise(self):
        return statistics.stdev(self.lock_ns) / statistics.mean(self.lock_ns) * 100


@contextlib.contextmanager
def priority(number):
    """For what is started inside. Not by nice: that is among the processes of a session alone."""
    try:
        if number > 0:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(number))
    except PermissionError:
        print(f"gate: no permission for --priority {number}: runs have none", file=sys.stderr)
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def take_pools(arguments, directory):
    longer_us = round(arguments.hold_us * (1 + arguments.regression / 100))
    pools = Pool("base", arguments.hold_us), Pool("new", longer_us)
    deadline = time.monotonic() + 60 * arguments.minutes
    while pools[1].count < arguments.pool and time.monotonic() < deadline:
        for pool in pools:
            pool.take(arguments, directory)
    return pools


def judge(arguments, directory, profile, base, new):
    """The verdict on two lists of prefixes."""
    result = subprocess.run(
        [arguments.waitprof, "gate", "--json", "--max-regression", arguments.max_regression,
         "--per", "operation", str(arguments.operations),
         *[f"{prefix}.{profile}.pb.gz" for prefix in base], "--",
         *[f"{prefix}.{profile}.pb.gz" for prefix in new]],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    if result.returncode not in VERDICTS:
        sys.exit(f"gate: {result.stderr}")
    verdict = VERDICTS[result.returncode]
    if json.loads(result.stdout)["verdict"] != verdict:
        sys.exit(f"gate: status {result.returncode} with {result.stdout}")
    return verdict


def draw(chance, pools, count, is_equal):
    base, new = pools
    if is_equal:
        numbers = chance.sample(range(base.count), 2 * count)
        return ([base.prefix(n) for n in numbers[:count]], [base.prefix(n) for n in numbers[count:]])
    return ([base.prefix(n) for n in chance.sample(range(base.count), count)],
            [new.prefix(n) for n in chance.sample(range(new.count), count)])


def measure(arguments, directory, pools):
    """Rows of the table."""
    chance = random.Random(arguments.seed)
    rows = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        for profile in PROFILES:
            for count in map(int, arguments.captures.split(",")):
                if 2 * count > pools[0].count:
                    print(f"gate: {count} captures a side take a larger pool", file=sys.stderr)
                    continue
                cells = []
                for is_equal in (True, False):
                    pairs = [draw(chance, pools, count, is_equal) for _ in range(arguments.pairs)]
                    verdicts = collections.Counter(workers.map(
                        lambda pair: judge(arguments, directory, profile, *pair), pairs))
                    cells += [verdicts[name] for name in VERDICTS.values()]
                rows.append((profile, count, *cells))
    return rows


def main():
    arguments = parse_arguments()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    directory = pathlib.Path(tempfile.mkdtemp(prefix="waitprof-gate-", dir=memory))
    try:
        (directory / "regions").mkdir(mode=0o700)
        with priority(arguments.priority):
            base, new = pools = take_pools(arguments, directory)
        rows = measure(arguments, directory, pools)
    finally:
        shutil.rmtree(directory)
    change = statistics.mean(new.lock_ns) / statistics.mean(base.lock_ns) - 1
    print(f"{base.count} runs of each kind. By the program's own clock the longer hold adds "
          f"{change * 100:+.1f} % to the wait of an operation; runs vary by {base.noise():.1f} % "
          f"(standard deviation; {new.noise():.1f} % with the longer hold).")
    heads = ["profile", "captures a side"]
    heads += [f"{kind}: {name}" for kind in ("equal", "regressed") for name in VERDICTS.values()]
    lines = [heads, ["---"] * 2 + ["---:"] * 6, *rows]
    table = "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
    print(f"Of {arguments.pairs} pairs each:\n\n{table}", end="")
    if arguments.markdown:
        pathlib.Path(arguments.markdown).write_text(table, encoding="utf-8")


main()
