#!/usr/bin/env python3
"""100 000 malformed requests, then hundreds of slow clients: `waitprof serve` goes on serving.

    check_attack.py --command FILE --library FILE --program FILE [--requests N] [--seed N]
        [--sanitized]

Meanwhile a decent client asks, and must get the right answer each time. Afterwards the server has as
many descriptors as before, has not taken more memory than it may, and the program has noticed
nothing. --sanitized: the command was built with a sanitizer, which has its own idea of memory.
"""

import argparse
import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "conformance"))
from malformed_requests import KNOWN_PATHS, Malformed  # noqa: E402
from servers import WaitprofServer  # noqa: E402

HOST = "127.0.0.1"
WORKERS = 4  # processes
THREADS = 6  # of each
PIPELINED = 20  # well-formed requests on one connection
CONNECT_TIMEOUT_S = 20
SILENCE_S = 0.05  # after which the server is taken to wait for more
DECENT_TIMEOUT_S = 20
SLOW_CLIENTS = 450
SLOW_S = 5
SETTLE_S = 60
MEMORY_BYTES = 200 << 20  # more than before
# What may be answered to nonsense. A failure inside (500) is not among it.
STATUSES = {100, 200, 301, 400, 401, 403, 404, 405, 408, 411, 413, 414, 417, 431, 501, 503, 505}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", required=True, help="the waitprof command")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--program", required=True, help="the program of contended.c")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


# --- Those who attack --------------------------------------------------------------------------


def connect(port, receive_bytes=None):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    # Closing resets: no port stays behind for a minute.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.settimeout(CONNECT_TIMEOUT_S)
    client.connect((HOST, port))
    return client


def exchange(port, data):
    """Sends everything and reads until the server is done with it, or says nothing for a while."""
    received = []
    try:
        with connect(port) as client:
            client.settimeout(SILENCE_S)
            client.sendall(data)
            while True:
                part = client.recv(1 << 16)
                if not part:
                    break
                received.append(part)
    except OSError:
        pass  # it waits for more, or has closed with something unread
    return b"".join(received)


def well_formed(source, is_last):
    """A request without a mistake of form, which may share a connection."""
    junk = source.random.choice(("", "", "x", "/", "/..", "%41"))
    target = f"{source.path()}{junk}?{source.query()}"
    return b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (
        target.encode(),
        b"Connection: close\r\n" if is_last else b"",
    )


def attack(port, seed, count):
    """Sends `count` requests. Returns how often each status came back, and "sent"."""
    source = Malformed(random.Random(seed))
    told = collections.Counter()
    while told["sent"] < count:
        if source.random.randrange(PIPELINED // 2) == 0:
            requests = [well_formed(source, left == 0) for left in reversed(range(PIPELINED))]
        else:
            requests = [source.one()]
        answer = exchange(port, b"".join(requests))
        found = re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)
        told.update(status.decode() for status in found or (b"none",))
        told["sent"] += len(requests)
    return told


def attack_in_threads(arguments):
    """A worker process: prints what its threads were told."""
    share = -(-arguments.requests // (WORKERS * THREADS))
    seeds = (arguments.seed + arguments.worker * THREADS + thread for thread in range(THREADS))
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        runs = [pool.submit(attack, arguments.port, seed, share) for seed in seeds]
        told = sum((run.result() for run in runs), collections.Counter())
    print(json.dumps(told))


class SlowClients:
    """A third sends a byte now and then, a third asks much and never reads, a third says nothing."""

    def __init__(self, port, count):
        self.port = port
        self.clients = []
        self.slow = []
        for number in range(count):
            if number % 3 == 0:
                self.add_never_reads()
            else:
                client = self.add()
                if number % 3 == 1:
                    self.slow.append(client)

    def add(self, receive_bytes=None):
        client = connect(self.port, receive_bytes)
        self.clients.append(client)
        return client

    def add_never_reads(self):
        client = self.add(4096)
        client.setblocking(False)
        try:
            client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 500)
        except OSError:
            pass

    def send_a_byte_each(self):
        for client in self.slow:
            try:
                client.send(b"G")
            except OSError:
                pass

    def close(self):
        for client in self.clients:
            client.close()


# --- The decent client ---------------------------------------------------------------------------


class DecentClient(threading.Thread):
    """Asks again and again, and keeps count of right and wrong answers."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.over = threading.Event()
        self.right = 0
        self.wrong = []
        self.slowest_s = 0.0

    def ask(self, path):
        connection = http.client.HTTPConnection(HOST, self.port, timeout=DECENT_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def check(self, path, beginning):
        began = time.monotonic()
        try:
            status, body = self.ask(path)
            if status == 200 and body.startswith(beginning):
                self.right += 1
            else:
                self.wrong.append(f"{path}: {status} {body[:80]!r}")
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(f"{path}: {error!r}")
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def run(self):
        while not self.over.is_set():
            self.check("/healthz", b"")
            self.check("/debug/pprof/mutex", b"\x1f\x8b")
            self.check("/debug/pprof/block?debug=1", b"--- contention:\n")
            self.check("/metrics", b"# HELP waitprof_up ")
            self.over.wait(0.05)

    def finish(self):
        self.over.set()
        self.join()


# --- The server as it is from outside -----------------------------------------------------------


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_bytes(pid, name):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE).group(1)) << 10


class Checks:
    def __init__(self):
        self.failed = 0

    def require(self, truth, what):
        print(f"{'ok  ' if truth else 'FAIL'}  {what}")
        self.failed += not truth

    def decent(self, client):
        for problem in client.wrong[:5]:
            print(f"      {problem}")
        self.require(
            client.right >= 4 and not client.wrong,
            f"a decent client got {client.right} right answers and {len(client.wrong)} wrong ones,"
            f" the slowest in {client.slowest_s:.2f} s",
        )

    def settled(self, pid, before):
        deadline = time.monotonic() + SETTLE_S
        while descriptors(pid) > before and time.monotonic() < deadline:
            time.sleep(0.1)
        self.require(
            descriptors(pid) <= before, f"{descriptors(pid)} descriptors, {before} before"
        )


def check_malformed(arguments, server, checks):
    client = DecentClient(server.port)
    client.start()
    began = time.monotonic()
    workers = [
        subprocess.Popen(
            [sys.executable, *sys.argv, "--worker", str(number), "--port", str(server.port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WORKERS)
    ]
    statuses = collections.Counter()
    for worker in workers:
        statuses.update(json.loads(worker.communicate()[0]))
    sent = statuses.pop("sent")
    seconds = time.monotonic() - began
    client.finish()
    told = ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items()))
    checks.require(sent >= arguments.requests, f"{sent} requests in {seconds:.1f} s: {told}")
    odd = {status for status in statuses if status != "none" and int(status) not in STATUSES}
    checks.require(not odd, f"no answer has an unexpected status {sorted(odd)}")
    checks.require(statuses["400"] > 0 and statuses["404"] > 0, "nonsense was refused")
    checks.decent(client)


def check_slow(server, before, checks):
    slow = SlowClients(server.port, SLOW_CLIENTS)
    client = DecentClient(server.port)
    client.start()
    deadline = time.monotonic() + SLOW_S
    while time.monotonic() < deadline:
        slow.send_a_byte_each()
        time.sleep(0.25)
    client.finish()
    checks.decent(client)
    checks.settled(server.process.pid, before)
    slow.close()


def check(arguments, server, checks):
    pid = server.process.pid
    warm = DecentClient(server.port)
    for _ in range(2):
        warm.check("/debug/pprof/mutex", b"\x1f\x8b")
        warm.check("/metrics", b"# HELP")
    checks.require(warm.right == 4, f"it serves {warm.wrong}")
    before = descriptors(pid)
    memory = memory_bytes(pid, "VmRSS")
    check_malformed(arguments, server, checks)
    checks.require(server.process.poll() is None, "the server lives")
    checks.settled(pid, before)
    check_slow(server, before, checks)
    checks.require(server.process.poll() is None, "the server lives")
    peak = memory_bytes(pid, "VmHWM")
    grown = peak - memory
    checks.require(
        arguments.sanitized or grown < MEMORY_BYTES,
        f"it took at most {grown >> 20} MB more than the {memory >> 20} MB before",
    )
    server.program.obey("burst")
    last = DecentClient(server.port)
    last.check("/debug/pprof/block?debug=1", b"--- contention:\n")
    checks.require(last.right == 1, f"the program works, and its profile is served {last.wrong}")


def main():
    arguments = parse_arguments()
    if arguments.worker is not None:
        attack_in_threads(arguments)
        return
    checks = Checks()
    with WaitprofServer(
        arguments.command,
        arguments.library,
        arguments.program,
        options=("--client-timeout", "4s"),
    ) as server:
        check(arguments, server, checks)
    sys.exit(1 if checks.failed else 0)


main()
