"""Runs cases: functions that are marked as such, each in a scratch of its own, by their names.

A program of cases marks them with @case and ends with sys.exit(main(...)). With --list it prints
their names, which is how the build knows them; with names it runs those, else all. The exit status
is 1 if any failed, 77 if all that were named were skipped.
"""

import argparse
import subprocess
import time
import traceback

CASES = {}


class Failure(Exception):
    """What a case found to be wrong."""


class Skipped(Exception):
    """Why a case cannot be run here."""


def case(function):
    CASES[function.__name__] = function
    return function


def expect(condition, text):
    if not condition:
        raise Failure(text)


def main(scratch_of, options):
    """`scratch_of(arguments)` gives the context that a case gets; `options` are those that it needs,
    by name, with their help."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    for name, help_text in options.items():
        parser.add_argument(f"--{name}", help=help_text)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CASES))
        return 0
    failed = skipped = 0
    for name in arguments.cases or CASES:
        begin = time.monotonic()
        try:
            with scratch_of(arguments) as scratch:
                CASES[name](scratch)
            word = "ok"
        except Skipped as reason:
            skipped += 1
            word = f"skipped: {reason}"
        except (Failure, OSError, subprocess.SubprocessError, KeyError, ValueError) as failure:
            failed += 1
            word = f"FAILED: {failure}"
            if not isinstance(failure, Failure):
                traceback.print_exc()
        print(f"{name}: {word} ({time.monotonic() - begin:.1f} s)", flush=True)
    if failed:
        return 1
    return 77 if skipped and skipped == len(arguments.cases) else 0
