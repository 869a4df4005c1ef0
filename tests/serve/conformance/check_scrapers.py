#!/usr/bin/env python3
"""Scrapes a live server as Alloy and Parca do, and holds every answer to their rules.

    check_scrapers.py --command FILE --library FILE --program FILE LIBRARY...

Meanwhile the program loads and unloads the libraries, forks, and contends in all of them. The
function that waits in LIBRARY is named like its file.
"""

import argparse
import concurrent.futures
import pathlib
import sys
import threading
import time

import answers
import profile_rules
from pprof_message import Malformed, Profile
from servers import WaitprofServer

SCRAPES = 20
INTERVAL_S = 0.05
SCRAPE_TIMEOUT_S = 10  # Alloy's


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", required=True, help="the waitprof command")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--program", required=True, help="the program of contended.c")
    parser.add_argument("libraries", nargs="+", help="what the program loads")
    return parser.parse_args()


def scrape(server, name):
    answer = answers.ask(server.port, "GET", server.profile_path(name), timeout=SCRAPE_TIMEOUT_S)
    if answer.status != 200:
        raise SystemExit(f"{name}: status {answer.status}: {answer.body!r}")
    try:
        return Profile.of_body(answer.body)
    except Malformed as error:
        raise SystemExit(f"{name}: {error}") from error


class Scraper:
    """One client: profiles of one endpoint, one after the other, and what was wrong with them."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.profiles = []
        self.found = []

    def scrape(self):
        profile = scrape(self.server, self.name)
        self.found += profile_rules.breaches(profile)
        self.profiles.append(profile)

    def run(self):
        for _ in range(SCRAPES):
            self.scrape()
            time.sleep(INTERVAL_S)


def keep_busy(program, is_over):
    while not is_over.is_set():
        for command in ("load", "fork", "burst"):
            program.obey(command)


def run_scrapers(server, names):
    scrapers = [Scraper(server, name) for name in names]
    is_over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1 + len(scrapers)) as pool:
        busy = pool.submit(keep_busy, server.program, is_over)
        try:
            for run in [pool.submit(scraper.run) for scraper in scrapers]:
                run.result()
        finally:
            is_over.set()
        busy.result()
    # Once more, now that nothing happens.
    for scraper in scrapers:
        scraper.scrape()
    return {scraper.name: scraper for scraper in scrapers}


def add_up(profiles, function):
    """What somebody has who stores deltas."""
    sums = {}
    for profile in profiles:
        for identity, values in profile.values(function).items():
            before = sums.get(identity, (0, 0))
            sums[identity] = tuple(new + old for new, old in zip(values, before))
    return sums


def check_cumulative(scraper, functions):
    profiles = scraper.profiles
    for earlier, later in zip(profiles, profiles[1:]):
        scraper.found += profile_rules.breaches_between(earlier, later)
    if not profile_rules.breaches_between(profiles[-1], profiles[0]):
        scraper.found.append("the last profile is no later than the first")
    for function in functions:
        if not profiles[-1].values(function):
            scraper.found.append(f"no stack passes through {function}")


def check_delta(scraper, cumulative, functions):
    """Of functions in which nothing happens after the program's last "done"."""
    for function in functions:
        expected = {
            identity: tuple(values)
            for identity, values in cumulative.profiles[-1].values(function).items()
        }
        if add_up(scraper.profiles, function) != expected:
            scraper.found.append(f"of {function}, the deltas do not add up to the profile")


def main():
    arguments = parse_arguments()
    in_libraries = [pathlib.Path(library).stem for library in arguments.libraries]
    with WaitprofServer(
        arguments.command, arguments.library, arguments.program, arguments.libraries
    ) as server:
        # Who holds the lock while others wait for it is seldom in a library.
        functions = {kind: [function] for kind, function in server.functions.items()}
        functions["block"] += in_libraries
        names = [*functions, *("delta_" + kind for kind in functions)]
        scrapers = run_scrapers(server, names)
    for kind in functions:
        check_cumulative(scrapers[kind], functions[kind])
        check_delta(scrapers["delta_" + kind], scrapers[kind], functions[kind])
    failed = 0
    for scraper in scrapers.values():
        samples = len(scraper.profiles[-1].samples)
        print(f"{scraper.name}: {len(scraper.profiles)} scrapes, {samples} stacks at the end")
        for breach in scraper.found[:20]:
            print(f"FAIL  {scraper.name}: {breach}")
        failed += len(scraper.found)
    sys.exit(1 if failed else 0)


main()
