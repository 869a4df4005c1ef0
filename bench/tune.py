#!/usr/bin/env python3
"""Compares what `waitprof tune` predicts with what is measured at other rates, for three programs.

Each program runs at the default rates and is tuned; then it gets other rates, and is measured as
long right afterwards; and so on for each pair of rates. A cell is what was predicted, what was
measured, and the larger by the smaller. The error is the median over the top ten stacks: half of
the 95 % interval by the delay, scaled to a capture of 30 s; measured is what follows from the
variance that the profile states at that rate.

Cost is what the program itself has timed, one piece of work of 61, and a piece that takes a hundred
times as long as others is no rarity. So the later span is cut into ten parts, and how far they
differ says how well its cost is known: the last column has the timed pieces and half of the 95 %
interval of the cost of a wait.

Judges nothing: what is off by more than a factor of 1.5 is marked, but the exit status is 0. Where
fewer than 100 samples were measured, errors are below 0.2 %, or the cost that was measured is known
less well than within 25 % or rests, in either span, on fewer than 100 timed waits, the factor
stands in parentheses and does not count.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "tune"))
import tuning  # noqa: E402

PROGRAMS = (
    ("short_waits", (6, 300_000), "many short waits for one mutex, six threads"),
    ("consumer_pool", (8, 1_000_000), "eight consumers, a condition, long waits"),
    ("mixed_waits", (8, 50_000), "pipes and a read-write lock, heavy tails"),
)
RATES = ((1_000, 1), (10_000, 2), (100_000, 10), (1_000_000, 20), (10_000_000, 50),
         (100_000_000, 100))
DEFAULT_RATES = (100_000, 10)
TARGET = 1.5
COUNTED = 100
SMALL_ERROR = 0.002
COST_KNOWN = 0.25
TIMED = 100


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--command", required=True, help="waitprof")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--programs", required=True, help="directory of the programs of tests/tune")
    parser.add_argument("--seconds", type=float, default=10, help="of tune and of each measurement")
    parser.add_argument("--only", help="one of the programs")
    parser.add_argument("--option", action="append", default=[], help="for tune, repeatable")
    return parser.parse_args()


class Column:
    """One figure, predicted and measured, and the worst factor that counts."""

    def __init__(self):
        self.worst = 1.0

    def cell(self, promised, seen, digits, counts):
        by = tuning.factor(promised, seen)
        if counts:
            self.worst = max(self.worst, by)
        text = f"{by:.2f}" if by < 100 else "-"
        if counts and by > TARGET:
            text = f"**{text}**"
        elif not counts:
            text = f"({text})"
        return f"{promised:.{digits}f}, {seen:.{digits}f}: {text}"


def show_program(arguments, name, argv, title):
    columns = {key: Column() for key in ("block", "mutex", "cost", "added", "block_error",
                                         "mutex_error")}
    print(f"\n### `{name} {' '.join(map(str, argv))}`: {title}\n")
    head = ("rates", "block samples/s", "mutex samples/s", "% of a processor", "added a wait, ns",
            "block error, %", "mutex error, %", "timed")
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    with tuning.Program(arguments, name, *argv) as program:
        for block_rate_ns, fraction in RATES:
            program.set_rates(*DEFAULT_RATES)
            tuned = program.tune(arguments.seconds, *arguments.option)
            program.set_rates(block_rate_ns, fraction)
            span = program.measure(arguments.seconds, in_parts=True)
            promised = tuning.predicted(tuned, block_rate_ns, fraction)
            cells = [f"{tuning.rate_text(block_rate_ns)}, {fraction}"]
            for profile in ("block", "mutex"):
                counted = span.counters[f"{profile}_samples"] >= COUNTED
                cells.append(columns[profile].cell(
                    promised[profile], span.samples_per_s[profile], 1, counted))
            known = (span.cost_error <= COST_KNOWN
                     and min(tuned["costs"]["timed_waits"], span.timed_waits) >= TIMED)
            cells.append(columns["cost"].cell(
                100 * promised["cost_share"], 100 * span.cost_share, 3, known))
            cells.append(columns["added"].cell(promised["added_ns"], span.added_ns, 0, known))
            for profile in ("block", "mutex"):
                seen = (span.errors(profile) or (0, 0))[0]
                said = promised[f"{profile}_errors"][0] or 0
                counted = (span.counters[f"{profile}_samples"] >= COUNTED
                           and max(seen, said) >= SMALL_ERROR)
                cells.append(columns[f"{profile}_error"].cell(100 * said, 100 * seen, 2, counted))
            cells.append(f"{span.timed_pieces:.0f}, ±{100 * span.cost_error:.0f} %")
            print("| " + " | ".join(cells) + " |", flush=True)
    print("\nWorst factors: " + ", ".join(
        f"{name.replace('_', ' ')} {column.worst:.2f}" for name, column in columns.items()) + ".")


def main():
    arguments = parse_arguments()
    for name, argv, title in PROGRAMS:
        if arguments.only in (None, name):
            show_program(arguments, name, argv, title)


main()
