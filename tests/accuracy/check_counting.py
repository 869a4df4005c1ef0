#!/usr/bin/env python3
"""What the path of a sample costs in things that can be counted: no allocation, no lock, no system
call of waitprof's own, at most 1 KiB of the program's stack, and bounded memory.

Compares runs under waitprof, every event sampled, with bare runs of the same programs. The futex calls
of the waits themselves vary a little from run to run: a wait may find the lock free just before it
sleeps.
"""

import collections
import os
import re
import subprocess
import tempfile

import accuracy

STACK_BYTES = 1024
WAITS = 110
FUTEX_MORE = WAITS // 10
MUTEXES = 200_000
MUTEX_BYTES = 4 << 20
THREADS = 1000
BYTES_PER_THREAD = 16 << 10
SMALL_PROGRAM_BYTES = 1 << 20


def figures(text):
    """{"word word": figure} of lines that end in a figure."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines()]
    return {name: int(figure) for name, figure in lines}


class Programs:
    """Runs the programs, bare and under waitprof."""

    def __init__(self, arguments):
        self.arguments = arguments

    def path(self, name):
        return f"{self.arguments.program}/accuracy_{name}"

    def bare(self, name, *argv, preload=None, before=()):
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = preload
        return subprocess.run(
            [*before, self.path(name), *map(str, argv)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def sampled(self, name, *argv, preload=None, before=(), rates=(1, 1)):
        """Returns the output and the kept samples of both profiles."""
        words = [*before, self.path(name), *argv]
        with accuracy.Run(self.arguments, words, *rates) as run:
            if preload:
                run.environment["LD_PRELOAD"] += ":" + preload
            if before:
                # Into the traced program, not into the tracer.
                run.argv[len(before) : len(before)] = [
                    "env",
                    "LD_PRELOAD=" + run.environment.pop("LD_PRELOAD"),
                ]
            run.finish()
            samples = sum(
                stack[4] for kind in ("block", "mutex") for stack in run.profile(kind).stacks
            )
        return run.output, samples


def check_calls(check, programs):
    counter = f"{programs.arguments.program}/libaccuracy_count_calls.so"
    bare = figures(programs.bare("counted_waits", preload=counter))
    output, samples = programs.sampled("counted_waits", preload=counter)
    sampled = figures(output)
    check.that(bare["unlocks"] == bare["own_unlocks"] > 0, f"bare: counted as made: {bare}")
    check.that(samples >= WAITS, f"{samples} samples of {WAITS} waits were kept")
    check.that(
        sampled["allocations"] == sampled["frees"] == 0, f"sampled: no allocation: {sampled}"
    )
    check.that(
        sampled["unlocks"] == sampled["own_unlocks"],
        "sampled: every lock taken was the program's own",
    )


def system_calls_between_marks(log):
    """{name: number} of the calls, by any thread, between the two getppid."""
    calls = collections.Counter()
    marks = 0
    for line in log:
        match = re.match(r"\d+ +([a-z_0-9]+)\(", line)
        if not match:
            continue
        if match[1] == "getppid":
            marks += 1
        elif marks == 1:
            calls[match[1]] += 1
    if marks != 2:
        raise SystemExit(f"strace: two marks expected, found {marks}")
    return calls


def check_system_calls(check, programs):
    with tempfile.NamedTemporaryFile("r") as log:
        tracer = ("strace", "-f", "-o", log.name)
        programs.bare("counted_waits", before=tracer)
        bare = system_calls_between_marks(log)
        log.seek(0)
        programs.sampled("counted_waits", before=tracer)
        sampled = system_calls_between_marks(log)
    futex = sampled.pop("futex", 0), bare.pop("futex", 0)
    for calls in (sampled, bare):
        # The kernel's own way to go on with an interrupted wait.
        calls.pop("restart_syscall", None)
    check.that(bare["nanosleep"] == WAITS, f"bare: {dict(bare)}, futex {futex[1]}")
    check.that(sampled == bare, f"sampled: the same system calls: {dict(sampled)}")
    check.that(
        futex[0] <= futex[1] + FUTEX_MORE,
        f"sampled: {futex[0]} futex calls for {WAITS} waits, bare {futex[1]}",
    )


def check_stack(check, programs):
    bare = figures(programs.bare("stack_use"))
    sampled = figures(programs.sampled("stack_use")[0])
    for kind, bytes_used in sampled.items():
        check.that(
            bytes_used - bare[kind] <= STACK_BYTES,
            f"{kind}: {bytes_used} bytes, bare {bare[kind]}: at most {STACK_BYTES} more",
        )


def check_memory(check, programs, what, count, allowed, per_item=1):
    bare = figures(programs.bare("memory_use", what, count))
    output, samples = programs.sampled("memory_use", what, count)
    sampled = figures(output)
    more = (sampled["resident_bytes"] - bare["resident_bytes"]) / per_item
    check.that(more <= allowed, f"{count} {what}: {more:.0f} bytes more, allowed {allowed}")
    if what == "mutexes":
        least = 0.9 * count
        check.that(
            sampled["contended"] >= least and samples >= least,
            f"{count} {what}: {sampled['contended']} were contended, {samples} samples",
        )
    if what == "threads":
        check.that(samples >= 3 * count, f"{count} {what}: {samples} samples")


def main():
    arguments = accuracy.parse_arguments(__doc__)
    programs = Programs(arguments)
    check = accuracy.Check()
    check_calls(check, programs)
    check_system_calls(check, programs)
    check_stack(check, programs)
    check_memory(check, programs, "nothing", 0, SMALL_PROGRAM_BYTES)
    check_memory(check, programs, "threads", THREADS, BYTES_PER_THREAD, per_item=THREADS)
    check_memory(check, programs, "mutexes", MUTEXES, MUTEX_BYTES)
    check.end()


main()
