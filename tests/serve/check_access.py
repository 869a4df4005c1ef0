#!/usr/bin/env python3
"""Who may do what at `waitprof serve`, where it listens, and what slow clients cannot do."""

import json
import os
import re
import socket
import stat
import tempfile
import time

from serve_fixture import ServeTest, run_tests

TOKEN = "a-token.of_some~length"


class Access(ServeTest):
    def setUp(self):
        super().setUp()
        self.program = self.start_program()
        self.token_file = os.path.join(self.directory, "token")
        with open(self.token_file, "w", encoding="ascii") as file:
            file.write(TOKEN + "\n")

    def check_refused(self, status, text, *options, environment=()):
        code, said = self.refuse_server(
            *options, str(self.program.pid), environment=environment
        )
        self.assertEqual(code, status, said)
        self.assertIn(text, said)
        self.assertEqual(said.count("\n"), 1)

    # --- The token

    def test_whoever_shows_no_token_gets_nothing_but_health(self):
        server = self.start_server("--token-file", self.token_file)
        for path in "/debug/pprof/block", "/", "/metrics", "/sd", "/rates", "/x", "/debug/pprof":
            for wrong in (
                {},
                {"Authorization": "Bearer"},
                {"Authorization": "Bearer " + TOKEN + "x"},
                {"Authorization": "Bearer " + TOKEN[:-1]},
                {"Authorization": "Bearer " + TOKEN + TOKEN},
                {"Authorization": "Basic " + TOKEN},
                {"Authorization": TOKEN},
            ):
                answer = server.ask(path, headers=wrong)
                self.assertEqual(answer.status, 401, (path, wrong))
                self.assertRegex(answer.headers["WWW-Authenticate"], "^Bearer")
        self.assertEqual(server.ask("/healthz").status, 200)
        self.assertEqual(server.ask("/debug/pprof/symbol", "POST", "0x1").status, 401)
        self.assertEqual(server.ask("/debug/pprof/block", token=TOKEN).status, 200)
        self.assertEqual(
            server.ask("/metrics", headers={"Authorization": "bearer " + TOKEN}).status, 200
        )

    def test_the_environment_may_hold_the_token(self):
        server = self.start_server(environment={"WAITPROF_TOKEN": TOKEN})
        self.assertEqual(server.ask("/debug/pprof/block").status, 401)
        self.assertEqual(server.ask("/debug/pprof/block", token=TOKEN).status, 200)

    def test_a_token_must_be_one(self):
        with tempfile.NamedTemporaryFile() as empty:
            self.check_refused(2, "its first line is empty", "--token-file", empty.name)
        self.check_refused(2, "it is no file and no pipe", "--token-file", "/dev/null")
        self.check_refused(2, "cannot be read", "--token-file", "/nowhere/token")
        self.check_refused(2, "blank", environment={"WAITPROF_TOKEN": "two words"})

    def test_other_machines_need_a_token(self):
        self.check_refused(2, "--without-token", "--listen", "0.0.0.0:0")
        for options in ("--without-token",), ("--token-file", self.token_file):
            self.start_server(*options, listen="0.0.0.0:0")

    # --- Control

    def test_rates_are_changed_by_who_may(self):
        self.check_refused(2, "--token-file", "--allow-control")
        server = self.start_server("--allow-control", "--token-file", self.token_file)
        change = "/rates?block-rate=10us&mutex-fraction=3&for=60s"
        self.assertEqual(server.ask(change, "POST").status, 401)
        server.token = TOKEN
        answer = server.ask(change, "POST")
        self.assertEqual(answer.status, 200, answer.text)
        rates = json.loads(answer.text)
        self.assertEqual((rates["block_rate_ns"], rates["mutex_fraction"]), (10000, 3))
        self.assertEqual(rates["base"], {"block_rate_ns": 1, "mutex_fraction": 1})
        self.assertEqual(len(rates["leases"]), 1)
        self.assertLessEqual(rates["leases"][0]["seconds_left"], 60)

        path = f"/pid/{self.program.pid}/rates"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = server.ask(path, "POST", "block-rate=5&for=0", headers=form)
        rates = json.loads(answer.text)
        self.assertEqual(rates["base"], {"block_rate_ns": 5, "mutex_fraction": 1})
        self.assertEqual(rates, json.loads(server.ask(path).text) | {"leases": rates["leases"]})
        self.assertEqual(server.ask("/pid/1/rates?block-rate=5", "POST").status, 404)

        self.assertIsNone(rates["budget"])
        rates = json.loads(server.ask(path, "POST", "budget=0.5%25", headers=form).text)
        self.assertEqual(rates["budget"]["limit"], "0.5%")
        self.assertEqual(rates["budget"]["cost_ns_per_second"], 5000000)
        self.assertGreaterEqual(rates["wait_fraction"], 1)
        self.assertEqual(rates["base"], {"block_rate_ns": 5, "mutex_fraction": 1})
        rates = json.loads(server.ask(path + "?budget=off&block-rate=7&for=0", "POST").text)
        self.assertIsNone(rates["budget"])
        self.assertEqual((rates["block_rate_ns"], rates["wait_fraction"]), (7, 1))

    def test_wrong_rates_are_refused(self):
        server = self.start_server(
            "--allow-control", "--token-file", self.token_file, token=TOKEN
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for query, reason in (
            ("", "name block-rate"),
            ("for=60s", "name block-rate"),
            ("block-rate=x", 'block-rate: "x" is not a time'),
            ("block-rate=", 'block-rate: "" is not a time'),
            ("block-rate=-1", 'block-rate: "-1" is not a time'),
            ("block-rate=1%0A2", 'block-rate: "1?2" is not a time'),
            ("block-rate=2000s", 'block-rate: "2000s" is too large'),
            ("mutex-fraction=1.5", 'mutex-fraction: "1.5" is not a whole number'),
            ("mutex-fraction=1000001", 'mutex-fraction: "1000001" is too large'),
            ("block-rate=5&for=x", 'for: "x" is not a time'),
            ("blockrate=5", 'there is no parameter "blockrate"'),
            ("block-rate=5&block-rate=6", 'block-rate: "5" is one of two values'),
            ("block-rate=5&for=1&for=1", 'for: "1" is one of two values'),
            ("block-rate=" + "1" * 50, 'block-rate: "' + "1" * 39 + '" and more is too long'),
            ("mutex-fraction=" + "9" * 20, 'mutex-fraction: "' + "9" * 20 + '" is too large'),
            ("budget=1", 'budget: "1" is not a budget'),
            ("budget=101%25", 'budget: "101%" is too large'),
            ("budget=1%25&for=5", "name block-rate"),
        ):
            for answer in (
                server.ask("/rates?" + query, "POST"),
                server.ask("/rates", "POST", query, headers=form),
            ):
                self.assertEqual(answer.status, 400, query)
                self.assertIn(reason, answer.text)
                self.assertEqual(answer.text.count("\n"), 1)
        answer = server.ask("/rates?for=1", "POST", "block-rate=5&for=2", headers=form)
        self.assertIn('for: "1" is one of two values', answer.text)
        answer = server.ask("/rates", "POST", "block-rate=5")
        self.assertEqual((answer.status, answer.text[:19]), (400, "the body is no form"))
        self.assertEqual(server.ask("/rates", "POST", b"x" * 5000).status, 413)
        rates = json.loads(server.ask("/rates").text)
        self.assertEqual((rates["block_rate_ns"], rates["mutex_fraction"]), (1, 1))

    # --- Where it listens

    def test_a_port_is_taken_once(self):
        server = self.start_server()
        self.check_refused(1, "another program listens there", "--listen", server.place)

    def test_addresses_have_their_form(self):
        for address in "6060", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "::1:6060", "unix:":
            self.check_refused(2, address, "--listen", address)
        self.check_refused(2, "no-such-host.invalid", "--listen", "no-such-host.invalid:6060")

    def test_it_listens_on_ipv6(self):
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError as error:
                self.skipTest(f"no IPv6 here: {error}")
        server = self.start_server(listen="[::1]:0")
        self.assertEqual(server.ask("/healthz").status, 200)

    def test_a_socket_in_the_file_system_has_its_mode(self):
        path = os.path.join(self.directory, "socket")
        for options, mode in ((), 0o600), (("--socket-mode", "0660"), 0o660):
            server = self.start_server(*options, listen="unix:" + path)
            self.assertEqual(stat.S_IMODE(os.lstat(path).st_mode), mode)
            self.assertEqual(server.ask("/debug/pprof/block").status, 200)
            self.assertEqual(server.stop(), 0)
            self.assertFalse(os.path.lexists(path))
        self.check_refused(2, "--socket-mode", "--socket-mode", "rw")
        self.check_refused(2, "--socket-mode", "--socket-mode", "7777")

    def test_an_old_socket_is_replaced_and_nothing_else(self):
        path = os.path.join(self.directory, "socket")
        address = "unix:" + path
        with socket.socket(socket.AF_UNIX) as old:
            old.bind(path)
        server = self.start_server(listen=address)  # nobody listens on the old one
        self.check_refused(1, "another program listens there", "--listen", address)
        self.assertEqual(server.ask("/healthz").status, 200)

        # What came into its place while it ran is not its own.
        os.unlink(path)
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        self.assertEqual(server.stop(), 0)
        self.check_refused(1, "no socket", "--listen", address)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_programs_must_be_there_to_be_named(self):
        code, said = self.refuse_server("--listen", "127.0.0.1:0", "999999999")
        self.assertEqual(code, 3, said)

    # --- Slow clients

    def end_of(self, client):
        """How long it takes until the connection is over, whatever comes before."""
        start = time.monotonic()
        try:
            while client.recv(4096):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - start

    def test_who_does_not_ask_in_time_is_cut_off(self):
        server = self.start_server("--client-timeout", "1s")
        with server.open_socket() as silent, server.open_socket() as drip:
            drip.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
            deadline = time.monotonic() + 20
            dripped = 0
            try:
                while time.monotonic() < deadline:
                    drip.sendall(b"a")
                    dripped += 1
                    time.sleep(0.1)
            except ConnectionError:
                pass
            self.assertLess(time.monotonic(), deadline)
            self.assertGreater(dripped, 3)
            self.end_of(silent)
        self.assertEqual(server.ask("/debug/pprof/block").status, 200)

    def test_who_does_not_take_the_answer_in_time_is_cut_off(self):
        path = os.path.join(self.directory, "socket")  # its buffers are small
        server = self.start_server("--client-timeout", "1s", listen="unix:" + path)
        self.wait_for_samples(server)
        address = server.ask("/debug/pprof/block").profile.locations[0].address
        body = "+".join([f"{address:#x}"] * 12_000).encode()
        with server.open_socket() as client:
            head = f"POST /debug/pprof/symbol HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
            client.sendall(head.encode() + b"\r\n" + body)
            self.wait_until(lambda: server.metric("waitprof_serve_connections") == 1 + 1)
            self.wait_until(lambda: server.metric("waitprof_serve_connections") == 1)
            received = b""
            while part := client.recv(1 << 16):
                received += part
            head, _, rest = received.partition(b"\r\n\r\n")
            announced = int(re.search(rb"Content-Length: (\d+)", head).group(1))
            self.assertLess(len(rest), announced)

    def test_one_too_many_replaces_the_one_that_idles_longest(self):
        server = self.start_server("--max-connections", "4")
        idle = [server.open_socket() for _ in range(12)]
        self.assertEqual(server.ask("/debug/pprof/block").status, 200)
        self.end_of(idle[0])
        self.assertGreaterEqual(server.metric("waitprof_serve_connections_refused_total"), 8)
        for client in idle:
            client.close()


if __name__ == "__main__":
    run_tests()
