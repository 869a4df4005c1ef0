#!/usr/bin/env python3
"""Measures what `waitprof serve` costs the program that it serves, and how soon it answers.

The program is many_stacks: with its stacks in the region, waiting (for the times of answers) or with
all processors busy (for its throughput). For the throughput, one run of it is cut into windows:
clients scrape in every other one, and a ratio compares two neighbours, so that slow changes of the
machine touch both. Clients, as machines of their own would have them, are no load to be measured:
they run at the lowest priority, and what processor time they and the server took is printed.

Judges nothing: a target that is missed is marked, but the exit status is 0.
"""

import argparse
import http.client
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

KEEP_ALL = {"WAITPROF_BLOCK_RATE": "1", "WAITPROF_MUTEX_FRACTION": "1", "WAITPROF_EVENTS": "sync"}
PATHS = ("/debug/pprof/block", "/debug/pprof/mutex")
THROUGHPUT_TARGET = 0.99
WARM_TARGET_MS = 300
COLD_TARGET_MS = 2000
SETTLE_S = 0.3


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--waitprof", required=True, help="the command")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--programs", required=True, help="directory of the bench programs")
    parser.add_argument("--stacks", type=int, default=10000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--window", type=float, default=3, help="seconds")
    parser.add_argument("--pause", type=float, default=0, help="seconds of a client, after both")
    parser.add_argument("--answers", type=int, default=50, help="warm ones; cold: a tenth")
    parser.add_argument("--serve-option", action="append", default=[], help="for serve, repeatable")
    return parser.parse_args()


class Target:
    """many_stacks, with all of its stacks in the region."""

    def __init__(self, arguments, directory, *mode):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WAITPROF_")}
        environment.update(KEEP_ALL, WAITPROF_DIR=directory, LD_PRELOAD=arguments.library)
        program = pathlib.Path(arguments.programs) / "bench_many_stacks"
        self.process = subprocess.Popen(
            [program, str(arguments.stacks), *mode],
            env=environment, stdout=subprocess.PIPE, text=True,
        )
        line = self.process.stdout.readline()
        if line.split()[:1] != ["ready"]:
            sys.exit(f"scrape: many_stacks said {line!r}")
        self.latest = None
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for line in self.process.stdout:
            _, now_ns, count = line.split()
            self.latest = (int(now_ns), int(count))

    def operations_per_s(self, seconds):
        while self.latest is None:
            time.sleep(0.01)
        first = self.latest
        time.sleep(seconds)
        last = self.latest
        return (last[1] - first[1]) / ((last[0] - first[0]) / 1e9)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Server:
    """waitprof serve, for one program."""

    def __init__(self, arguments, directory, pid):
        environment = dict(os.environ, WAITPROF_DIR=directory)
        self.socket = os.path.join(directory, "serve.sock")
        self.process = subprocess.Popen(
            [arguments.waitprof, "serve", "--listen", "127.0.0.1:0", *arguments.serve_option, str(pid)],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        line = self.process.stderr.readline()
        self.port = int(line.rsplit(":", 1)[1].split("/")[0])
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def get(self, path, connection=None):
        """Returns the time it took in ms, and the length of the answer."""
        used = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        start = time.monotonic()
        used.request("GET", path)
        answer = used.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"scrape: {path}: {answer.status} {body[:200]!r}")
        if connection is None:
            used.close()
        return (time.monotonic() - start) * 1000, len(body)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Scrapers:
    """Clients in a process of their own, which scrape from `go` to `stop`."""

    def __init__(self, arguments, server):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(self.commands)
            self.run(arguments, server, commands, answers)
            os._exit(0)
        os.close(commands)
        os.close(answers)
        self.replies = os.fdopen(self.answers)

    def run(self, arguments, server, commands, answers):
        os.nice(19)
        changed = threading.Condition()  # guards the two below
        state = {"goes": False, "busy": 0}
        times = []

        def scrape():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            while True:
                with changed:
                    changed.wait_for(lambda: state["goes"])
                    state["busy"] += 1
                for path in PATHS:
                    times.append(server.get(path, connection)[0])
                with changed:
                    state["busy"] -= 1
                    changed.notify_all()
                time.sleep(arguments.pause)

        for _ in range(arguments.clients):
            threading.Thread(target=scrape, daemon=True).start()
        with os.fdopen(answers, "w") as replies:
            for command in os.fdopen(commands):
                with changed:
                    state["goes"] = command == "go\n"
                    changed.notify_all()
                    if state["goes"]:
                        del times[:]
                        start = resource.getrusage(resource.RUSAGE_SELF)
                        continue
                    changed.wait_for(lambda: state["busy"] == 0)
                end = resource.getrusage(resource.RUSAGE_SELF)
                cpu_s = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
                print(cpu_s, *times, file=replies, flush=True)

    def go(self):
        os.write(self.commands, b"go\n")

    def stop(self):
        """Waits for their last answers. Returns their processor time in s, and how long each answer
        took in ms."""
        os.write(self.commands, b"stop\n")
        cpu_s, *times = map(float, self.replies.readline().split())
        return cpu_s, times

    def end(self):
        os.close(self.commands)
        os.waitpid(self.child, 0)


def verdict(fits, target):
    return f"{'ok' if fits else 'MISSED'}, {target}"


def spread(values, digits):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def percentile_99(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def measure_answers(arguments, directory):
    target = Target(arguments, directory)
    try:
        for path in PATHS:
            cold = []
            for _ in range(max(2, arguments.answers // 10)):
                server = Server(arguments, directory, target.process.pid)
                cold.append(server.get(path)[0])
                warm = [server.get(path) for _ in range(arguments.answers)]
                server.stop()
            times = [ms for ms, _ in warm]
            print(f"{path}: {warm[0][1]} bytes of {arguments.stacks} stacks")
            print(f"  cold  {spread(cold, 1)} ms, longest {max(cold):.1f}: "
                  + verdict(max(cold) < COLD_TARGET_MS, f"< {COLD_TARGET_MS} ms"))
            print(f"  warm  {spread(times, 1)} ms, 99 %: {percentile_99(times):.1f}: "
                  + verdict(percentile_99(times) < WARM_TARGET_MS, f"< {WARM_TARGET_MS} ms"),
                  flush=True)
    finally:
        target.stop()


def measure_window(arguments, target, server, scrapers):
    """Operations a second of the target; with scrapers also what they saw."""
    seen = None
    start = time.monotonic()
    if scrapers:
        scrapers.go()
    time.sleep(SETTLE_S)
    cpu_s = server.cpu_s()
    rate = target.operations_per_s(arguments.window)
    cpu_s = server.cpu_s() - cpu_s
    if scrapers:
        seen = (*scrapers.stop(), time.monotonic() - start)
    return rate, cpu_s / arguments.window, seen


def measure_throughput(arguments, directory):
    target = Target(arguments, directory, "load")
    server = Server(arguments, directory, target.process.pid)
    scrapers = Scrapers(arguments, server)
    ratios, quiet, server_cpu, idle_cpu, client_cpu, times = [], [], [], [], [], []
    scraped_s = 0
    try:
        for path in PATHS:
            server.get(path)
        for turn in range(arguments.pairs):
            order = (None, scrapers) if turn % 2 == 0 else (scrapers, None)
            rates = {}
            for with_scrapers in order:
                rate, cpu, seen = measure_window(arguments, target, server, with_scrapers)
                rates[with_scrapers is not None] = rate
                (idle_cpu if seen is None else server_cpu).append(cpu)
                if seen is not None:
                    client_cpu.append(seen[0] / seen[2])
                    times += seen[1]
                    scraped_s += seen[2]
            ratios.append(rates[True] / rates[False])
            quiet.append(rates[False])
    finally:
        scrapers.end()
        server.stop()
        target.stop()
    ratio = statistics.median(ratios)
    answers = len(times) / scraped_s
    print(f"{arguments.clients} clients, {arguments.pairs} pairs of {arguments.window:g} s")
    print(f"  throughput   {spread(quiet, 0)} operations/s without scraping")
    print(f"  ratio        {spread(ratios, 4)} with scraping to without: "
          + verdict(ratio >= THROUGHPUT_TARGET, f">= {THROUGHPUT_TARGET}"))
    print(f"  processors   server {statistics.median(server_cpu):.3f} "
          f"(idle {statistics.median(idle_cpu):.3f}), clients {statistics.median(client_cpu):.3f}")
    if times:
        print(f"  answers      {answers:.1f} a second, {spread(times, 0)} ms, "
              f"99 %: {percentile_99(times):.0f}")


def main():
    arguments = parse_arguments()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    directory = tempfile.mkdtemp(prefix="waitprof-bench-", dir=memory)
    try:
        measure_answers(arguments, directory)
        measure_throughput(arguments, directory)
    finally:
        shutil.rmtree(directory)


main()
