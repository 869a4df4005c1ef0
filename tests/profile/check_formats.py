#!/usr/bin/env python3
"""Checks folded and JSON output, and the table: check_formats.py REGION_TOOL"""
import json
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]


def run(*arguments):
    return subprocess.run([TOOL, *arguments], check=True, capture_output=True, text=True).stdout


def folded_is_root_first_and_sums_equal_stacks(region):
    lines = run("encode", "folded", "block", region).splitlines()
    assert lines == [
        "[truncated];tool_worker;tool_inlined;pthread_mutex_lock 255000000",
        "tool_worker;tool_inlined;pthread_mutex_lock 1000000",
    ], lines


def json_holds_meta_counters_and_stacks(region):
    profile = json.loads(run("encode", "json", "block", region))
    assert profile["profile"] == "block"
    assert profile["duration_ns"] == 0
    source = profile["sources"][0]
    assert source["pid"] == 4242 and source["region"] == "0123456789abcdef"
    assert source["block_rate_ns"] == 1 and source["counters"]["waits"] == 0
    first, second = profile["stacks"]
    assert (first["contentions"], first["delay_ns"], first["samples"]) == (16.0, 255000000, 16)
    assert second["contentions"] == 0.5 and second["delay_standard_error_ns"] == 1e5
    assert second["delay_squares_ns2"] == 1e10
    # Nothing was left to chance in the first; one sample says nothing of the second.
    assert first["delay_interval_ns"] == [255000000, 255000000], first
    assert "delay_interval_ns" not in second
    names = [frame["function"] for frame in first["frames"]]
    assert names == ["pthread_mutex_lock", "tool_inlined", "tool_worker", "[truncated]"], names
    assert first["frames"][1]["inlined"] and first["frames"][1]["line"] > 0
    assert any("wrapped" in line for line in profile["comments"])


def every_format_tells_kinds_apart_when_asked(region):
    stack = "tool_worker;tool_inlined;pthread_cond_wait"
    assert stack + " 57000000\n" in run("encode", "folded", "block", region)
    labelled = run("label", "folded", "block", region).splitlines()
    assert stack + ";[cond] 50000000" in labelled, labelled
    assert stack + ";[cond.reacquire] 7000000" in labelled, labelled
    text = run("encode", "text", "block", region)
    assert "57000000 3 @" in text and "kind" not in text.replace("kinds", ""), text
    text = run("label", "text", "block", region)
    assert "50000000 2 @" in text and "#\tkind: cond.reacquire\n" in text, text
    kinds = [stack["kind"] for stack in json.loads(run("encode", "json", "block", region))["stacks"]]
    assert kinds == ["cond", "cond.reacquire", "recv"], kinds


def the_table_tells_the_kinds_of_a_function_apart(region):
    text = run("report", "block", region)
    assert "\n           pthread_cond_wait\n" in text, text
    assert "\n           pthread_cond_wait (cond.reacquire)\n" in text, text


def the_table_names_who_waits(region):
    text = run("report", "block", region)
    assert text.startswith("Who waits (block): 256 ms (±0.1 %) in 16 waits\n"), text
    assert "pthread_mutex_lock\n" in text and "<- tool_inlined  region_tool.c:" in text, text
    assert all(len(line) <= 100 for line in text.splitlines()), text
    text = run("report", "mutex", region)
    assert "Who makes them wait (mutex): 70.0 ms (exact) in 7 waits" in text, text
    assert "10.0 ms" in text, text


def main():
    with tempfile.TemporaryDirectory() as directory:
        region = os.path.join(directory, "sample.wpr")
        run("sample", region)
        for check in (folded_is_root_first_and_sums_equal_stacks,
                      json_holds_meta_counters_and_stacks, the_table_names_who_waits):
            check(region)
            print("ok:", check.__name__)
        region = os.path.join(directory, "kinds.wpr")
        run("kinds", region)
        for check in (every_format_tells_kinds_apart_when_asked,
                      the_table_tells_the_kinds_of_a_function_apart):
            check(region)
            print("ok:", check.__name__)


main()
