"""What the cases of `waitprof push` have in common: programs that wait, and the command that sends
what they waited for."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from case_runner import Failure, expect

SUMMARY = re.compile(
    r"(\d+) profiles sent, (\d+) retried, (\d+) unconfirmed, (\d+) dropped, (\d+) refused, "
    r"(\d+) damaged, (\d+) lost, (\d+) left in the spool"
)
SUMMARY_WORDS = ("sent", "retried", "unconfirmed", "dropped", "refused", "damaged", "lost", "left")


def wait_until(condition, text, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise Failure(f"never came true: {text}")


class Push:
    """A running `waitprof push`."""

    def __init__(self, process, log):
        self.process = process
        self.log = log

    def text(self):
        return self.log.read_text(errors="replace")

    def end(self, number=signal.SIGTERM, code=0):
        """Asks it to end, or waits for it where no signal is given; its summary as a dictionary."""
        if number:
            self.process.send_signal(number)
        try:
            got = self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not end: {self.text()}") from None
        expect(got == code, f"exit code {got}, not {code}: {self.text()}")
        return self.summary()

    def summary(self):
        found = SUMMARY.search(self.text())
        return dict(zip(SUMMARY_WORDS, map(int, found.groups()))) if found else {}


class Case:
    """A scratch directory with regions, a spool and programs of its own."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="waitprof-push-"))
        self.regions = self.directory / "regions"
        self.regions.mkdir(mode=0o700)
        self.spools = self.directory / "state" / "waitprof" / "spool"
        self.processes = []
        # Of this case alone: other programs of the machine may be profiled, too.
        self.command = f"waits-{os.getpid()}"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if "proxy" not in name.lower() and not name.startswith(("WAITPROF_", "LD_PRELOAD"))
        }
        self.environment.update(
            WAITPROF_DIR=str(self.regions), XDG_STATE_HOME=str(self.directory / "state")
        )

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_program(self, milliseconds=0, name=None, rates=("1", "1")):
        """Profiled at rate 1, with waits from now on until it is killed or the time is over."""
        program = self.directory / (name or self.command)
        if not program.exists():
            shutil.copy(self.arguments.program, program)
        started = self.directory / f"started.{len(self.processes)}"
        environment = dict(
            self.environment,
            LD_PRELOAD=self.arguments.library,
            WAITPROF_BLOCK_RATE=rates[0],
            WAITPROF_MUTEX_FRACTION=rates[1],
        )
        process = subprocess.Popen(
            [str(program), str(milliseconds), str(started)], env=environment
        )
        self.processes.append(process)
        if milliseconds == 0:
            wait_until(started.exists, "the program waits")
        return process

    def start_push(self, to, *words, every="150ms", environment=None):
        log = self.directory / f"push.{len(self.processes)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [self.arguments.command, "push", "--to", str(to), "--every", every]
                + [str(word) for word in words],
                env=dict(self.environment, **(environment or {})),
                stderr=stream,
            )
        self.processes.append(process)
        return Push(process, log)

    def run_push(self, to, *words, code=0, **options):
        push = self.start_push(to, *words, **options)
        push.end(None, code)
        return push

    def truth(self, pid):
        """{metric: (contentions, delay)} of the region of a program that has ended."""
        totals = {}
        for metric in ("block", "mutex"):
            output = subprocess.run(
                [self.arguments.command, "export", "--format", "json"]
                + ["--profile", metric, str(pid)],
                env=self.environment,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            stacks = json.loads(output)["stacks"]
            totals[metric] = tuple(
                sum(round(stack[word]) for stack in stacks) for word in ("contentions", "delay_ns")
            )
        return totals

    def end_program(self, process):
        process.kill()
        process.wait()

    @property
    def spool(self):
        """That of the one server to which this case pushes."""
        (spool,) = self.spools.iterdir()
        return spool

    def spooled(self, suffix="profile", host=""):
        """What waits; of one server, HOST_PORT, where one is named."""
        return sorted(self.spools.glob(f"{host}*/*.{suffix}"))


def received(profiles):
    """{metric: (contentions, delay)} of what a server has."""
    totals = {"block": (0, 0), "mutex": (0, 0)}
    for profile in profiles:
        added = profile.totals()
        totals[profile.metric] = tuple(map(sum, zip(totals[profile.metric], added)))
    return totals


def expect_all(server, truth):
    """Everything arrived once and was right."""
    expect(not server.wrong, f"wrong requests: {server.wrong[:3]}")
    identities = [profile.identity() for profile in server.profiles]
    expect(len(set(identities)) == len(identities), "a profile arrived twice")
    expect(truth["block"][1] > 0 and truth["mutex"][1] > 0, f"the program did not wait: {truth}")
    got = received(server.profiles)
    expect(got == truth, f"received {got}, the program counted {truth}")
