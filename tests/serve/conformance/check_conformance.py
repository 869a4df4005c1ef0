#!/usr/bin/env python3
"""Compares the answers of `waitprof serve` with those of Go's own server, request by request.

    check_conformance.py --go-server FILE
        Go with Go: two servers that are alike. No difference is allowed.
    check_conformance.py --go-server FILE --command FILE --library FILE --program FILE
        Go with waitprof. Every difference must be one of documented_differences.py, and every one
        of those must be there.

In both cases answers that were spoilt on purpose must be told from good ones first.
"""

import argparse
import concurrent.futures
import sys

import answers
import documented_differences
import table
from servers import GoServer, WaitprofServer
from spoilt_answers import SPOILINGS


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--go-server", required=True, help="the program of go_server.go")
    parser.add_argument("--command", help="the waitprof command")
    parser.add_argument("--library", help="libwaitprof.so")
    parser.add_argument("--program", help="the program of contended.c")
    return parser.parse_args()


def observe_table(server):
    """Everything, in one order for each server: {name of the row: observation}."""
    server.stacks_at_start = {kind: answers.stacks(server, kind) for kind in server.functions}
    observations = {row.name: row.observe(server) for row in table.QUICK}
    with concurrent.futures.ThreadPoolExecutor(len(table.SLOW)) as pool:
        slow = {row.name: pool.submit(row.observe, server) for row in table.SLOW}
        observations.update((name, future.result()) for name, future in slow.items())
    for row in table.BUSY:
        observations[row.name] = row.observe(server)
    return observations


def different_aspects(one, other):
    return sorted(
        aspect for aspect in {*one, *other} if one.get(aspect) != other.get(aspect)
    )


class Comparison:
    def __init__(self, documented):
        self.documented = documented
        self.used = set()
        self.rows = self.aspects = self.unexplained = 0

    def row(self, name, go_answer, our_answer, where=""):
        self.rows += 1
        self.aspects += len({*go_answer, *our_answer})
        for aspect in different_aspects(go_answer, our_answer):
            ours = our_answer.get(aspect)
            difference = next(
                (entry for entry in self.documented if entry.explains(name, aspect, ours)), None
            )
            if difference is not None:
                self.used.add(difference)
                continue
            self.unexplained += 1
            print(f"FAIL  {where}{name}: {aspect}")
            print(f"        Go:   {go_answer.get(aspect)!r}")
            print(f"        ours: {ours!r}")

    def end(self):
        for entry in self.documented:
            if entry not in self.used:
                self.unexplained += 1
                print(f"FAIL  a documented difference is none: {entry.reason}")
        for entry in self.documented:
            if entry in self.used:
                print(f"documented: {entry.reason}")
        print(
            f"{self.rows} rows compared in {self.aspects} aspects: {len(self.used)} documented"
            f" differences, {self.unexplained} unexplained"
        )


def check_spoilt(server):
    """Every spoilt answer must be seen. Returns how many were not."""
    missed = 0
    rows = {row.name: row for row in table.QUICK + table.SLOW}
    good = {name: rows[name].ask(server) for name in {spoiling.row for spoiling in SPOILINGS}}
    for spoiling in SPOILINGS:
        row, answer = rows[spoiling.row], good[spoiling.row]
        spoilt = row.look(spoiling.spoil(answer), server)
        found = different_aspects(row.look(answer, server), spoilt)
        if not found:
            missed += 1
            print(f"FAIL  {spoiling.name} of '{row.name}' was not seen")
    print(f"{len(SPOILINGS)} spoilt answers, {missed} not seen")
    return missed


def observe_below(server, prefix):
    """The same requests below another path: {name of the row: observation}."""
    server.stacks_at_start = {kind: answers.stacks(server, kind) for kind in server.functions}
    server.prefix = prefix
    return {row.name: row.observe(server) for row in table.BELOW}


def compare(reference, subject, documented):
    with reference, subject, concurrent.futures.ThreadPoolExecutor(2) as pool:
        observed = [pool.submit(observe_table, server) for server in (reference, subject)]
        go_answers, our_answers = (future.result() for future in observed)
        missed = check_spoilt(reference)
        of_program = {}
        if isinstance(subject, WaitprofServer):
            of_program = observe_below(subject, f"/pid/{subject.pid}")
    comparison = Comparison(documented)
    for name in go_answers:
        comparison.row(name, go_answers[name], our_answers[name])
    for name, answer in of_program.items():
        comparison.row(name, go_answers[name], answer, "below /pid/N, ")
    comparison.end()
    return comparison.unexplained + missed


def main():
    arguments = parse_arguments()
    reference = GoServer(arguments.go_server)
    if arguments.command is None:
        subject, documented = GoServer(arguments.go_server), []
    else:
        subject = WaitprofServer(arguments.command, arguments.library, arguments.program)
        documented = documented_differences.of(reference.go_version)
    sys.exit(1 if compare(reference, subject, documented) else 0)


main()
