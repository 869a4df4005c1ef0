"""A program that is profiled, `waitprof serve` beside it, and a client, for the tests in Python."""

import argparse
import http.client
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
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "conformance"))
import pprof_message  # noqa: E402
from servers import end_with_parent  # noqa: E402

PATIENCE_S = 20
places = None  # where the build has put things


def run_tests():
    """What every file of tests ends with."""
    global places
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True, help="the waitprof command")
    parser.add_argument("--library", required=True, help="libwaitprof.so")
    parser.add_argument("--programs", required=True, help="directory of the programs to profile")
    places, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], module="__main__")


def server_environment(directory, more):
    environment = dict(os.environ, WAITPROF_DIR=directory)
    environment.pop("WAITPROF_TOKEN", None)
    return environment | dict(more)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def profile(self):
        return pprof_message.Profile(pprof_message.unzip(self.body))

    def totals(self):
        """Contentions and delay of the whole profile."""
        samples = self.profile.samples
        return [sum(sample.values[i] for sample in samples) for i in (0, 1)]


class Server:
    """`waitprof serve OPTION... WORD...`; its address is chosen by the kernel unless one is given."""

    def __init__(self, directory, options=(), words=(), listen="127.0.0.1:0", token=None,
                 environment=()):
        self.token = token
        self.log_path = os.path.join(directory, f"serve-{time.monotonic_ns()}.log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    *(places.command, "serve", "--cpu-limit", "100", "--listen", listen),
                    *options,
                    *map(str, words),
                ],
                env=server_environment(directory, environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,
            )
        self.place = self.wait_for_place()

    def said(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def wait_for_place(self):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = re.search(r"(?:http://(\S+)/debug/pprof/|unix:(\S+)) \(\d+ pro", self.said())
            if found:
                return found.group(1) or found.group(2)
            if ended:
                break
            time.sleep(0.01)
        raise AssertionError(f"the server did not start: {self.said()}")

    def connect(self):
        if self.place.startswith("/"):
            return UnixConnection(self.place, PATIENCE_S)
        return http.client.HTTPConnection(self.place, timeout=PATIENCE_S)

    def ask(self, path, method="GET", body=None, headers=(), token=None):
        connection = self.connect()
        headers = dict(headers)
        token = token if token is not None else self.token
        if token is not None:
            headers["Authorization"] = "Bearer " + token
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def open_socket(self):
        """A client that does not know HTTP."""
        if self.place.startswith("/"):
            raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            raw.settimeout(PATIENCE_S)
            raw.connect(self.place)
            return raw
        host, _, port = self.place.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S)

    def metric(self, name):
        for line in self.ask("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def stop(self, by=signal.SIGTERM):
        """Ends it and returns its exit status."""
        self.process.send_signal(by)
        return self.process.wait(PATIENCE_S)


class ServeTest(unittest.TestCase):
    """Has programs and servers of its own; each server must end cleanly."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="waitprof-serve-")
        self.programs = []
        self.servers = []

    def tearDown(self):
        statuses = []
        for server in self.servers:
            if server.process.poll() is None:
                statuses.append((server.stop(), server.said()))
        for program in self.programs:
            program.kill()
            program.wait()
        shutil.rmtree(self.directory)
        for status, said in statuses:
            self.assertEqual(status, 0, said)

    def start_program(self, *argv, block_rate=1, mutex_fraction=1):
        """A program under the library that waits without end, once it has waited."""
        argv = argv or ("hold_lock", "0")
        program = subprocess.Popen(
            [os.path.join(places.programs, argv[0]), *argv[1:]],
            env=dict(
                os.environ,
                LD_PRELOAD=places.library,
                WAITPROF_DIR=self.directory,
                WAITPROF_BLOCK_RATE=str(block_rate),
                WAITPROF_MUTEX_FRACTION=str(mutex_fraction),
            ),
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
        )
        self.programs.append(program)
        self.wait_until(
            lambda: any(f".{program.pid}." in name for name in os.listdir(self.directory))
        )
        return program

    def start_server(self, *options, **more):
        more.setdefault("words", [program.pid for program in self.programs])
        server = Server(self.directory, options, **more)
        self.servers.append(server)
        return server

    def refuse_server(self, *options, environment=()):
        """Runs `waitprof serve`, which must not start; returns exit status and message."""
        done = subprocess.run(
            [places.command, "serve", *options],
            env=server_environment(self.directory, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def wait_until(self, holds):
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.assertLess(time.monotonic(), deadline, "never came true")
            time.sleep(0.02)

    def wait_for_samples(self, server, path="/debug/pprof/"):
        def has_samples():
            # A program that is just making its region is not served yet.
            answer = server.ask(path + "mutex")
            return answer.status == 200 and answer.totals()[0] > 0

        self.wait_until(has_samples)
