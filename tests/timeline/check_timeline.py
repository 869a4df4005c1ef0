#!/usr/bin/env python3
"""Runs `waitprof record --every` on programs, and reads what it stored with `timeline` and
`report`: check_timeline.py --command WAITPROF --library LIBRARY --program HOLD_LOCK --phases PHASES
[CASE...]; --list prints the cases.

A case is a function; its name is the sentence that it proves.
"""

import datetime
import html.parser
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "push"), str(TESTS / "serve" / "conformance")]

import case_runner  # noqa: E402
import pprof_message  # noqa: E402
from case_runner import Failure, Skipped, case, expect  # noqa: E402
from push_case import Case, wait_until  # noqa: E402

AT_ALL_WAITS = ("--block-rate", "1", "--mutex-fraction", "1")


class Recorder:
    """A running `waitprof record --every`."""

    def __init__(self, case, pid, *words, every="200ms"):
        self.directory = case.directory / "slices"
        self.log = case.directory / f"record.{len(case.processes)}.log"
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [case.arguments.command, "record", "--every", every, "-o", str(self.directory)]
                + [*words, str(pid)],
                env=case.environment,
                stderr=stream,
            )
        case.processes.append(self.process)

    def files(self, metric="*"):
        return sorted(self.directory.glob(f"*/[!.]*.{metric}.pb.gz"))

    def wait(self, code=0):
        try:
            got = self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end: {self.text()}") from None
        expect(got == code, f"exit code {got}, not {code}: {self.text()}")

    def text(self):
        return self.log.read_text(errors="replace")


def run(case, *words, code=0, environment=None):
    done = subprocess.run(
        [case.arguments.command, *map(str, words)],
        env=dict(case.environment, **(environment or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    expect(done.returncode == code, f"{words}: status {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def read_timeline(case, *words):
    return json.loads(run(case, "timeline", "--format", "json", *words))


def stamp(text):
    """Seconds since 1970 of a time in a document."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def totals_of(files):
    """{metric: (contentions, delay)}"""
    totals = {"block": [0, 0], "mutex": [0, 0]}
    for path in files:
        metric = path.name.split(".")[-3]
        for sample in pprof_message.Profile.of_body(path.read_bytes()).samples:
            for i in (0, 1):
                totals[metric][i] += sample.values[i]
    return {metric: tuple(values) for metric, values in totals.items()}


def duration_of(path):
    return pprof_message.Profile.of_body(path.read_bytes()).duration_nanos / 1e9


def span_of(path):
    """Of a slice: from and until, in seconds since 1970."""
    until = datetime.datetime.strptime(path.name[:22], "%Y%m%dT%H%M%S.%f")
    until = until.replace(tzinfo=datetime.timezone.utc).timestamp()
    return until - duration_of(path), until


def start_phases(case, seconds):
    """The program, and when each of its phases begins, as far as it has come."""
    environment = dict(
        case.environment,
        LD_PRELOAD=case.arguments.library,
        WAITPROF_BLOCK_RATE="1",
        WAITPROF_MUTEX_FRACTION="1",
    )
    log = case.directory / "phases.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [case.arguments.phases, str(int(seconds * 1000))], env=environment, stdout=stream
        )
    case.processes.append(process)
    wait_until(lambda: log.read_text(), "the program has begun")
    return process, log


def record_phases(case, seconds=1.5, *words):
    process, log = start_phases(case, seconds)
    recorder = Recorder(case, process.pid, *words)
    recorder.wait()
    begins = {}
    for line in log.read_text().splitlines():
        name, milliseconds = line.split()
        begins[name] = int(milliseconds) / 1000
    return recorder, begins


@case
def the_timeline_names_the_hot_function_at_its_time(case):
    seconds = 1.5
    recorder, begins = record_phases(case, seconds)
    for metric in ("block", "mutex"):
        spans = [span_of(path) for path in recorder.files(metric)]
        words = ("--slice", "200ms", "--profile", metric)
        rows = read_timeline(case, *words, recorder.directory)["rows"]
        seen = {name: 0 for name in begins}
        for row in rows:
            for name, begin in begins.items():
                if is_within(row, spans, begin, begin + seconds):
                    seen[name] += 1
                    check_row(row, name)
        expect(all(seen.values()), f"{metric}: rows of each phase: {seen}")


def is_within(row, spans, begin, end):
    """Whether a row, and all slices that it has a part of, are of one phase: a wait belongs to the
    slice in which it ends, and one on either side of a change has something of both."""
    since, until = stamp(row["from"]), stamp(row["until"])
    touched = [span for span in spans if span[0] < until and span[1] > since]
    return all(begin + 0.05 <= a and b <= end for a, b in [*touched, (since, until)])


def check_row(row, phase):
    """A row in the middle of a phase."""
    expect(row["recorded_seconds"] > 0, f"{phase} is not recorded: {row}")
    if phase == "rest":
        expect(row["delay_ns"] == 0 and not row["functions"], f"not at rest: {row}")
        return
    expect(row["functions"], f"{phase} is cold: {row}")
    hottest = row["functions"][0]
    expect(hottest["function"] == phase and hottest["share"] > 0.9, f"{phase}: {row}")
    expect(0 < row["delay_per_second"] < 2.5, f"{phase}: {row}")


@case
def a_part_of_the_time_has_only_what_was_in_it(case):
    recorder, begins = record_phases(case)
    middle = begins["rest"] + 0.7
    at = datetime.datetime.fromtimestamp(middle, datetime.timezone.utc)
    at = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    early = run(case, "timeline", "--to", at, recorder.directory)
    late = run(case, "timeline", "--from", at, recorder.directory)
    expect("warm_cache" in early and "flush_log" not in early, early)
    expect("flush_log" in late and "warm_cache" not in late, late)
    only = run(case, "timeline", "--function", "^flush_", recorder.directory)
    expect("flush_log" in only and "warm_cache" not in only, only)
    locks = run(case, "timeline", "--kind", "lock", recorder.directory)
    expect("warm_cache" in locks, locks)
    none = run(case, "timeline", "--kind", "net", recorder.directory)
    expect("warm_cache" not in none and "idle" in none, none)


@case
def a_long_slice_has_its_part_in_a_time_that_ends_within_it(case):
    program = case.start_program()
    recorder = Recorder(case, program.pid)
    wait_until(lambda: len(recorder.files("block")) >= 3, "slices are stored")
    recorder.process.send_signal(signal.SIGSTOP)
    stopped = time.time()
    time.sleep(2)
    recorder.process.send_signal(signal.SIGCONT)
    wait_until(lambda: span_of(recorder.files("block")[-1])[1] > stopped + 2.2, "it goes on")
    recorder.process.send_signal(signal.SIGINT)
    recorder.wait()
    at = datetime.datetime.fromtimestamp(stopped + 1, datetime.timezone.utc)
    at = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    rows = read_timeline(case, "--slice", "200ms", "--to", at, recorder.directory)["rows"]
    expect(rows[-2]["delay_ns"] > 0, f"the end is lost: {rows}")


@case
def an_idle_slice_has_no_file_and_is_recorded(case):
    recorder, begins = record_phases(case)
    rest = begins["rest"] + 0.05
    spans = map(span_of, recorder.files())
    idle = [span for span in spans if rest < span[0] and span[1] < rest + 1.4]
    expect(not idle, f"files of a time at rest: {idle}")
    document = read_timeline(case, "--slice", "200ms", recorder.directory)
    expect(document["gaps_are_known"], "nothing is known of the gaps")
    text = run(case, "timeline", "--slice", "200ms", recorder.directory)
    expect(re.search(r"idle until", text) and "not recorded" not in text, text)


@case
def slices_add_up_to_what_the_program_counted(case):
    program = case.start_program(rates=("0", "0"))
    recorder = Recorder(case, program.pid, *AT_ALL_WAITS)
    wait_until(lambda: len(recorder.files()) >= 4, "slices are stored")
    # A recorder that does not run makes a longer slice, not a lost one.
    recorder.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    recorder.process.send_signal(signal.SIGCONT)
    stored = len(recorder.files())
    wait_until(lambda: len(recorder.files()) >= stored + 4, "slices are stored again")
    case.end_program(program)
    recorder.wait()
    truth, got = case.truth(program.pid), totals_of(recorder.files())
    expect(truth["block"][1] > 0 and truth["mutex"][1] > 0, f"{truth}")
    expect(got == truth, f"the slices have {got}, the program counted {truth}")
    longest = max(map(duration_of, recorder.files("block")))
    expect(longest >= 0.95, f"the longest slice has {longest} s")
    document = read_timeline(case, "--slice", "1h", recorder.directory)
    delay = sum(row["delay_ns"] for row in document["rows"])
    expect(abs(delay - truth["block"][1]) < 10, f"the timeline has {delay}: {truth}")


@case
def a_killed_recorder_leaves_whole_slices_and_the_next_goes_on(case):
    program = case.start_program()
    first = Recorder(case, program.pid)
    wait_until(lambda: len(first.files()) >= 6, "slices are stored")
    first.process.kill()
    first.process.wait()
    stored = set(first.files())
    before = read_timeline(case, "--slice", "100ms", first.directory)
    expect(before["profiles"] == len(first.files("block")), f"{before['profiles']} can be read")
    time.sleep(1.2)
    second = Recorder(case, program.pid)
    wait_until(lambda: len(second.files()) >= len(stored) + 6, "the next stores slices")
    second.process.send_signal(signal.SIGINT)
    second.wait()
    expect(stored <= set(second.files()), "slices of the first are gone")
    expect(not list(second.directory.glob("*/.*.new")), "a temporary file stays")
    rows = read_timeline(case, "--slice", "100ms", second.directory)["rows"]
    recorded = [row["recorded_seconds"] > 0 for row in rows]
    expect(recorded[0] and recorded[-1] and recorded.count(False) >= 8, f"{recorded}")
    expect(all(row["delay_ns"] == 0 for row in rows if row["recorded_seconds"] == 0), f"{rows}")
    text = run(case, "timeline", "--slice", "100ms", second.directory)
    expect("not recorded until" in text, text)


@case
def what_found_no_room_on_the_disk_is_in_the_next_slice(case):
    disk = case.directory / "slices"
    disk.mkdir()
    try:
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=96k,mode=700", "tmpfs", str(disk)],
            stderr=subprocess.PIPE,
            check=False,
        )
    except FileNotFoundError:
        raise Skipped("there is no mount command") from None
    if mount.returncode != 0:
        raise Skipped(f"no file system can be mounted here: {mount.stderr.decode().strip()}")
    try:
        fill_disk(case, disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def fill_disk(case, disk):
    program = case.start_program(rates=("0", "0"))
    recorder = Recorder(case, program.pid, *AT_ALL_WAITS, every="100ms")
    wait_until(lambda: "No space left on device" in recorder.text(), "the disk is full")
    stored = len(recorder.files("block"))
    time.sleep(0.8)
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    wait_until(lambda: "can be stored again" in recorder.text(), "there is room")
    wait_until(lambda: len(recorder.files("block")) >= stored + 4, "slices are stored again")
    case.end_program(program)
    recorder.wait()
    truth, got = case.truth(program.pid), totals_of(recorder.files())
    expect(got == truth, f"the slices have {got}, the program counted {truth}")
    longest = max(map(duration_of, recorder.files("block")))
    expect(longest >= 0.75, f"the longest slice has {longest} s")
    rows = read_timeline(case, "--slice", "100ms", disk)["rows"]
    expect(all(row["recorded_seconds"] > 0 for row in rows), f"a time is lost: {rows}")


class TextOfPage(html.parser.HTMLParser):
    """What a browser shows, and what it would have to load or run."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.loads = [], [], []
        self.feed(page)
        self.text = " ".join(self.text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "data") or name.startswith("on"):
                self.loads.append((tag, name, value))

    def handle_data(self, data):
        self.text.append(data)


def pictures_of(page):
    found = re.findall(r"(?s)<svg.*?</svg>", page)
    return [xml.etree.ElementTree.fromstring(picture) for picture in found]


@case
def the_page_of_a_report_has_a_picture_and_needs_nothing_else(case):
    recorder, _ = record_phases(case)
    page = run(case, "report", "--format", "html", recorder.directory)
    shown = TextOfPage(page)
    expect("script" not in shown.tags and not shown.loads, f"it loads {shown.loads}")
    for text in ("Who waits", "Who makes them wait", "warm_cache", "flush_log", "own cost"):
        expect(text in shown.text, f"{text} is not in the page")
    pictures = pictures_of(page)
    expect(len(pictures) == 2, f"{len(pictures)} pictures")
    for picture in pictures:
        check_picture(picture)


def check_picture(picture):
    """Bars lie on the axis, one on the other, inside the picture, with figures for the pointer."""
    space = "{http://www.w3.org/2000/svg}"
    _, _, width, height = map(float, picture.get("viewBox").split())
    titles = []
    for group in picture.iter(f"{space}g"):
        titles.append(group.find(f"{space}title").text)
        bars = group.iter(f"{space}rect")
        bars = [bar for bar in bars if re.fullmatch(r"p\d", bar.get("class", ""))]
        edge = None
        for bar in bars:
            x, y, w, h = (float(bar.get(name)) for name in ("x", "y", "width", "height"))
            is_inside = 0 <= x and x + w <= width and 0 <= y and y + h <= height
            expect(is_inside, f"outside: {bar.attrib}")
            expect(edge is None or abs(y + h - edge) < 0.02, f"a gap below {bar.attrib}")
            edge = y
        expect(bool(bars) != titles[-1].endswith("idle"), f"{titles[-1]}: {len(bars)} bars")
    for text in ("warm_cache", "flush_log", "idle"):
        expect(any(text in title for title in titles), f"nothing says {text}: {titles[:3]}")
    labels = [text.text for text in picture.iter(f"{space}text")]
    expect(any(label.endswith("s/s") for label in labels), f"no rates: {labels}")
    times = [label for label in labels if re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d+)?)?", label)]
    expect(len(times) >= 3, f"{labels}")


@case
def a_report_of_files_has_what_they_have(case):
    recorder, _ = record_phases(case)
    files = recorder.files("block")
    text = run(case, "report", "--by", "functions", *files)
    summary = r"Who waits \(block\): .* in \d+ waits, during .*, in \d+ profiles"
    expect(re.search(summary, text), text)
    for name in ("warm_cache", "flush_log", "block rate: 1 (every wait)", "own cost"):
        expect(name in text, f"{name}: {text}")
    expect("exact" in text, f"every wait was kept: {text}")
    alone = run(case, "report", files[0])
    expect("warm_cache" in alone and "flush_log" not in alone, alone)
    timeline = read_timeline(case, "--slice", "1h", *files)
    expect(timeline["profiles"] == len(files), f"{timeline['profiles']} of {len(files)}")
    compared = run(case, "diff", files[0], files[1])
    expect("warm_cache" in compared or "no change" in compared.lower(), compared)


@case
def a_region_is_reported_as_the_run_reports_it(case):
    process, _ = start_phases(case, 0.5)
    process.wait()
    text = run(case, "report", process.pid)
    for name in ("Who waits", "Who makes them wait", "warm_cache", "flush_log"):
        expect(name in text, f"{name}: {text}")
    page = TextOfPage(run(case, "report", "--format", "html", process.pid))
    expect("warm_cache" in page.text and "svg" not in page.tags, "a picture of no time")


@case
def times_are_on_the_readers_clock_or_in_utc(case):
    recorder, begins = record_phases(case, 0.6)
    india = {"TZ": "XIST-5:30"}
    local = datetime.datetime.fromtimestamp(
        begins["flush_log"], datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    )
    text = run(case, "timeline", recorder.directory, environment=india)
    expect("XIST (UTC+05:30)" in text, text)
    expect(local.strftime("%Y-%m-%d") in text, text)
    clock = local.strftime("%H:%M:%S")
    text = run(case, "timeline", "--from", clock, recorder.directory, environment=india)
    expect("flush_log" in text, text)
    text = run(case, "timeline", "--utc", recorder.directory, environment=india)
    expect(" UTC," in text and "+05:30" not in text, text)


@case
def bars_are_ascii_where_the_locale_is(case):
    recorder, _ = record_phases(case, 0.6)
    plain = run(case, "timeline", recorder.directory, environment={"LC_ALL": "C"})
    expect("####" in plain and plain.isascii(), plain)
    fine = run(case, "timeline", recorder.directory, environment={"LC_ALL": "C.UTF-8"})
    expect("█" in fine and "#" not in fine, fine)


@case
def the_oldest_slices_go_when_there_is_no_room_for_more(case):
    program = case.start_program()
    recorder = Recorder(case, program.pid, "--keep-bytes", "12k", every="100ms")
    seen = set()

    def has_rotated():
        seen.update(path.name for path in recorder.files())
        return len(seen) > len(recorder.files()) + 6

    wait_until(has_rotated, "slices go")
    recorder.process.send_signal(signal.SIGTERM)
    recorder.wait()
    kept = recorder.files()
    expect(0 < sum(path.stat().st_size for path in kept) <= 12 * 1024, f"{kept}")
    expect(list(recorder.directory.glob("*/.recorded")), "what was recorded is forgotten")
    expect("old ones removed" in recorder.text(), recorder.text())


@case
def slices_that_push_has_stored_are_a_timeline_too(case):
    program = case.start_program()
    push = case.start_push(case.directory / "slices", program.pid, every="200ms")
    slices = case.directory / "slices"
    wait_until(lambda: len(list(slices.glob("*/*.block.pb.gz"))) >= 4, "profiles")
    push.end()
    document = read_timeline(case, case.directory / "slices")
    expect(not document["gaps_are_known"], "push notes nothing of gaps")
    expect(any(row["delay_ns"] > 0 for row in document["rows"]), f"{document}")


@case
def what_cannot_be_shown_is_said(case):
    empty = case.directory / "empty"
    empty.mkdir()
    broken = case.directory / "slices" / "server.1"
    broken.mkdir(parents=True)
    (broken / "20261122T031400.000000Z.block.pb.gz").write_bytes(b"cut")
    for words, code, text in (
        ((empty,), 2, "has no slices"),
        ((case.directory / "nothing",), 3, "No such file"),
        (("--from", "yesterday", case.directory / "slices"), 2, "not a time; write 03:14"),
        ((case.directory / "slices",), 2, "there are no profiles"),
        ((__file__,), 4, "check_timeline.py"),
    ):
        done = subprocess.run(
            [case.arguments.command, "timeline", *map(str, words)],
            env=case.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        said = done.stderr.decode()
        expect(done.returncode == code and text in said, f"{words}: {done.returncode}: {said}")


if __name__ == "__main__":
    sys.exit(case_runner.main(Case, {
        "command": "waitprof", "library": "libwaitprof.so", "program": "hold_lock",
        "phases": "phases"}))
