#!/usr/bin/env python3
"""Programs and `waitprof` in different time namespaces, whose clocks differ by hours:
check_time_namespaces.py --command WAITPROF --library LIBRARY --program HOLD_LOCK [CASE...]; --list
prints the cases.

A case is a function; its name is the sentence that it proves.
"""

import json
import pathlib
import struct
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "push")]

import case_runner  # noqa: E402
from case_runner import Skipped, case, expect  # noqa: E402
from push_case import Case, wait_until  # noqa: E402

# The block rate and the mutex fraction in force, of a region's header (docs/region-format.md).
RATES_OFFSET = 320
AHEAD_S = 100000
# The clock of a namespace may not be negative.
BEHIND_S = -min(10000, int(time.monotonic()) // 2)
MINUTE_NS = 60e9

# Waits for a mutex that nobody unlocks, until its input ends.
WAITS = """
import ctypes, os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0))).start()
libc = ctypes.CDLL(None)
mutex = ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
print(os.getpid(), flush=True)
libc.pthread_mutex_lock(mutex)
"""
# The same in a child that outlives its parent.
OUTLIVES = "import os\nif os.fork():\n    os._exit(0)\n" + WAITS


def unshared(seconds):
    if seconds is None:
        return []
    clocks = ["--monotonic", str(seconds), "--boottime", str(seconds // 2)]
    return ["unshare", "-T", *clocks, "--fork", "--kill-child"]


class Side:
    """A program in a time namespace, and the command in another; None: that of the test."""

    def __init__(self, case, program_s, command_s):
        self.case, self.program_s, self.command_s = case, program_s, command_s
        self.text = f"program {program_s}, command {command_s}"

    def start(self, *words, **options):
        profiled = ["env", f"LD_PRELOAD={self.case.arguments.library}", "WAITPROF_BLOCK_RATE=1"]
        self.process = subprocess.Popen(
            [*unshared(self.program_s), *profiled, "WAITPROF_MUTEX_FRACTION=1", *words],
            env=self.case.environment,
            stdin=subprocess.PIPE,
            **options,
        )
        self.case.processes.append(self.process)

    def start_waits(self):
        started = self.case.directory / f"started.{len(self.case.processes)}"
        self.start(self.case.arguments.program, "0", str(started))
        wait_until(started.exists, "the program waits")
        self.find_pid()

    def find_pid(self):
        self.pid = self.process.pid
        if self.program_s is not None:
            children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
            self.pid = int(children.read_text().split()[0])

    def run(self, *words):
        done = subprocess.run(
            [*unshared(self.command_s), self.case.arguments.command, *map(str, words)],
            env=self.case.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        expect(done.returncode == 0, f"{self.text}: {words}: {done.stderr.decode()}")
        return done.stdout.decode()

    def top(self):
        return json.loads(self.run("top", "--once", "--json", self.pid))

    def in_force(self):
        """Block rate in ns and mutex fraction, as the program itself has them."""
        (region,) = self.case.regions.glob(f"*.{self.pid}.*.wpr")
        with region.open("rb") as file:
            file.seek(RATES_OFFSET)
            return struct.unpack("=QQ", file.read(16))

    def longest_wait_ns(self):
        return max((row.get("waiting_ns", 0) for row in self.top()["threads"]), default=0)


def sides(case):
    """Both outside, each in turn inside, and both inside different ones."""
    pairs = ((AHEAD_S, None), (BEHIND_S, None), (None, AHEAD_S), (AHEAD_S, BEHIND_S))
    return [Side(case, *pair) for pair in pairs]


def expect_share(side, cost_ns, share, begin):
    """The share is the cost by the time since the start, which nobody measured to the ms."""
    expect(cost_ns > 0, f"{side.text}: the program waited for nothing")
    expect(share > 0, f"{side.text}: no share")
    run_ns = cost_ns / share
    most_ns = (time.monotonic() - begin) * 1e9
    expect(0 < run_ns <= most_ns, f"{side.text}: a run of {run_ns} ns of at most {most_ns} ns")


@case
def leases_begin_and_end_by_the_clock_of_the_program(scratch):
    all_sides = sides(scratch)
    for side in all_sides:
        side.start_waits()
        side.run("rate", side.pid, "--mutex-fraction", 7, "--for", "300s")
        side.run("rate", side.pid, "--block-rate", "50ms", "--for", "1s")
    for side in all_sides:
        leases = side.top()["rates"]["leases"]
        left = max((row["left_ns"] for row in leases if "mutex_fraction" in row), default=0)
        expect(200e9 < left <= 300e9, f"{side.text}: {left} ns left of 300 s: {leases}")
    for side in all_sides:
        wait_until(lambda: side.in_force()[0] == 1, f"the short lease ends: {side.text}")
        expect(side.in_force()[1] == 7, f"{side.text}: the long lease ended: {side.in_force()}")
        shown = side.run("rate", side.pid)
        expect("block-rate 1ns" in shown, f"{side.text}: not what is in force: {shown}")


@case
def the_own_cost_is_a_share_of_the_time_that_the_program_ran(scratch):
    all_sides = sides(scratch)
    begin = time.monotonic()
    for side in all_sides:
        side.start_waits()
    for side in all_sides:
        cost = side.top()["own_cost"]
        expect_share(side, cost["total_ns"], cost["of_a_cpu"], begin)


@case
def a_program_that_has_ended_keeps_its_share(scratch):
    for side in sides(scratch):
        begin = time.monotonic()
        side.start_waits()
        cost_ns = side.top()["own_cost"]["total_ns"]
        subprocess.run(["kill", "-KILL", str(side.pid)], check=True)
        side.process.wait()
        (row,) = (row for row in json.loads(side.run("ls", "--json")) if row["pid"] == side.pid)
        expect(row["state"] == "dead", f"{side.text}: {row['state']}")
        # It went on for some moments after its cost was read.
        expect_share(side, cost_ns, row["own_cost_of_a_cpu"], begin)


def expect_age(scratch, script):
    all_sides = sides(scratch)
    for side in all_sides:
        side.start(sys.executable, "-c", script, stdout=subprocess.PIPE)
        side.pid = int(side.process.stdout.readline())
    for side in all_sides:
        wait_until(lambda: side.longest_wait_ns() > 0.5e9, f"it waits: {side.text}")
        age_ns = side.longest_wait_ns()
        expect(age_ns < MINUTE_NS, f"{side.text}: a wait of {age_ns} ns")
    for side in all_sides:
        side.process.stdin.close()
        side.process.stdout.close()


@case
def a_wait_is_as_old_as_it_is(scratch):
    expect_age(scratch, WAITS)


@case
def a_child_that_outlives_its_parent_keeps_the_clock(scratch):
    expect_age(scratch, OUTLIVES)


def scratch_of(arguments):
    tried = subprocess.run(
        [*unshared(AHEAD_S), "true"], stderr=subprocess.PIPE, check=False, text=True
    )
    if tried.returncode != 0:
        raise Skipped(f"this machine allows no time namespaces: {tried.stderr.strip()}")
    if BEHIND_S > -120:
        raise Skipped("the machine has just been started: no clock can be behind it")
    return Case(arguments)


if __name__ == "__main__":
    sys.exit(
        case_runner.main(
            scratch_of,
            {
                "command": "the waitprof to test",
                "library": "the library to preload",
                "program": "one that waits for ever: hold_lock",
            },
        )
    )
