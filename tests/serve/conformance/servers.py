"""The two servers of the tests: Go's own, and `waitprof serve` with a program that it looks at."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

START_TIMEOUT_S = STOP_TIMEOUT_S = 10
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """In a child: a test that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Program:
    """A program that obeys a line of its input and says "done"."""

    def __init__(self, argv, environment=None):
        self.argv = [str(word) for word in argv]
        self.turn = threading.Lock()
        self.process = subprocess.Popen(
            self.argv,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.greeting = self.process.stdout.readline().split()
        if not self.greeting:
            raise SystemExit(f"{self.argv[0]}: ended with {self.process.wait()}")

    def obey(self, command):
        with self.turn:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if answer != "done\n":
            raise SystemExit(f"{self.argv[0]}: '{command}' was answered with {answer!r}")

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait(STOP_TIMEOUT_S)
        if status != 0:
            raise SystemExit(f"{self.argv[0]}: ended with {status}")


class Server:
    """What both have in common: a port of the loopback interface, and a program."""

    prefix = ""  # of the paths of the table's requests

    def profile_path(self, kind):
        return "/debug/pprof/" + kind


class GoServer(Server):
    """Go's server, in the program that contends."""

    name = "Go"

    def __init__(self, path):
        self.program = Program([path, "an argument", ""])
        self.port = int(self.program.greeting[0])
        self.go_version = tuple(
            int(number) for number in re.findall(r"\d+", self.program.greeting[1])[:2]
        )
        # Functions of the program in which it waits, and that make others wait.
        self.waits = "main.waitForTheLock"
        self.functions = {"block": self.waits, "mutex": "main.holdTheLock"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()


class WaitprofServer(Server):
    """Our server, and a program under the library at rates that keep every wait."""

    name = "waitprof"

    def __init__(
        self, command, library, program, arguments=("an argument", ""), options=(), words=None
    ):
        """`options` and `words` are for `waitprof serve`; without words it serves this program."""
        self.directory = tempfile.mkdtemp(prefix="waitprof-serve-")
        environment = dict(
            os.environ,
            WAITPROF_DIR=self.directory,
            WAITPROF_BLOCK_RATE="1",
            WAITPROF_MUTEX_FRACTION="1",
        )
        self.environment = dict(environment, LD_PRELOAD=library)
        self.program = Program([program, *arguments], self.environment)
        self.pid = self.program.process.pid
        self.waits = "wait_for_the_lock"
        self.functions = {"block": self.waits, "mutex": "hold_the_lock"}
        self.log = open(os.path.join(self.directory, "serve.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                *(command, "serve", "--cpu-limit", "100", "--listen", "127.0.0.1:0", *options),
                *(words if words is not None else [str(self.pid)]),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )
        self.port = self.wait_for_port()

    def said(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def wait_for_port(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", self.said())
            if found:
                return int(found.group(1))
            time.sleep(0.01)
        self.process.kill()
        raise SystemExit(f"waitprof serve: says no port: {self.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.process.poll() is None
        self.process.terminate()
        status = self.process.wait(STOP_TIMEOUT_S)
        said = self.said()
        self.log.close()
        self.program.stop()
        shutil.rmtree(self.directory)
        if not alive or status != 0:
            raise SystemExit(f"waitprof serve: ended with {status}: {said}")
