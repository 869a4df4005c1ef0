#!/usr/bin/env python3
"""A budget in programs in which a storm breaks out: what it costs, and what the profiles say of it.

    check_budget.py --library L --command C --program DIRECTORY CASE
    check_budget.py --list

Nothing is timed here: costs are counts of what was done, times what the program itself reckons for
one of each.
"""

import argparse
import os
import subprocess
import sys

import storms

WINDOW_NS = 100_000_000

# The storm's first time, in which it may cost what it will.
MET_NS = 100_000_000

# Room for what is between the turns, and for what one costs changing meanwhile.
COST_SLACK = 1.2
SAMPLES_SLACK = 1.2
# An unlock that comes when no charges are left is charged nevertheless, once for those whom it
# leaves waiting: 40 in 100 ms are allowed on top, which shows at the smallest limits alone.
LAST_CHARGES_PER_S = 400

# The program reads its clock outside of the wrapper, which has work of its own to do; and may lose
# the processor between the two.
CLOCK_SHARE = 0.03
CLOCK_NS = 1_500

# Reads that take about as long as what counts as a wait, or lose the processor after it.
WAITS_SHARE = 0.05

HALF_PERCENT = 0.005
FINEST = {"WAITPROF_BLOCK_RATE": "1000", "WAITPROF_MUTEX_FRACTION": "2"}

STORMS = (
    storms.Storm("mutex", 8, 5_000),
    storms.Storm("hog", 8, 2_000),
    storms.Storm("rwlock", 8, 5_000),
    storms.Storm("condition", 4, 20_000),
    storms.Storm("pipe", 4, 20_000),
)

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Failed(Exception):
    pass


def that(truth, text):
    print("ok  " if truth else "FAIL", text, flush=True)
    if not truth:
        raise Failed(text)


def settings_of(budget, seed):
    return {"WAITPROF_BUDGET": budget, "WAITPROF_SEED": str(seed), **FINEST}


def check_cost(name, account, watched, budget_share):
    windows = watched.windows(account.storm_from_ns + MET_NS, account.storm_until_ns, WINDOW_NS)
    shares = [storms.cost_share(*window) for window in windows]
    that(len(shares) > 0, f"{name}: {len(shares)} windows of 100 ms were seen")
    that(
        max(shares) <= budget_share * COST_SLACK,
        f"{name}: at most {100 * max(shares):.3f} % in 100 ms, of {100 * budget_share:g} %",
    )


def check_total(name, what, estimate_ns, least_ns, most_ns, bound_ns, waits):
    slack_ns = CLOCK_SHARE * most_ns + CLOCK_NS * waits
    that(
        least_ns - bound_ns - slack_ns <= estimate_ns <= most_ns + bound_ns + slack_ns,
        f"{name}: {what} {estimate_ns / 1e9:.3f} s, truth "
        + (f"{least_ns / 1e9:.3f}" if least_ns == most_ns else
           f"{least_ns / 1e9:.3f} to {most_ns / 1e9:.3f}")
        + f" s, may miss by {bound_ns / 1e9:.3f} s and {slack_ns / 1e9:.3f} s",
    )


def check_waits(name, account, watched):
    bound = storms.bound_of_waits(account, watched) + WAITS_SHARE * account.waits
    that(abs(watched.waits - account.waits) <= bound,
         f"{name}: {watched.waits} waits, truth {account.waits}, may miss by {bound:.0f}")


def check_totals(name, storm, account, watched):
    block, mutex = watched.block, watched.mutex
    check_total(name, "block", block.delay_ns, account.delay_ns, account.delay_ns,
                storms.bound_of(account, watched, False), account.waits)
    if storm.kind == "pipe":
        check_waits(name, account, watched)
    if storm.kind not in ("mutex", "hog"):
        return
    # A waiter whose unlocks were passed over knows what it waited until it had the processor.
    check_total(
        name, f"mutex ({100 * mutex.unattributed_ns / max(mutex.delay_ns, 1):.0f} % to nobody)",
        mutex.delay_ns, account.blame_ns, account.delay_ns,
        storms.bound_of(account, watched, True), account.waits)


def is_finest(row):
    return (row.block_rate_ns, row.mutex_fraction, row.wait_fraction) == (1000, 2, 1)


def check_rates_came_back(name, account, watched):
    after = [row for row in watched.rows if row.time_ns > account.storm_until_ns]
    that(any(map(is_finest, after)), f"{name}: the finest rates came back after the storm")


def check_rates_moved(name, account, watched):
    coarsest = [max(getattr(row, rate) for row in watched.rows)
                for rate in ("wait_fraction", "block_rate_ns", "mutex_fraction")]
    that(not all(map(is_finest, watched.rows)),
         f"{name}: the rates moved; at most {coarsest[0]} / {coarsest[1]} ns / {coarsest[2]}")


@case
def the_programs_of_these_tests_run_bare(arguments):
    for storm in STORMS:
        short = storms.Storm(storm.kind, 4, 5_000, calm_ms=50, storm_ms=150, after_ms=50)
        account = storms.run_bare(arguments.program, short)
        that(account.waits > 0 and account.delay_ns > 0,
             f"{storm.kind}: {account.waits} waits of {account.delay_ns / 1e9:.3f} s")
        that(sum(slot["delay_ns"] for slot in account.slots) == account.delay_ns,
             f"{storm.kind}: its slots add up")


@case
def no_100_ms_of_a_storm_cost_more_than_the_budget(arguments):
    for seed, storm in enumerate(STORMS, 1):
        account, watched = storms.run(
            arguments.program, arguments.library, storm, settings_of("0.5%", seed))
        check_cost(storm.name, account, watched, HALF_PERCENT)
        check_totals(storm.name, storm, account, watched)
        # Of locks it is the machine's whim how many waits there are.
        if storm.kind in ("condition", "pipe"):
            check_rates_moved(storm.name, account, watched)


@case
def conditions_that_cost_too_much_are_not_split(arguments):
    storm = storms.Storm("condition", 4, 5_000)
    account, watched = storms.run(
        arguments.program, arguments.library, storm, settings_of("0.1%", 7))
    check_cost(storm.name, account, watched, HALF_PERCENT / 5)
    check_totals(storm.name, storm, account, watched)
    met = [row for row in watched.rows
           if account.storm_from_ns + MET_NS <= row.time_ns <= account.storm_until_ns]
    unsplit = sum(row.unsplit for row in met)
    that(unsplit > len(met) / 2, f"{storm.name}: {unsplit} of {len(met)} rows are unsplit")
    that(met[-1].conditions_unsplit > met[0].conditions_unsplit, f"{storm.name}: none was unsplit")


@case
def the_finest_rates_come_back_in_the_calm(arguments):
    for seed, storm in enumerate((
        storms.Storm("pipe", 4, 20_000, calm_ms=50, storm_ms=300, after_ms=1000),
        storms.Storm("condition", 4, 20_000, calm_ms=50, storm_ms=300, after_ms=1000),
    ), 11):
        account, watched = storms.run(
            arguments.program, arguments.library, storm, settings_of("0.5%", seed))
        check_rates_moved(storm.name, account, watched)
        check_rates_came_back(storm.name, account, watched)


@case
def totals_stay_true_at_every_budget(arguments):
    for kind, hold_ns in (("pipe", 20_000), ("mutex", 10_000), ("rwlock", 10_000)):
        storm = storms.Storm(kind, 4, hold_ns, calm_ms=50, storm_ms=500, after_ms=50)
        for seed, budget in enumerate(("off", "2%", "0.5%", "0.1%", "2000/s"), 21):
            account, watched = storms.run(
                arguments.program, arguments.library, storm, settings_of(budget, seed))
            check_totals(f"{storm.name}, {budget}", storm, account, watched)


@case
def a_number_of_samples_is_held(arguments):
    for seed, (kind, threads, hold_ns) in enumerate((("pipe", 4, 20_000), ("hog", 8, 2_000)), 41):
        storm = storms.Storm(kind, threads, hold_ns)
        for limit in (2000, 300):
            account, watched = storms.run(
                arguments.program, arguments.library, storm, settings_of(f"{limit}/s", seed))
            name = f"{storm.name}, {limit}/s"
            most = max(storms.samples_per_s(*window) for window in watched.windows(
                account.storm_from_ns + MET_NS, account.storm_until_ns, WINDOW_NS))
            that(most <= limit * SAMPLES_SLACK + LAST_CHARGES_PER_S,
                 f"{name}: at most {most:.0f}/s in 100 ms")
            check_totals(name, storm, account, watched)


@case
def forked_children_share_the_budget(arguments):
    for seed, (kind, hold_ns) in enumerate((("pipe", 20_000), ("mutex", 5_000)), 51):
        storm = storms.Storm(kind, 4, hold_ns, processes=3)
        account, watched = storms.run(
            arguments.program, arguments.library, storm, settings_of("0.5%", seed))
        check_cost(storm.name, account, watched, HALF_PERCENT)
        check_totals(storm.name, storm, account, watched)


@case
def a_lease_in_a_storm_is_held_by_the_budget(arguments):
    storm = storms.Storm("pipe", 4, 20_000, calm_ms=50, storm_ms=1000, after_ms=100)

    def lease(pid, directory):
        subprocess.run(
            [arguments.command, "rate", str(pid), "--block-rate", "1", "--mutex-fraction", "1",
             "--for", "300ms"],
            check=True, stdout=subprocess.DEVNULL, timeout=storms.TIMEOUT_S,
            env=dict(os.environ, WAITPROF_DIR=directory))

    def lease_in_the_storm(pid, directory):
        storms.wait_for_region(directory)
        storms.sleep_ms(300)
        lease(pid, directory)

    account, watched = storms.run(arguments.program, arguments.library, storm,
                                  settings_of("0.5%", 61), lease_in_the_storm)
    leased = [row for row in watched.rows if row.block_rate_ns == 1]
    that(leased, f"the lease was in force in {len(leased)} of {len(watched.rows)} lines")
    that(leased and leased[-1].time_ns < account.storm_until_ns, "and ended in the storm")
    check_cost("lease", account, watched, HALF_PERCENT)
    check_totals("lease", storm, account, watched)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the cases")
    parser.add_argument("--library", help="libwaitprof.so")
    parser.add_argument("--command", help="the waitprof command")
    parser.add_argument("--program", help="directory of storm and watch")
    parser.add_argument("case", nargs="?", choices=CASES)
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CASES))
        return 0
    try:
        CASES[arguments.case](arguments)
    except Failed:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
