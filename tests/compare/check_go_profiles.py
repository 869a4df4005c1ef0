#!/usr/bin/env python3
"""Reads what Go and its tools wrote: check_go_profiles.py PPROF_TOOL REGION_TOOL GO_PROFILES

What is read is held against `go tool pprof -raw`. Exit status 77: there is no `go tool pprof`.
"""
import os
import re
import subprocess
import sys
import tempfile

TOOL, REGION_TOOL, GO_PROFILES = sys.argv[1:4]


class Reading:
    """What pprof_tool prints of a file."""

    def __init__(self, path):
        done = subprocess.run([TOOL, path], capture_output=True, text=True, check=False)
        self.refusal = done.stdout if done.returncode == 1 else None
        assert done.returncode in (0, 1), (done.returncode, done.stderr)
        if self.refusal is not None:
            return
        head, _, body = done.stdout.partition("\n\n")
        self.facts = dict(line.split(": ", 1) for line in head.splitlines())
        self.stacks = [line.split(" ", 6) for line in body.splitlines()]

    def samples(self):
        """(contentions, delay, [functions]) of each stack."""
        return sorted((int(s[0]), int(s[1]), s[6].split(";")) for s in self.stacks)


def pprof(*arguments):
    return subprocess.run(["go", "tool", "pprof", *arguments], capture_output=True, text=True,
                          check=True).stdout


def raw_samples(path):
    """The same as Reading.samples, by `go tool pprof -raw`."""
    samples, locations = [], {}
    section = None
    for line in pprof("-raw", path).splitlines():
        if line in ("Samples:", "Locations", "Mappings"):
            section = line
        elif section == "Samples:" and (match := re.match(r" +(\d+) +(\d+): ([\d ]+)", line)):
            samples.append((int(match[1]), int(match[2]), [int(i) for i in match[3].split()]))
        elif section == "Locations":
            if match := re.match(r" +(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(.*)", line):
                functions = locations.setdefault(int(match[1]), [])
                line = match[2]
            # "NAME FILE:LINE[:COLUMN] s=START", and names of Go have no spaces.
            functions.append(line.split()[0])
    return sorted((count, delay, [name for i in ids for name in locations[i]])
                  for count, delay, ids in samples)


def profiles_of_go_are_read(directory):
    for kind in ("block", "mutex"):
        for name in (kind + ".pb.gz", kind + ".pb", kind + "-delta.pb.gz"):
            path = os.path.join(directory, name)
            reading = Reading(path)
            assert reading.refusal is None, reading.refusal
            expected = raw_samples(path)
            assert len(expected) >= 1, (name, "has no samples")
            assert reading.samples() == expected, (name, reading.samples(), expected)
            assert reading.facts["type"] == kind and reading.facts["ours"] == "no", reading.facts
            assert reading.facts["errors"] == "no" and reading.facts["kinds"] == "no"
            assert int(reading.facts["delay_ns"]) == sum(sample[1] for sample in expected)
            is_delta = "delta" in name
            assert (int(reading.facts["duration_ns"]) >= 10**9) == is_delta, (name, reading.facts)
            assert is_delta or reading.facts["duration_ns"] == "0"
            functions = {name for _, _, names in reading.samples() for name in names}
            asked = "main.waitForData" if kind == "block" else "main.holdTheLock"
            assert asked in functions, (asked, functions)


def what_go_tool_pprof_merged_is_read(directory):
    merged = os.path.join(directory, "merged.pb.gz")
    parts = [os.path.join(directory, name) for name in ("block.pb.gz", "block-delta.pb.gz")]
    pprof("-proto", "-output", merged, *parts)
    reading = Reading(merged)
    assert reading.samples() == raw_samples(merged)
    total = sum(int(Reading(part).facts["delay_ns"]) for part in parts)
    assert int(reading.facts["delay_ns"]) == total
    assert reading.facts["type"] == "block"


def a_merged_file_of_ours_is_ours_without_errors(directory):
    region = os.path.join(directory, "sample.wpr")
    ours = os.path.join(directory, "ours.pb.gz")
    merged = os.path.join(directory, "ours-merged.pb.gz")
    subprocess.run([REGION_TOOL, "sample", region], check=True)
    for kind in ("block", "mutex"):
        with open(ours, "wb") as out:
            subprocess.run([REGION_TOOL, "encode", "pprof", kind, region], check=True, stdout=out)
        reading = Reading(ours)
        assert reading.facts["type"] == kind and reading.facts["ours"] == "yes"
        assert reading.facts["errors"] == "yes"
        assert reading.samples() == raw_samples(ours)
        pprof("-proto", "-output", merged, ours, ours)
        merger = Reading(merged)
        assert merger.facts["type"] == kind and merger.facts["ours"] == "yes"
        assert merger.facts["errors"] == "no"
        assert int(merger.facts["delay_ns"]) == 2 * int(reading.facts["delay_ns"])


def a_difference_by_go_tool_pprof_is_refused(directory):
    path = os.path.join(directory, "difference.pb.gz")
    pprof("-proto", "-output", path, "-diff_base", os.path.join(directory, "block.pb.gz"),
          os.path.join(directory, "block-delta.pb.gz"))
    refusal = Reading(path).refusal
    assert refusal is not None and "difference of two profiles" in refusal, refusal


def other_profiles_of_go_are_refused_by_name(directory):
    for name, what in (("cpu.pb.gz", "a CPU profile"), ("heap.pb.gz", "a heap profile"),
                       ("goroutine.pb.gz", "goroutines"), ("threadcreate.pb.gz", "threads"),
                       ("block.txt", "without ?debug=1"), ("mutex.txt", "without ?debug=1")):
        refusal = Reading(os.path.join(directory, name)).refusal
        assert refusal is not None and what in refusal and name in refusal, (name, refusal)


def main():
    try:
        subprocess.run(["go", "tool", "-n", "pprof"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: no go tool pprof")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        os.environ["HOME"] = os.environ["PPROF_TMPDIR"] = directory
        subprocess.run([GO_PROFILES, directory], check=True, timeout=60)
        for check in (profiles_of_go_are_read, what_go_tool_pprof_merged_is_read,
                      a_merged_file_of_ours_is_ours_without_errors,
                      a_difference_by_go_tool_pprof_is_refused,
                      other_profiles_of_go_are_refused_by_name):
            check(directory)
            print("ok:", check.__name__)
    return 0


sys.exit(main())
