#!/usr/bin/env python3
"""The budget under a storm: the table of docs/budget.md.

Each storm is run bare, and under the preload without a budget and with several, in turn, so that
slow changes of the machine touch all alike; speeds are compared within a round. Costs are what the
program itself reckons: counts of what was done times what it measured for one of each.

    budget.py --library build/release/lib/libwaitprof.so --program build/release/tests/budget \
        --unit build/release/bench/bench_wait_unit

Judges nothing: the exit status is 0 whatever was measured.
"""

import argparse
import math
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "budget"))
import storms  # noqa: E402

BUDGETS = ("off", "0.5%", "0.1%", "2000/s")
COSTS = {"0.5%": 0.005, "0.1%": 0.001}
STORMS = (("mutex", 2), ("mutex", 8), ("mutex", 32), ("rwlock", 8), ("condition", 4), ("pipe", 4))
HOLD_NS = 5_000

# A window in which it shows that the cost is over the budget: a turn.
TURN_NS = 20_000_000
SECOND_NS = 1_000_000_000

HEADS = (
    "storm", "budget", "waits/s", "operations/s", "of bare", "share of a processor, worst second",
    "median 20 ms", "longest over budget", "samples/s, worst second",
    "wait fraction, block rate, mutex fraction (coarsest)", "error of block", "of mutex",
    "to nobody",
)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--program", required=True, help="directory of budget_storm, budget_watch")
    parser.add_argument("--unit", help="bench_wait_unit: what one wait costs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each storm")
    parser.add_argument("--markdown", help="file for the table")
    return parser.parse_args()


def over_ms(windows, limit, value):
    """The longest time in which every window was over the limit."""
    longest = begin = 0
    for first, last in windows:
        if value(first, last) <= limit:
            begin = 0
            continue
        begin = begin or first.time_ns
        longest = max(longest, last.time_ns - begin)
    return longest / 1e6


def share_of_error(totals):
    return math.sqrt(totals.variance) / totals.delay_ns if totals.delay_ns else None


def measured_share(first, last):
    cost_ns = sum(getattr(last, name) - getattr(first, name)
                  for name in ("wait_cost_ns", "sample_cost_ns", "unlock_cost_ns", "condition_cost_ns"))
    return cost_ns / (last.time_ns - first.time_ns)


def duration(value_ns):
    for unit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if value_ns >= unit:
            return f"{value_ns / unit:.3g} {name}"
    return f"{value_ns:.0f} ns"


class Cell:
    """A storm at one budget, over all rounds."""

    def __init__(self, budget):
        self.budget = budget
        self.speeds = []
        self.ratios = []
        self.lists = {}

    def add(self, name, value):
        if value is not None:
            self.lists.setdefault(name, []).append(value)

    def add_run(self, account, watched, bare_speed, seconds):
        self.speeds.append(account.storm_operations / seconds)
        self.ratios.append(account.storm_operations / seconds / bare_speed)
        storm = account.storm_from_ns, account.storm_until_ns
        turns = list(watched.windows(*storm, TURN_NS))
        self.add("waits", account.waits / seconds)
        for first, last in watched.windows(*storm, SECOND_NS):
            # Without a budget nothing is reckoned, and so much is measured that its mean will do.
            self.add("second", measured_share(first, last) if self.budget == "off" else
                     storms.cost_share(first, last))
            self.add("samples", storms.samples_per_s(first, last))
        for first, last in turns:
            if self.budget != "off":
                self.add("turn", storms.cost_share(first, last))
        if self.budget in COSTS:
            self.add("over", over_ms(turns, COSTS[self.budget], storms.cost_share))
        elif self.budget != "off":
            limit = float(self.budget.partition("/")[0])
            self.add("over", over_ms(turns, limit, storms.samples_per_s))
        for row in watched.rows:
            if storm[0] <= row.time_ns <= storm[1]:
                self.add("wait_fraction", max(row.wait_fraction, 1))
                self.add("block_rate_ns", row.block_rate_ns)
                self.add("mutex_fraction", row.mutex_fraction)
        self.add("block_error", share_of_error(watched.block))
        self.add("mutex_error", share_of_error(watched.mutex))
        self.add("nobody", watched.mutex.unattributed_ns / max(watched.mutex.delay_ns, 1))

    def of(self, name, pick, form):
        values = self.lists.get(name)
        return form(pick(values)) if values else "-"

    def texts(self):
        def percent(value):
            return f"{100 * value:.2f} %"

        def spread(values):
            return (f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
                    if values else "1")

        def rates(pick):
            return ", ".join((self.of("wait_fraction", pick, lambda v: f"{v:.0f}"),
                              self.of("block_rate_ns", pick, duration),
                              self.of("mutex_fraction", pick, lambda v: f"{v:.0f}")))

        return (
            self.budget,
            self.of("waits", statistics.median, lambda v: f"{v:.0f}"),
            f"{statistics.median(self.speeds):.0f}",
            spread(self.ratios),
            self.of("second", max, percent),
            self.of("turn", statistics.median, percent),
            self.of("over", max, lambda v: f"{v:.0f} ms"),
            self.of("samples", max, lambda v: f"{v:.0f}"),
            f"{rates(statistics.median)} ({rates(max)})" if "wait_fraction" in self.lists else "-",
            self.of("block_error", statistics.median, lambda v: f"{100 * v:.1f} %"),
            self.of("mutex_error", statistics.median, lambda v: f"{100 * v:.1f} %"),
            self.of("nobody", statistics.median, lambda v: f"{100 * v:.0f} %"),
        )


def measure(arguments, kind, threads):
    storm = storms.Storm(kind, threads, HOLD_NS, calm_ms=100,
                         storm_ms=int(arguments.seconds * 1000), after_ms=50)
    bare = Cell("(bare)")
    cells = [Cell(budget) for budget in BUDGETS]
    for number in range(arguments.rounds):
        account = storms.run_bare(arguments.program, storm)
        speed = account.storm_operations / arguments.seconds
        bare.speeds.append(speed)
        bare.add("waits", account.waits / arguments.seconds)
        for cell in cells:
            settings = {"WAITPROF_BUDGET": cell.budget, "WAITPROF_SEED": str(number + 1),
                        "WAITPROF_BLOCK_RATE": "1000", "WAITPROF_MUTEX_FRACTION": "2"}
            cell.add_run(*storms.run(arguments.program, arguments.library, storm, settings),
                         speed, arguments.seconds)
    return [(storm.name, *cell.texts()) for cell in (bare, *cells)]


def table_of(rows):
    lines = (HEADS, ["---"] * 2 + ["---:"] * (len(HEADS) - 2), *rows)
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main():
    arguments = parse_arguments()
    rows = []
    for kind, threads in STORMS:
        rows += measure(arguments, kind, threads)
        print(table_of(rows[-len(BUDGETS) - 1 :]), flush=True)
    table = table_of(rows)
    if arguments.unit:
        units = subprocess.run([arguments.unit], check=True, capture_output=True, text=True).stdout
        print(units, end="")
        table += "\n" + units
    if arguments.markdown:
        pathlib.Path(arguments.markdown).write_text(table, encoding="utf-8")


main()
