#!/usr/bin/env python3
"""Prometheus finds the programs at /sd, scrapes each, and answers queries with their delays.

    check_prometheus.py --command FILE --library FILE --program FILE --document FILE

The configuration is the one of docs/scraping.md (--document), with another address and interval.
Skipped (77) where prometheus and promtool are not installed.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "conformance"))
from servers import Program, WaitprofServer  # noqa: E402

SKIPPED = 77
DEADLINE_S = 90  # of everything that is waited for
TIMEOUT_S = 10
COMMAND_BYTES = 15  # the kernel cuts command names


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", required=True, help="the waitprof command")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--program", required=True, help="the program of contended.c")
    parser.add_argument("--document", required=True, help="docs/scraping.md")
    return parser.parse_args()


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        return answer.headers, answer.read().decode()


def until(what, found):
    """Calls `found` until it gives something; what went wrong last is told at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    problem = None
    while time.monotonic() < deadline:
        try:
            result = found()
            if result:
                return result
            problem = repr(result)
        except OSError as error:
            problem = str(error)
        time.sleep(0.2)
    raise SystemExit(f"FAIL  not in {DEADLINE_S} s: {what} ({problem})")


def require(truth, what):
    if not truth:
        raise SystemExit(f"FAIL  {what}")
    print(f"ok    {what}")


def documented_configuration(document, address):
    """The first YAML block that has scrape_configs, with this server's address, each second."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    configuration = next(block for block in blocks if "job_name: waitprof\n" in block)
    require("127.0.0.1:6060" in configuration, "the document's configuration names the default")
    configuration = configuration.replace("127.0.0.1:6060", address)
    return re.sub(r"((?:scrape|refresh)_interval): \w+", r"\1: 1s", configuration)


def documented_expressions(document):
    """The indented blocks of "What to ask"."""
    section = document.read_text().partition("### What to ask\n")[2].partition("\n### ")[0]
    return re.findall(r"(?:^    .+\n)+", section, re.MULTILINE)


class Prometheus:
    def __init__(self, configuration):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="waitprof-prometheus-"))
        self.file = self.directory / "prometheus.yml"
        self.file.write_text(configuration)
        self.log = open(self.directory / "log", "w+", encoding="utf-8")

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={self.file}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def is_ready(self):
        if self.process.poll() is not None:
            raise SystemExit(f"FAIL  prometheus ended: {self.said()}")
        return bool(fetch(f"{self.url}/-/ready"))

    def query(self, expression):
        """[(labels, value)]"""
        parameters = urllib.parse.urlencode({"query": expression})
        answer = json.loads(fetch(f"{self.url}/api/v1/query?{parameters}")[1])
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]

    def said(self):
        return (self.directory / "log").read_text()

    def __enter__(self):
        self.start()
        until("prometheus is ready", self.is_ready)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def check_format(url, media_type):
    headers, text = fetch(url)
    require(headers["Content-Type"] == media_type, f"{url} has the content type {media_type}")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
    )
    require(
        checked.returncode == 0 and not checked.stdout and not checked.stderr,
        f"promtool has nothing to say of {url} {checked.stdout}{checked.stderr}",
    )
    return text


def delays(text, pid):
    """{(profile, kind): seconds} of one program in the text."""
    pattern = (
        r'^waitprof_delay_seconds_total\{command="\w+",pid="%d",region="[0-9a-f]{8}",'
        r'profile="(\w+)",kind="([^"]+)",family="\w+"\} ([0-9.]+)$'
    )
    found = re.findall(pattern % pid, text, re.MULTILINE)
    return {(profile, kind): float(value) for profile, kind, value in found}


def check_queries(prometheus, url, programs):
    pids = {str(program.process.pid) for program in programs}

    def targets_up():
        rows = prometheus.query('up{job="waitprof"} == 1')
        instances = {labels["instance"].rpartition("/pid/")[2] for labels, _ in rows}
        return pids <= instances

    until("every program is a target that is up", targets_up)
    print("ok    every program is a target that is up")
    for program in programs:
        program.obey("burst")
    text = fetch(f"{url}/metrics")[1]
    for profile, kind in (("block", "mutex"), ("mutex", "mutex"), ("block", "cond")):
        wanted = {str(p.process.pid): delays(text, p.process.pid)[profile, kind] for p in programs}
        expression = (
            f'waitprof_delay_seconds_total{{job="waitprof",profile="{profile}",kind="{kind}"}}'
        )

        def same_values():
            rows = {labels["pid"]: value for labels, value in prometheus.query(expression)}
            return all(rows.get(pid) == value for pid, value in wanted.items())

        require(all(value > 0 for value in wanted.values()), f"{profile} {kind}: there is a delay")
        until(f"{expression} is {wanted}", same_values)
        print(f"ok    {expression} is {wanted}")
    labels = prometheus.query(
        f'waitprof_delay_seconds_total{{job="waitprof",pid="{min(pids)}",kind="mutex"}}'
    )[0][0]
    require(
        labels["command"] == programs[0].argv[0].rpartition("/")[2][:COMMAND_BYTES]
        and labels["service_name"] == labels["command"]
        and labels["family"] == "sync"
        and labels["instance"].endswith(f"/pid/{min(pids)}")
        and not any(name.startswith("exported_") for name in labels),
        f"the labels are as documented: {labels}",
    )
    counters = prometheus.query('count by (__name__) ({job="waitprof",__name__=~".+_total"})')
    names = {labels["__name__"] for labels, _ in counters}
    require(len(names) > 10, f"{len(names)} names of counters")
    for name in names:
        resets = prometheus.query(f'max(resets({name}{{job="waitprof"}}[5m]))')
        if resets[0][1] != 0:
            raise SystemExit(f"FAIL  {name} has decreased")
    print("ok    no counter has ever decreased")


def check_expressions(prometheus, document):
    expressions = documented_expressions(document)
    require(len(expressions) > 4, f"{len(expressions)} expressions are documented")
    for expression in expressions:
        try:
            prometheus.query(expression)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"FAIL  {expression}: {error.read()}") from error
    print("ok    prometheus understands each of them")


def check(server, arguments):
    url = f"http://127.0.0.1:{server.port}"
    second = Program([arguments.program], server.environment)
    programs = [server.program, second]
    pids = {str(program.process.pid) for program in programs}

    def discovered():
        listed = json.loads(fetch(f"{url}/sd")[1])
        return {entry["labels"]["__meta_waitprof_pid"] for entry in listed}

    until("both programs are listed", lambda: pids <= discovered())
    document = pathlib.Path(arguments.document)
    configuration = documented_configuration(document, f"127.0.0.1:{server.port}")
    with Prometheus(configuration) as prometheus:
        check_queries(prometheus, url, programs)
        check_expressions(prometheus, document)
        media_type = "text/plain; version=0.0.4; charset=utf-8"
        check_format(f"{url}/metrics", media_type)
        text = check_format(f"{url}/pid/{server.pid}/metrics", media_type)
        require(set(re.findall(r'pid="(\d+)"', text)) == {str(server.pid)}, "of one program alone")
        second.stop()
        until("a program that ends leaves the list", lambda: str(second.process.pid) not in discovered())
        print("ok    a program that ends leaves the list")


def main():
    arguments = parse_arguments()
    for tool in ("prometheus", "promtool"):
        if shutil.which(tool) is None:
            print(f"skipped: there is no {tool}; it is in the package prometheus")
            sys.exit(SKIPPED)
    name = os.path.basename(arguments.program)[:COMMAND_BYTES]
    with WaitprofServer(
        arguments.command, arguments.library, arguments.program, words=[name]
    ) as server:
        check(server, arguments)


main()
