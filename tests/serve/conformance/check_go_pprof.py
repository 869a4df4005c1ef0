#!/usr/bin/env python3
"""What `go tool pprof` makes of a live server, of every endpoint that it can read.

    check_go_pprof.py --scratch DIRECTORY --go-server FILE
        Go's own server: that proves the test.
    check_go_pprof.py --scratch DIRECTORY --command FILE --library FILE --program FILE LIBRARY...
        `waitprof serve`. The LIBRARY, without symbols, is what pprof cannot name.

Exit status 77: there is no `go tool pprof` here, or no graphviz.
"""

import argparse
import concurrent.futures
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

import answers
from servers import GoServer, WaitprofServer

SKIPPED = 77
# A duration that is not 0, as pprof prints it.
POSITIVE = r"[0-9.]*[1-9][0-9.]*(ns|us|ms|s)"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", required=True, help="where temporary files may be")
    parser.add_argument("--go-server", help="the program of go_server.go")
    parser.add_argument("--command", help="the waitprof command")
    parser.add_argument("--library", help="libwaitprof.so")
    parser.add_argument("--program", help="the program of contended.c")
    parser.add_argument("libraries", nargs="*", help="what the program loads")
    return parser.parse_args()


class Recorder(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the server and notes each: (method, path, body, status)."""

    protocol_version = "HTTP/1.1"

    def hand_on(self):
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length) if length else None
        answer = answers.ask(self.server.behind, self.command, self.path, body=body)
        self.server.requests.append((self.command, self.path, body, answer.status))
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in answers.UNCOMPARED_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = hand_on

    def log_message(self, *_):
        pass


class Pprof:
    """Runs the tool and counts what was expected of its output and not there."""

    def __init__(self, scratch):
        self.environment = dict(os.environ, HOME=scratch, PPROF_TMPDIR=scratch)
        self.runs = self.expectations = self.failed = 0

    def run(self, *words):
        self.runs += 1
        return subprocess.run(
            ["go", "tool", "pprof", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def fail(self, text):
        self.failed += 1
        print("FAIL  " + text)

    def expect(self, words, *patterns, status=0, stream="stdout"):
        """Some line matches each pattern; the tool warns of nothing. Returns its output."""
        result = self.run(*words)
        what = "go tool pprof " + " ".join(words)
        if (result.returncode == 0) != (status == 0):
            self.fail(f"{what}: exit status {result.returncode}: {result.stderr}")
            return result.stdout
        if status == 0 and re.search(r"(?i)warn|error|fail|malformed|unable", result.stderr):
            self.fail(f"{what}: {result.stderr}")
        output = getattr(result, stream)
        for pattern in patterns:
            self.expectations += 1
            if not re.search(pattern, output, re.MULTILINE):
                self.fail(f"{what}: no line matches {pattern}\n{output[:1000]}")
        return result.stdout


def total(function):
    """A line of -top with a positive cumulative delay of the function."""
    return rf"% +{POSITIVE} +[0-9.]+% +(\S*[.:])?{re.escape(function)}( |$)"


def check_picture(pprof, url, function):
    """The graph as SVG: well-formed, with a box for the function."""
    pprof.expectations += 1
    try:
        picture = xml.etree.ElementTree.fromstring(pprof.expect(["-svg", url], "<svg "))
    except xml.etree.ElementTree.ParseError as error:
        pprof.fail(f"-svg {url}: {error}")
        return
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    # A box has the parts of a name on lines of their own.
    if function.rsplit(".", 1)[-1] not in texts:
        pprof.fail(f"-svg {url}: no box of {function}: {texts}")


def check_views(pprof, url, server, kind):
    """Every form of report, from one profile each."""
    function = server.functions[kind]
    name = re.escape(function)
    pprof.expect(["-top", url], "^Type: delay", rf"of {POSITIVE} total", total(function))
    pprof.expect(["-top", "-sample_index=contentions", url], "^Type: contentions", name)
    pprof.expect(["-top", "-mean", "-sample_index=delay", url], name)
    pprof.expect(["-tree", url], name)
    pprof.expect([f"-peek={name}", url], name)
    pprof.expect(["-traces", url], rf"^ +{POSITIVE} +\S+", name)
    pprof.expect(["-dot", url], name)
    check_picture(pprof, url, function)
    pprof.expect(["-list=" + name, url], rf"^ROUTINE =+ .*{name} in .*/\S+:?", "[lL]ock")
    raw = pprof.expect(["-raw", url], "^PeriodType: contentions count$", "^Period: 1$", name)
    if re.search(r"^Duration", raw, re.MULTILINE):
        pprof.fail(f"{url}: a cumulative profile has a duration")
    for symbolizer in ("none", "local", "remote", "force"):
        pprof.expect([f"-symbolize={symbolizer}", "-top", url], name)
    pprof.expect(["-top", url + "?debug=1"], "^Type: delay", name)
    pprof.expect(["-top", url.removeprefix("http://")], name)


def samples(raw):
    """Sum of the contentions of -raw."""
    part = raw.split("Samples:", 1)[1].split("Locations", 1)[0]
    return sum(int(count) for count in re.findall(r"^ +(\d+) +\d+:", part, re.MULTILINE))


def check_sums(pprof, url, server, kind):
    """Merged with itself, and less itself."""
    function = server.functions[kind]
    focus = ["-focus=" + re.escape(function), "-raw"]
    once = samples(pprof.expect([*focus, url]))
    twice = samples(pprof.expect([*focus, url, url]))
    if not 0 < once * 2 == twice:
        pprof.fail(f"{url}: {once} contentions, and {twice} when merged with itself")
    saved = pprof.run("-proto", "-output=" + pprof.environment["HOME"] + f"/{kind}.pb.gz", url)
    if saved.returncode != 0:
        pprof.fail(f"-proto {url}: {saved.stderr}")
    server.program.obey("burst")
    base = f"{pprof.environment['HOME']}/{kind}.pb.gz"
    for option in ("-base", "-diff_base"):
        pprof.expect(["-top", f"{option}={base}", url], total(function))
    # The delta of a span in which the program contends.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        by_option = pool.submit(pprof.expect, ["-raw", "-seconds", "1", url], "^Duration: 1")
        by_url = pool.submit(pprof.expect, ["-top", url + "?seconds=1"], total(function))
        while not by_option.done() or not by_url.done():
            server.program.obey("burst")
        if function not in by_option.result():
            pprof.fail(f"-seconds 1 {url}: no {function}")


def check_refusals(pprof, root):
    """pprof shows the server's own words where the server says that it is one."""
    for path, words in (
        ("nope", "Unknown profile"),
        ("block?seconds=abc", 'invalid value for "seconds" - must be a positive integer'),
    ):
        pprof.expect(["-top", root + path], re.escape(words), status=1, stream="stderr")


def check_ours(pprof, root, server):
    """Endpoints that Go does not have."""
    of_program = root.replace("/debug/", f"/pid/{server.pid}/debug/")
    for kind, function in server.functions.items():
        pprof.expect(["-top", of_program + kind], total(function))
        check_picture(pprof, of_program + kind, function)
        pprof.expect(["-top", root + f"{kind}?kind=lock"], total(function))
        pprof.expect(["-tags", root + f"{kind}?labels=kind"], "^ *kind:", ": mutex$")
        pprof.expect(["-top", of_program + f"{kind}?debug=1"], function)
        # The first is since the program's start, or since whoever asked before.
        pprof.expect(["-raw", root + f"delta_{kind}"], "^Period: 1$")
        server.program.obey("burst")
        pprof.expect(["-top", root + f"delta_{kind}"], total(function))


def check_remote_symbols(pprof, server):
    """What the server could not name, pprof asks for: it must get an answer, or it gives up."""
    server.program.obey("load")
    proxy = http.server.ThreadingHTTPServer((answers.HOST, 0), Recorder)
    proxy.behind = server.port
    proxy.requests = []
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        url = f"http://{answers.HOST}:{proxy.server_address[1]}/debug/pprof/block"
        pprof.expect(["-top", url], total("pthread_mutex_lock"))
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
    asked = [request for request in proxy.requests if request[0] == "POST"]
    pprof.expectations += 1
    if [(path, status) for _, path, _, status in asked] != [("/debug/pprof/symbol", 200)]:
        pprof.fail(f"for symbols, pprof asked for {asked} of {proxy.requests}")


def check(pprof, server):
    root = f"http://{answers.HOST}:{server.port}/debug/pprof/"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(check_views, pprof, root + kind, server, kind) for kind in server.functions
        ]
        for future in futures:
            future.result()
    for kind in server.functions:
        check_sums(pprof, root + kind, server, kind)
    check_refusals(pprof, root)
    if isinstance(server, WaitprofServer):
        check_ours(pprof, root, server)
        check_remote_symbols(pprof, server)


def main():
    arguments = parse_arguments()
    for tool in ("go", "dot"):
        if shutil.which(tool) is None:
            print(f"skipped: there is no {tool} here")
            sys.exit(SKIPPED)
    if arguments.go_server:
        server = GoServer(arguments.go_server)
    else:
        server = WaitprofServer(
            arguments.command, arguments.library, arguments.program, arguments.libraries
        )
    began = time.monotonic()
    with server, tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        pprof = Pprof(scratch)
        if pprof.run("-help").returncode not in (0, 2):
            print("skipped: there is no go tool pprof here")
            sys.exit(SKIPPED)
        check(pprof, server)
    print(
        f"{pprof.runs} runs of go tool pprof, {pprof.expectations} expectations,"
        f" {pprof.failed} failed, {time.monotonic() - began:.1f} s"
    )
    sys.exit(1 if pprof.failed else 0)


main()
