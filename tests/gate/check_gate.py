#!/usr/bin/env python3
"""Runs `waitprof gate` on made captures and on those of a real program: exit statuses, what it
writes for CI services, and the examples of docs/gate.md."""

import html
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import case_runner  # noqa: E402
from case_runner import Skipped, case, expect  # noqa: E402
from made_captures import write_capture, write_side  # noqa: E402

PASS, REGRESSION, USAGE, TOO_LITTLE, FILE = range(5)
QUIET = {"store_put": 400_000_000, "store_get": 100_000_000, "log_line": 20_000_000}
OPERATIONS = 24
HOLD_US = 2000
LONGER = 6  # times, so that it is found on a machine that has much else to do
CAPTURES_MAX = 32


class Case:
    """A scratch directory."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="waitprof-gate-"))
        (self.directory / "regions").mkdir(mode=0o700)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WAITPROF_", "LD_PRELOAD"))
        }
        self.environment["WAITPROF_DIR"] = str(self.directory / "regions")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.directory)

    def side(self, name, delays, **more):
        return write_side(self.directory / name, delays, **more)

    def run(self, *words):
        return subprocess.run(
            list(map(str, words)), env=self.environment, cwd=self.directory, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
        )

    def gate(self, code, *words):
        """The result of a gate that must exit with `code`."""
        result = self.run(self.arguments.command, "gate", *words)
        expect(result.returncode == code,
               f"exit status {result.returncode}, not {code}: {result.stdout}{result.stderr}")
        return result

    def judge(self, code, *words):
        """The same with what it prints as JSON."""
        return json.loads(self.gate(code, "--json", *words).stdout)

    def capture(self, prefix, hold_us):
        result = self.run(
            self.arguments.command, "run", "-q", "--block-rate", "1ns", "--mutex-fraction", "1",
            "-o", prefix, "--", self.arguments.program, OPERATIONS, hold_us)
        expect(result.returncode == 0, result.stderr)


def with_change(**times):
    return {name: int(ns * times.get(name, 1)) for name, ns in QUIET.items()}


# --- Verdicts ----------------------------------------------------------------------------------


@case
def equal_captures_pass(case):
    base, new = case.side("base", QUIET), case.side("new", QUIET, shift=3)
    found = case.judge(PASS, base, "--", new)
    expect(found["verdict"] == "pass" and found["more_captures"] == 0, found)
    expect(found["captures_base"] == found["captures_new"] == 10, found)
    expect({row["function"] for row in found["functions"]} == set(QUIET), found)
    expect(abs(found["total"]["base_ns"] - 52_000_000) < 1e6, found)
    expect(found["unit"] == "s", found)


@case
def an_increase_below_the_limit_passes_and_one_above_it_does_not(case):
    base = case.side("base", QUIET)
    more = with_change(store_put=1.2, store_get=1.2, log_line=1.2)
    new = case.side("new", more, shift=3)
    case.judge(PASS, base, "--", new, "--max-regression", "25%")
    case.judge(PASS, base, "--", new, "--max-regression=50")
    found = case.judge(REGRESSION, base, "--", new)
    expect(found["total"]["verdict"] == "regression", found)
    expect(found["total"]["ratio_low"] > 1.05, found)
    expect(1.19 < found["total"]["ratio"] < 1.21, found)
    case.judge(PASS, new, "--", base)


@case
def a_regression_that_an_improvement_hides_is_named(case):
    base = case.side("base", QUIET)
    new = case.side("new", with_change(store_put=0.8, store_get=1.5), shift=3)
    found = case.judge(REGRESSION, base, "--", new)
    expect(found["total"]["verdict"] == "pass", found)
    verdicts = {row["function"]: row["verdict"] for row in found["functions"]}
    expect(verdicts == {"store_put": "pass", "store_get": "regression", "log_line": "pass"}, found)
    text = case.gate(REGRESSION, base, "--", new).stdout
    expect("store_get (store.c) rose from 10.0 ms to 15.0 ms (+4" in text, text)
    # The rare function is below one percent of the delay.
    expect(case.judge(PASS, base, "--", new, "--function", "^store_put$")["functions"][0]["function"]
           == "store_put", "--function")
    case.judge(REGRESSION, base, "--", new, "--function", "get")


@case
def a_function_of_less_than_1_percent_is_not_judged_by_itself(case):
    base = case.side("base", dict(QUIET, rare=1_000_000))
    new = case.side("new", dict(QUIET, rare=2_000_000), shift=3)
    found = case.judge(PASS, base, "--", new)
    expect({row["function"] for row in found["functions"]} == set(QUIET), found)
    case.judge(REGRESSION, base, "--", new, "--function", "rare")


@case
def captures_that_differ_much_are_too_little_and_more_are_asked_for(case):
    for name, scale in (("base", 1.0), ("new", 1.05)):
        directory = case.directory / name
        directory.mkdir()
        for number, times in enumerate((0.8, 1.2, 1.0)):
            write_capture(directory / f"{number}.pb.gz", {"f": int(1e8 * times * scale)})
    found = case.judge(TOO_LITTLE, "base", "--", "new")
    expect(found["verdict"] == "too little data" and found["more_captures"] > 3, found)
    text = case.gate(TOO_LITTLE, "base", "--", "new").stdout
    expect(f"about {found['more_captures']} more of each side" in text, text)


@case
def a_single_capture_is_too_little(case):
    base, new = case.side("base", QUIET), case.side("new", with_change(store_put=9))
    for words, side in (((base / "00.pb.gz", new / "00.pb.gz"), "each side"),
                        ((base, "--", new / "00.pb.gz"), "NEW"),
                        ((base / "00.pb.gz", "--", new), "BASE")):
        found = case.judge(TOO_LITTLE, *words)
        expect(found["more_captures"] == 4, found)
        expect(f"take 4 more of {side}." in found["reason"], found)


@case
def nothing_to_judge_is_too_little(case):
    base, new = case.side("base", QUIET), case.side("new", QUIET)
    found = case.judge(TOO_LITTLE, base, "--", new, "--function", "no_such_function")
    expect("--function" in found["reason"], found)
    text = case.gate(TOO_LITTLE, base, "--", new, "--function", "no_such_function").stdout
    expect("No capture has any delay" in text, text)


@case
def a_release_that_does_not_wait_at_all_is_too_little(case):
    base = case.side("base", QUIET)
    renamed = case.side("renamed", {"store_put_v2": 800_000_000, "log_line": 20_000_000}, shift=3)
    off = case.side("off", dict.fromkeys(QUIET, 0))
    for words in ((base, "--", renamed, "--function", "^store_put$"), (base, "--", off)):
        found = case.judge(TOO_LITTLE, *words)
        expect(found["verdict"] == found["total"]["verdict"] == "too little data", found)
        expect(found["total"]["base_ns"] > 0 and found["total"]["new_ns"] == 0, found)
        text = case.gate(TOO_LITTLE, *words).stdout
        expect("No capture of NEW has any delay" in text, text)
    found = case.judge(REGRESSION, off, "--", base)
    expect(found["total"]["verdict"] == "regression", found)


@case
def copies_of_one_capture_are_too_little(case):
    base = case.side("base", QUIET)
    for name in ("a", "b"):
        shutil.copy(base / "00.pb.gz", case.directory / name)
    found = case.judge(TOO_LITTLE, "a", "b", "--", "a", "b")
    expect("copies" in found["reason"], found)


@case
def copies_that_know_the_error_of_their_samples_are_too_little(case):
    for name in ("base", "new"):
        case.capture(name, HOLD_US)
    found = case.judge(TOO_LITTLE, *["base.block.pb.gz"] * 40, "--", *["new.block.pb.gz"] * 40)
    expect("copies" in found["reason"] and found["more_captures"] == 0, found)


@case
def operations_may_differ_between_the_sides(case):
    base, new = case.side("base", QUIET), case.side("new", with_change(**dict.fromkeys(QUIET, 2)))
    case.judge(REGRESSION, base, "--", new, "--per", "operation", "100")
    found = case.judge(PASS, base, "--", new, "--per", "operation", "100,200")
    expect(found["unit"] == "operation" and abs(found["total"]["ratio"] - 1) < 0.03, found)


# --- Errors --------------------------------------------------------------------------------------


@case
def files_that_cannot_be_used_look_like_no_verdict(case):
    base, new = case.side("base", QUIET), case.side("new", QUIET)
    damaged = case.directory / "damaged.pb.gz"
    damaged.write_bytes(b"\x1f\x8bnonsense")
    for words in ((base, "--", "missing.pb.gz"), (base, "--", damaged),
                  (base, "--", new, "--junit", "no/such/directory/x.xml"),
                  (base, "--", new, "--markdown", "no/such/directory/x.md"),
                  (base, "--", new, "--markdown", base)):
        result = case.gate(FILE, *words)
        expect(result.stderr.startswith("waitprof: gate: ") and result.stderr.count("\n") == 1,
               result.stderr)
        expect(not result.stdout, f"a verdict: {result.stdout}")
    with open("/dev/full", "w") as full:
        result = subprocess.run([case.arguments.command, "gate", base, "--", new], stdout=full,
                                stderr=subprocess.PIPE, text=True)
    expect(result.returncode == FILE, f"full disk: {result.returncode} {result.stderr}")
    expect(result.stderr == "waitprof: gate: standard output: No space left on device; "
           "make room there, or write elsewhere\n", result.stderr)


@case
def wrong_usage_is_status_2(case):
    base, new = case.side("base", QUIET), case.side("new", QUIET)
    for words, text in (
        ((), "is missing"),
        ((base,), "NEW is missing"),
        ((base, "--"), "NEW is missing"),
        ((base, new, base), "of which side is it?"),
        ((base, "--", new, "--max-regression", "5parsecs"), "not a percentage"),
        ((base, "--", new, "--max-regression", "%"), "not a percentage"),
        ((base, "--", new, "--max-regression=-5%"), "not a percentage"),
        ((base, "--", new, "--max-regression", "1.2.3%"), "not a percentage"),
        ((base, "--", new, "--max-regression", "99999%"), "name at most 10000%"),
        ((base, "--", new, "--function", "("), "("),
        ((base, "--", new, "--per", "week"), "not a value for --per"),
        ((base, "--", new, "--junti", "x"), "did you mean \"--junit\"?"),
    ):
        result = case.gate(USAGE, *words)
        expect(text in result.stderr and not result.stdout, f"{words}: {result.stderr}")


# --- Formats -----------------------------------------------------------------------------------

# What the two schemas that are in use (Jenkins, and the one of Ant's reports) both allow.
JUNIT = {
    "testsuites": ((), ("testsuite",)),
    "testsuite": (
        ("name", "package", "id", "tests", "failures", "errors", "skipped", "time", "timestamp",
         "hostname"),
        ("properties", "testcase", "system-out", "system-err")),
    "properties": ((), ("property",)),
    "property": (("name", "value"), ()),
    "testcase": (("classname", "name", "time"), ("failure", "error", "skipped")),
    "failure": (("type", "message"), ()),
    "error": (("type", "message"), ()),
    "skipped": (("message",), ()),
    "system-out": ((), ()),
    "system-err": ((), ()),
}


def check_junit(path):
    """The test suite, once it is what the schemas say."""
    root = xml.etree.ElementTree.parse(path).getroot()
    expect(root.tag == "testsuites" and len(root) == 1, "one test suite")
    for element in root.iter():
        attributes, children = JUNIT[element.tag]
        expect(sorted(element.attrib) == sorted(attributes), f"{element.tag}: {element.attrib}")
        expect(all(child.tag in children for child in element), f"in {element.tag}")
        expect(len(element) <= 1 or element.tag != "testcase", "one outcome a test case")
    suite = root[0]
    order = [child.tag for child in suite]
    expect(order == ["properties"] + ["testcase"] * (len(order) - 3) + ["system-out", "system-err"],
           order)
    names = [test.get("name") for test in suite.iter("testcase")]
    expect(len(names) == len(set(names)), f"test cases of one name: {names}")
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp")), "timestamp")
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"),
                           ("skipped", "skipped")):
        expect(int(suite.get(attribute)) == sum(1 for _ in suite.iter(tag)),
               f"{attribute}: {suite.attrib}")
    return suite


def outcomes(suite):
    return {test.get("name"): test[0].tag if len(test) else "passed"
            for test in suite.iter("testcase")}


@case
def junit_has_a_test_case_for_the_total_and_for_each_function(case):
    base, same = case.side("base", QUIET), case.side("same", QUIET, shift=3)
    new = case.side("new", with_change(store_put=0.8, store_get=1.5), shift=3)
    path = case.directory / "report.xml"
    case.gate(PASS, base, "--", same, "--junit", path)
    expect(set(outcomes(check_junit(path)).values()) == {"passed"}, path.read_text())
    expect(len(outcomes(check_junit(path))) == 4, path.read_text())
    case.gate(REGRESSION, base, "--", new, "--junit", path)
    suite = check_junit(path)
    expect(outcomes(suite) == {"total": "passed", "store_put (store.c)": "passed",
                               "store_get (store.c)": "failure", "log_line (store.c)": "passed"},
           outcomes(suite))
    message = suite.find("testcase/failure").get("message")
    expect("from 10.0 ms to 15.0 ms: +50" in message and "limit +5 %" in message, message)
    case.gate(TOO_LITTLE, base / "00.pb.gz", "--", same, "--junit", path)
    expect(outcomes(check_junit(path)) == {"total": "error"}, path.read_text())
    expect("4 more of BASE" in check_junit(path).find("testcase/error").get("message"),
           path.read_text())


# Names that a file may have, though no compiler makes all of them.
HOSTILE = [
    "std::map<int, char*>::operator[](int const&)",
    "a|b`c`\\|d",
    "<script>alert('x')</script>",
    "x[link](http://example.com) @team #1 *bold* _low_ ~~gone~~",
    "new\nline\ttab\x01\x7f",
    "naïve::größe",
    "]]>&amp;\"quoted\"",
    "a" * 3000,
    "no\ufffecharacter\uffff",
    "www.example.com WWW.example.com user@example.com mailto:user@example.com",
]


def table_rows(markdown):
    return [line for line in markdown.splitlines() if line.startswith("| <code>")]


@case
def hostile_names_stay_in_their_cells(case):
    delays = {name: 100_000_000 for name in HOSTILE}
    base = case.side("base", delays)
    new = case.side("new", {name: 200_000_000 for name in HOSTILE}, shift=3)
    xml_path, markdown_path = case.directory / "x.xml", case.directory / "x.md"
    result = case.gate(REGRESSION, base, "--", new, "--junit", xml_path, "--markdown", markdown_path)
    expect(not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", result.stdout), "control characters")
    suite = check_junit(xml_path)
    names = [test.get("name") for test in suite.iter("testcase")]
    expect(len(names) == len(HOSTILE) + 1, names)
    expect("<script>alert('x')</script> (store.c)" in names, names)
    markdown = markdown_path.read_text()
    rows = table_rows(markdown)
    expect(len(rows) == len(HOSTILE), markdown)
    cells = [row.split("|") for row in rows]
    expect(all(len(row) == 8 for row in cells), markdown)
    texts = [re.fullmatch(r" <code>(.*)</code> ", row[1]).group(1) for row in cells]
    # What GitHub's Markdown would link is divided, as it looks for that in decoded text, too.
    parts = [html.unescape(part) for text in texts for part in text.split("<!-- -->")]
    expect(not any(re.search(r"www\..|@.|:/", part, re.IGNORECASE) for part in parts), parts)
    expect("www." not in markdown.lower(), markdown)
    texts = [text.replace("<!-- -->", "") for text in texts]
    # Nothing is left that Markdown or HTML could take for its own.
    expect(not any(re.search(r"[<>`*_~@\[\]\\|!]|&(?!#\d+;)|(?<!&)#", text) for text in texts),
           texts)
    shown = {html.unescape(text) for text in texts}
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[5], HOSTILE[9]):
        expect(f"{name} (store.c)" in shown, f"{name} in {shown}")


@case
def the_markdown_summary_is_added_to_what_is_there(case):
    base, new = case.side("base", QUIET), case.side("new", QUIET, shift=3)
    path = case.directory / "summary.md"
    path.write_text("# Build\n\n")
    case.gate(PASS, base, "--", new, "--markdown", path)
    case.gate(PASS, base, "--", new, "--markdown", path)
    text = path.read_text()
    expect(text.startswith("# Build\n\n### Contention: pass\n\n"), text)
    expect(text.count("### Contention: pass\n") == 2, text)
    expect(text.count("| delay of | base | new | change | interval | verdict |\n"
                      "| --- | ---: | ---: | ---: | --- | --- |\n| total | ") == 2, text)


# --- A real program ----------------------------------------------------------------------------


@case
def a_longer_critical_section_is_found_in_a_real_program(case):
    """With as many captures as the gate asks for."""
    def captures(name, profile):
        return sorted(case.directory.glob(f"{name}*.{profile}.pb.gz"))

    taken, wanted = 0, 5
    for profile in ("mutex", "block"):
        words = ("--per", "operation", OPERATIONS, "--function", "store_write", "--json")
        while True:
            for number in range(taken, wanted):
                case.capture(case.directory / f"base{number:02}", HOLD_US)
                case.capture(case.directory / f"new{number:02}", LONGER * HOLD_US)
            taken = max(taken, wanted)
            base, new = captures("base", profile), captures("new", profile)
            result = case.run(case.arguments.command, "gate", *base, "--", *new, *words)
            if result.returncode != TOO_LITTLE or taken >= CAPTURES_MAX:
                break
            wanted = min(CAPTURES_MAX, taken + json.loads(result.stdout)["more_captures"])
        expect(result.returncode == REGRESSION, f"{result.returncode} {result.stdout}")
        found = json.loads(result.stdout)
        expect(found["profile"] == profile and found["captures_base"] == taken, found)
        expect(found["functions"][0]["function"] == "store_write", found)
        expect(found["functions"][0]["verdict"] == "regression", found)
        case.judge(PASS, *new, "--", *base, *words, "--max-regression", "100%")
        case.judge(TOO_LITTLE, base[0], "--", new[0], *words)


# --- The examples ------------------------------------------------------------------------------


def yaml_blocks(document):
    return re.findall(r"^```yaml\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


def load_examples(case):
    """The GitHub workflow and the GitLab pipeline of docs/gate.md."""
    try:
        import yaml
    except ImportError:
        raise Skipped("python3-yaml is missing") from None
    blocks = [yaml.safe_load(text)
              for text in yaml_blocks(pathlib.Path(case.arguments.documents) / "gate.md")]
    expect(len(blocks) == 2, f"{len(blocks)} examples")
    return blocks


# An image whose package lists are empty until `apt-get update`, and whose programs `git` and `make`
# run once they are installed.
APT_GET = """#!/bin/bash
tools=$(dirname "$0")
case $1 in
update) touch "$tools/lists" ;;
install)
    [ -e "$tools/lists" ] || { echo "E: Unable to locate package"; exit 100; }
    for name in git make; do
        [[ " $* " != *" $name "* ]] || mv "$tools/.$name" "$tools/$name"
    done ;;
esac
"""
# Builds a program that keeps its lock for as long as the file `hold_us` says.
MAKE = """#!/bin/sh
directory=.
[ "$1" != -C ] || directory=$2
mkdir -p "$directory/build"
echo "exec {program} {operations} $(cat "$directory/hold_us")" >"$directory/build/bench"
chmod +x "$directory/build/bench"
"""


def make_tools(directory, program, installed):
    """What the runner brings with it: `make` and packages are replaced."""
    directory.mkdir()
    make = MAKE.format(program=shlex.quote(program), operations=OPERATIONS)
    for name, text in (
        ("apt-get", APT_GET),
        ("sudo", '#!/bin/sh\nexec "$@"\n'),
        (".make", make),
        (".git", f'#!/bin/sh\nexec {shutil.which("git")} "$@"\n'),
        *((name, "#!/bin/sh\necho not installed\nexit 127\n") for name in ("git", "make")),
    ):
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    for name in installed:
        (directory / f".{name}").rename(directory / name)


def git(directory, *words):
    subprocess.run(["git", "-c", "user.name=Test", "-c", "user.email=test@localhost", *words],
                   cwd=directory, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def make_releases(case):
    """A repository with the new release on the branch of a request; returns its URL."""
    if shutil.which("git") is None:
        raise Skipped("git is missing")
    work = case.directory / "work"
    git(case.directory, "init", "-q", "-b", "main", work)
    for branch, hold_us in (("main", HOLD_US), ("longer", LONGER * HOLD_US)):
        (work / "hold_us").write_text(str(hold_us))
        git(work, "checkout", "-q", "-B", branch)
        git(work, "add", "hold_us")
        git(work, "commit", "-q", "-m", branch)
    return f"file://{work}"


def check_out(url, project, branch):
    """As CI services do: that branch alone."""
    git(project.parent, "init", "-q", project)
    git(project, "remote", "add", "origin", url)
    git(project, "fetch", "-q", "--depth", "20", "origin", f"+refs/heads/{branch}:refs/pipelines/1")
    git(project, "checkout", "-q", "--detach", "refs/pipelines/1")


def run_example(case, project, script, installed):
    """Runs the lines of a CI job, which must find a regression."""
    tools = case.directory / "tools"
    make_tools(tools, case.arguments.program, installed)
    summary = case.directory / "summary.md"
    environment = dict(case.environment, CAPTURES="5", GITHUB_STEP_SUMMARY=str(summary),
                       CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    command = pathlib.Path(case.arguments.command)
    environment["PATH"] = f"{tools}:{command.parent}:{environment['PATH']}"
    result = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=project,
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=60)
    expect(result.returncode == REGRESSION, f"exit status {result.returncode}: {result.stdout}")
    return summary


@case
def the_github_example_finds_a_regression(case):
    workflow, _ = load_examples(case)
    expect("pull_request" in workflow[True], workflow)  # YAML 1.1 reads `on` as true
    (job,) = workflow["jobs"].values()
    script = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    url, project = make_releases(case), case.directory / "project"
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout"):
            given = step.get("with", {})
            branch = {None: "longer", "${{ github.base_ref }}": "main"}[given.get("ref")]
            check_out(url, project / given.get("path", ""), branch)
    summary = run_example(case, project, script, installed=("git", "make"))
    suite = check_junit(project / "contention.xml")
    expect("failure" in outcomes(suite).values(), outcomes(suite))
    expect("### Contention: regression" in summary.read_text(), summary.read_text())
    uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    expect(len(uploads) == 1 and uploads[0]["if"] == "always()", uploads)
    for path in uploads[0]["with"]["path"].split():
        expect((project / path).exists(), f"{path} is uploaded, but not there")


@case
def the_gitlab_example_finds_a_regression(case):
    _, pipeline = load_examples(case)
    (job,) = pipeline.values()
    url, project = make_releases(case), case.directory / "project"
    check_out(url, project, "longer")
    # What an earlier job left behind, of which the runner removes the files alone.
    git(project, "worktree", "add", "base", "HEAD")
    git(project, "clean", "-qffdx")
    run_example(case, project, "\n".join(job["script"]), installed=())
    suite = check_junit(project / job["artifacts"]["reports"]["junit"])
    expect("failure" in outcomes(suite).values(), outcomes(suite))
    expect(job["artifacts"]["when"] == "always", job)
    for path in job["artifacts"]["paths"]:
        expect((project / path).exists(), f"{path} is kept, but not there")


if __name__ == "__main__":
    sys.exit(case_runner.main(Case, {
        "command": "waitprof", "program": "contended_store", "documents": "directory of gate.md"}))
