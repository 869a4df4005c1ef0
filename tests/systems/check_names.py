#!/usr/bin/env python3
"""Units, manifests and documents name only commands, options and variables that exist.

    check_names.py WAITPROF SOURCE UNITS
"""
import pathlib
import re
import subprocess
import sys

waitprof, source, units = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])

# Options of the units' own variables.
VARIABLES_OF_UNITS = {"WAITPROF_PUSH_TO": None, "WAITPROF_PUSH_OPTIONS": "push"}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# A command line, up to what ends it: a quote, a pipe, a comment.
COMMAND = re.compile(r"(?:^|[\s`\"'/])waitprof (?:[a-z0-9./:=-]+ )*?"
                     r"(serve|push|record|rate|top|ls|export|prune|run|doctor)\b([^`|#;&]*)")
ARGUMENTS = re.compile(r"args: \[\"([a-z]+)\"(.*)\]")

helps = {}


def help_of(command):
    if command not in helps:
        done = subprocess.run([waitprof, command, "--help"], capture_output=True, text=True,
                              check=True)
        helps[command] = set(OPTION.findall(done.stdout))
    return helps[command]


def command_lines(text):
    """Yields command and the rest of its line; lines that end in a backslash go on."""
    for line in text.replace("\\\n", " ").splitlines():
        yield from COMMAND.findall(line)
        yield from ARGUMENTS.findall(line)
        for variable, command in VARIABLES_OF_UNITS.items():
            if command is not None and f"{variable}=" in line:
                yield command, line


def manual_variables():
    pages = "".join(page.read_text() for page in (source / "docs/man").iterdir())
    return set(re.findall(r"\bWAITPROF_[A-Z_]+", pages)) | set(VARIABLES_OF_UNITS)


def main():
    files = sorted(units.iterdir()) + sorted((source / "docs/examples").rglob("*.*")) + [
        source / "docs/systemd.md", source / "docs/containers.md"]
    known, breaches, checked = manual_variables(), [], 0
    for file in files:
        text = file.read_text()
        for command, rest in command_lines(text):
            for option in OPTION.findall(rest):
                checked += 1
                if option not in help_of(command):
                    breaches.append(f"{file.name}: waitprof {command} has no {option}")
        for variable in set(re.findall(r"\bWAITPROF_[A-Z_]+", text)) - known:
            breaches.append(f"{file.name}: no manual page names {variable}")
    for breach in breaches:
        print(breach)
    print(f"{checked} options in {len(files)} files")
    # A pattern that finds nothing would find no breach either.
    return 1 if breaches or checked < 20 else 0


sys.exit(main())
