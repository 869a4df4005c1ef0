#!/usr/bin/env python3
"""Measures what waitprof costs, against nothing and against two interposers of a few lines.

Each round runs every configuration once, in an order that rotates from round to round, each in a
process of its own; a ratio compares two runs of one round, so that slow changes of the machine
(frequency, other load) touch both. Printed are medians and quartiles over the rounds.

With --before, another build of the library runs beside this one in each round, in the place of the
two interposers: what a change of the library costs, by pairs.

Judges nothing: a target that is missed is marked, but the exit status is 0.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

# Configurations, the first being what all others are compared with: name, library, rates.
BARE = "bare"
CONFIGURATIONS = {
    BARE: (None, None),
    "forward-only": ("forward_only", None),
    "trylock-first": ("trylock_first", None),
    "off": ("waitprof", (0, 0)),
    "on": ("waitprof", ()),
}
# Of these, what another build of the library does.
BEFORE = {"off": "off, before", "on": "on, before"}

# case of `operations`: title, figure that is compared, targets {configuration: ratio at most}
OPERATIONS = {
    "lock_threaded": ("free lock and unlock, threaded process", "ns_per_op", {"off": 1.05, "on": 1.15}),
    "lock_single": ("free lock and unlock, never a thread", "ns_per_op", {"on": 1.3}),
    "lock_many": ("10 000 free locks in turn", "ns_per_op", {"on": 1.2}),
    "contended_2_short": ("CPU: contended, 2 threads, 0.1 us held", "cpu_ns_per_op", {"on": 1.03}),
    "contended_4_medium": ("CPU: contended, 4 threads, 1 us held", "cpu_ns_per_op", {"on": 1.03}),
    "contended_8_medium": ("CPU: contended, 8 threads, 1 us held", "cpu_ns_per_op", {"on": 1.03}),
    "contended_8_long": ("CPU: contended, 8 threads, 10 us held", "cpu_ns_per_op", {"on": 1.03}),
    "contended_4_sleeping": ("CPU: contended, 4 threads, 0.1 ms held", "cpu_ns_per_op", {"on": 1.03}),
    "read_ready": ("read of 1 byte that is there", "ns_per_op", {"on": 1.10}),
    "recv_ready": ("recv of 1 byte that is there", "ns_per_op", {"on": 1.10}),
    "write_ready": ("write of 1 byte to a pipe with room", "ns_per_op", {"on": 1.10}),
    "poll_at_once": ("poll with timeout 0", "ns_per_op", {"on": 1.10}),
    "poll_ready": ("poll of a ready descriptor, no timeout", "ns_per_op", {"on": 1.10}),
    "sem_free": ("free semaphore, wait and post", "ns_per_op", {}),
    "syscall": ("syscall(SYS_getppid)", "ns_per_op", {}),
    "fwrite": ("fwrite of 40 bytes, buffered", "ns_per_op", {}),
    "fgets": ("fgets of a line of 40 bytes", "ns_per_op", {}),
    "read_blocked": ("blocked read, there and back", "ns_per_op", {"on": 1.03}),
    "cond_handoff": ("condition hand-off, there and back", "ns_per_op", {"on": 1.03}),
}

START_TARGET_MS = 1.0
SMALL_TARGET_BYTES = 1 << 20
THREADS = 1000
THREAD_TARGET_BYTES = 16 << 10
MUTEXES = 200_000
SAMPLE_TARGET_NS = 500


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--programs", required=True, help="directory of the bench programs")
    parser.add_argument("--before", help="libwaitprof.so of another build, to compare with")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--case", action="append", help="only these cases (repeatable)")
    parser.add_argument("--markdown", help="file for the tables")
    return parser.parse_args()


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.programs = pathlib.Path(arguments.programs)
        # In memory, as regions are by default.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.directory = tempfile.mkdtemp(prefix="waitprof-bench-", dir=memory)
        self.configurations = dict(CONFIGURATIONS)
        if arguments.before:
            self.configurations = {BARE: CONFIGURATIONS[BARE]}
            for name, before in BEFORE.items():
                self.configurations[before] = ("before", CONFIGURATIONS[name][1])
                self.configurations[name] = CONFIGURATIONS[name]

    def environment(self, configuration):
        library, rates = self.configurations[configuration]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WAITPROF_")
        }
        environment["WAITPROF_DIR"] = self.directory
        if library in ("waitprof", "before"):
            own = library == "waitprof"
            environment["LD_PRELOAD"] = self.arguments.library if own else self.arguments.before
        elif library:
            environment["LD_PRELOAD"] = str(self.programs / f"libbench_{library}.so")
        if rates:
            environment["WAITPROF_BLOCK_RATE"] = str(rates[0])
            environment["WAITPROF_MUTEX_FRACTION"] = str(rates[1])
        return environment

    def run(self, configuration, program, *argv, more=()):
        """Runs one program once and returns its figures."""
        result = subprocess.run(
            [str(self.programs / f"bench_{program}"), *map(str, argv)],
            env=dict(self.environment(configuration), **dict(more)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for region in pathlib.Path(self.directory).rglob("*.wpr"):
            region.unlink()
        return {line.split()[0]: float(line.split()[1]) for line in result.stdout.splitlines()}


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return statistics.quantiles(values, n=4, method="inclusive")


def verdict(value, target):
    return "" if target is None else f"{'ok' if value <= target else 'MISSED'}, <= {target:g}"


def format_ratio(values, others):
    """Of two configurations, by the rounds."""
    low, middle, high = quartiles([value / other for value, other in zip(values, others)])
    return middle, f"{middle:.3f} ({low:.3f}-{high:.3f})"


def measure_operation(bench, case):
    """Runs all rounds of one case. Returns rows of text cells."""
    title, figure, targets = OPERATIONS[case]
    names = list(bench.configurations)
    values = {name: [] for name in names}
    # CPU a contended operation varies most: who sleeps and who spins is chance.
    rounds = bench.arguments.rounds * (2 if figure == "cpu_ns_per_op" else 1)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            values[name].append(bench.run(name, "operations", case)[figure])
    rows = []
    for name in names:
        low, middle, high = quartiles(values[name])
        ratio, ratio_text = format_ratio(values[name], values[BARE])
        last = verdict(ratio, targets.get(name))
        if bench.arguments.before:
            before = values.get(BEFORE.get(name))
            last = format_ratio(values[name], before)[1] if before else ""
        rows.append(
            (
                title if name == BARE else "",
                name,
                f"{middle:.2f} ({low:.2f}-{high:.2f})",
                "" if name == BARE else ratio_text,
                last,
            )
        )
    return rows


def measure_start(bench):
    differences = []
    bare = []
    for _ in range(5):
        figures = bench.run(BARE, "start_up", bench.arguments.library, 100)
        bare.append(figures["ms_bare"])
        differences.append(figures["ms_preloaded"] - figures["ms_bare"])
    middle = statistics.median(differences)
    return (
        "start and end of /bin/true",
        f"{statistics.median(bare):.3f} ms",
        f"{middle:+.3f} ms",
        verdict(middle, START_TARGET_MS),
    )


def measure_memory(bench, title, what, count, per_item, target):
    """Medians of five runs; every event sampled."""
    every = {"WAITPROF_BLOCK_RATE": "1", "WAITPROF_MUTEX_FRACTION": "1"}
    results = {
        name: statistics.median(
            bench.run(name, "memory_use", what, count, more=every)["resident_bytes"]
            for _ in range(5 if count <= THREADS else 1)
        )
        for name in (BARE, "on")
    }
    more = (results["on"] - results[BARE]) / per_item
    return (
        title,
        f"{results[BARE] / 1024:.0f} KiB",
        f"{more / 1024:+.1f} KiB" + (" each" if per_item > 1 else ""),
        "" if target is None else f"{'ok' if more <= target else 'MISSED'}, <= {target >> 10} KiB",
    )


def measure_sample(bench):
    """What a kept sample adds to the shortest wait that there is, 20 frames deep."""
    every = {"WAITPROF_BLOCK_RATE": "1", "WAITPROF_MUTEX_FRACTION": "0"}
    bare = []
    differences = []
    for _ in range(bench.arguments.rounds):
        bare.append(bench.run(BARE, "operations", "wait_in_vain")["ns_per_op"])
        kept = bench.run("on", "operations", "wait_in_vain", more=every)["ns_per_op"]
        differences.append(kept - bare[-1])
    low, middle, high = quartiles(differences)
    return (
        "a kept sample of 20 frames, added to a wait",
        f"{statistics.median(bare):.0f} ns",
        f"{middle:+.0f} ns ({low:.0f} to {high:.0f})",
        verdict(middle, SAMPLE_TARGET_NS),
    )


def print_table(heads, rows):
    widths = [max(len(str(row[i])) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(flush=True)


def markdown_table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, row)) + " |\n" for row in lines)


def other_rows(bench):
    yield measure_start(bench)
    yield measure_memory(bench, "resident: small program", "nothing", 0, 1, SMALL_TARGET_BYTES)
    yield measure_memory(
        bench,
        f"resident: {THREADS} threads with samples",
        "threads",
        THREADS,
        THREADS,
        THREAD_TARGET_BYTES,
    )
    yield measure_memory(
        bench, f"resident: {MUTEXES} mutexes contended and destroyed", "mutexes", MUTEXES, 1, None
    )
    yield measure_sample(bench)


def main():
    arguments = parse_arguments()
    bench = Bench(arguments)
    heads = ("operation", "with", "ns: median (quartiles)", "ratio to bare, by pairs")
    heads += ("ratio to before, by pairs" if arguments.before else "target",)
    other_heads = ("", "bare", "waitprof", "target")
    rows = []
    others = []
    try:
        for case in OPERATIONS:
            if arguments.case and case not in arguments.case:
                continue
            new = measure_operation(bench, case)
            rows += new
            print_table(heads, new)
        if not arguments.case and not arguments.before:
            others = list(other_rows(bench))
            print_table(other_heads, others)
    finally:
        shutil.rmtree(bench.directory)
    if arguments.markdown:
        text = markdown_table(heads, rows)
        if others:
            text += "\n" + markdown_table(other_heads, others)
        pathlib.Path(arguments.markdown).write_text(text, encoding="utf-8")
        print(f"tables written to {arguments.markdown}", file=sys.stderr)


main()
