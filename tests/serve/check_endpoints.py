#!/usr/bin/env python3
"""What `waitprof serve` answers to whom: paths, methods, parameters, headers."""

import gzip
import json

from serve_fixture import ServeTest, run_tests

GO_ERROR = {"Content-Type": "text/plain; charset=utf-8", "X-Go-Pprof": "1"}


class Endpoints(ServeTest):
    def setUp(self):
        super().setUp()
        self.program = self.start_program()
        self.server = self.start_server()
        self.wait_for_samples(self.server)

    def ask(self, path, *args, **more):
        answer = self.server.ask(path, *args, **more)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        return answer

    def check_refusal(self, answer, status, text):
        self.assertEqual((answer.status, answer.text), (status, text + "\n"))
        for name, value in GO_ERROR.items():
            self.assertEqual(answer.headers[name], value)
        self.assertIsNone(answer.headers["Content-Disposition"])

    def test_profiles_are_files_to_download(self):
        for name in "block", "mutex":
            answer = self.ask("/debug/pprof/" + name)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
            self.assertEqual(
                answer.headers["Content-Disposition"], f'attachment; filename="{name}"'
            )
            self.assertIsNone(answer.headers["Content-Encoding"])
            self.assertGreater(answer.totals()[0], 0)
            self.assertEqual(answer.profile.duration_nanos, 0)

    def test_totals_only_grow(self):
        earlier = self.ask("/debug/pprof/block").totals()
        self.wait_until(lambda: self.ask("/debug/pprof/block").totals()[0] > earlier[0])
        self.assertGreater(self.ask("/debug/pprof/block").totals()[1], earlier[1])

    def test_debug_asks_for_text(self):
        for value in "1", "2", "-1", "99999999999999999999":
            answer = self.ask("/debug/pprof/mutex?debug=" + value)
            self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
            self.assertIsNone(answer.headers["Content-Disposition"])
            self.assertTrue(answer.text.startswith("--- mutex:\ncycles/second=1000000000\n"))
            self.assertIn("hold_it", answer.text)
        for value in "0", "x", "", "1x":
            answer = self.ask("/debug/pprof/mutex?debug=" + value)
            self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")

    def test_seconds_must_be_a_positive_integer(self):
        for value in "0", "-1", "x", "1.5", "1s", "99999999999999999999":
            self.check_refusal(
                self.ask("/debug/pprof/block?seconds=" + value),
                400,
                'invalid value for "seconds" - must be a positive integer',
            )
        self.check_refusal(
            self.ask("/debug/pprof/block?seconds=1&debug=1"),
            400,
            "seconds and debug params are incompatible",
        )
        self.check_refusal(
            self.ask("/debug/pprof/block?seconds=3601"),
            400,
            "profile duration exceeds server's limit of 3600 seconds",
        )
        self.assertEqual(self.ask("/debug/pprof/block?seconds=").status, 200)

    def test_other_names_are_unknown_profiles(self):
        for name in "heap", "goroutine", "profile", "trace", "block/", "x?seconds=1", "%62lock%00":
            path = "/debug/pprof/" + name
            answer = self.ask(path)
            if name == "%62lock%00":  # ends at the NUL, and is a block then
                self.assertIn(answer.status, (200, 400, 404))
                continue
            self.check_refusal(answer, 404, "Unknown profile")

    def test_other_paths_are_not_found(self):
        for path in "/debug", "/x", "/pid/", "/pid/x", "/pid/1x/debug/pprof/block", "/pid/1/sd":
            answer = self.ask(path)
            self.assertEqual((answer.status, answer.text), (404, "404 page not found\n"))

    def test_kinds_select_and_labels_divide(self):
        all_kinds = self.ask("/debug/pprof/block?debug=1&labels=kind").text
        self.assertIn("#\tkind: mutex\n", all_kinds)
        self.assertNotIn("#\tkind", self.ask("/debug/pprof/block?debug=1").text)
        self.assertGreater(self.ask("/debug/pprof/block?kind=mutex,net").totals()[0], 0)
        none = self.ask("/debug/pprof/block?kind=net")
        self.assertEqual(none.status, 200)
        self.assertEqual(none.totals(), [0, 0])
        self.assertTrue(any(text.startswith("empty: ") for text in none.profile.comments))
        wrong = self.ask("/debug/pprof/block?kind=mutx")
        self.assertEqual(wrong.status, 400)
        self.assertIn('did you mean "mutex"?', wrong.text)
        self.assertEqual(self.ask("/debug/pprof/block?seconds=9&kind=mutx").status, 400)
        self.check_refusal(
            self.ask("/debug/pprof/block?labels=kinds"),
            400,
            'invalid value for "labels" - there is no label "kinds"',
        )
        self.assertEqual(self.ask("/debug/pprof/block?kind=" + "x" * 300).status, 400)

    def test_head_gives_the_headers_alone(self):
        for path in "/debug/pprof/block", "/debug/pprof/", "/debug/pprof/cmdline", "/healthz":
            answer = self.ask(path, "HEAD")
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(answer.headers["Content-Type"], self.ask(path).headers["Content-Type"])

    def test_other_methods_are_not_allowed(self):
        for path, methods in ("/debug/pprof/block", "GET, HEAD"), (
            "/debug/pprof/symbol",
            "GET, HEAD, POST",
        ):
            for method in "PUT", "DELETE", "OPTIONS", "PATCH":
                answer = self.ask(path, method)
                self.assertEqual((answer.status, answer.text), (405, "Method Not Allowed\n"))
                self.assertEqual(answer.headers["Allow"], methods)
        self.assertEqual(self.ask("/debug/pprof/block", "POST", b"seconds=1").status, 405)

    def test_symbols_are_found_by_get_and_post(self):
        profile = self.ask("/debug/pprof/block").profile
        named = {f"{one.address:#x}": one.names[0] for one in profile.locations if one.names}
        self.assertIn("want_it", named.values())
        wanted = "num_symbols: 1\n" + "".join(f"{a} {name}\n" for a, name in named.items())
        question = "+".join(named)
        self.assertEqual(self.ask("/debug/pprof/symbol?" + question).text, wanted)
        self.assertEqual(self.ask("/debug/pprof/symbol", "POST", question).text, wanted)
        for nothing in "0x1", "", "zzz+-+0x", "0x" + "f" * 40, "+" * 1000:
            for answer in (
                self.ask("/debug/pprof/symbol", "POST", nothing),
                self.ask("/debug/pprof/symbol?" + nothing),
            ):
                self.assertEqual((answer.status, answer.text), (200, "num_symbols: 1\n"))

    def test_symbols_of_unknown_programs_are_an_answer_too(self):
        answer = self.ask("/pid/1/debug/pprof/symbol", "POST", "0x1")
        self.assertEqual((answer.status, answer.text), (200, "num_symbols: 1\n"))

    def test_a_body_has_its_limit(self):
        mebibyte = b"0x1+" * (1 << 18)
        self.assertEqual(self.ask("/debug/pprof/symbol", "POST", mebibyte).status, 200)
        self.assertEqual(self.ask("/debug/pprof/symbol", "POST", mebibyte + b"0").status, 413)
        # What is far larger is not even read.
        with self.server.open_socket() as client:
            client.sendall(
                b"POST /debug/pprof/symbol HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"
            )
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 413 "))
        chunks = self.ask("/debug/pprof/symbol", "POST", iter([mebibyte, b"0x1"]))
        self.assertEqual(chunks.status, 413)

    def test_a_path_has_its_limit(self):
        self.assertEqual(self.server.ask("/" + "x" * 100_000).status, 414)
        self.assertEqual(self.server.ask("/healthz").status, 200)

    def test_the_command_line_has_nuls(self):
        answer = self.ask("/debug/pprof/cmdline")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertRegex(answer.text, "hold_lock\0000$")

    def test_the_index_lists_the_profiles(self):
        for path in "/debug/pprof/", f"/pid/{self.program.pid}/debug/pprof/":
            answer = self.ask(path)
            self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
            for name in "block", "mutex", "cmdline", "symbol", "delta_block", "delta_mutex":
                self.assertRegex(answer.text, rf"<td>\d+</td><td><a href='{name}\?debug=1'>{name}<")
            self.assertRegex(answer.text, r"<tr><td>[1-9]\d*</td><td><a href='block\?")
        self.assertIn(f"/pid/{self.program.pid}/debug/pprof/", self.ask("/").text)

    def test_a_missing_slash_is_added(self):
        named = f"/pid/{self.program.pid}"
        for path, location in (
            ("/debug/pprof", "/debug/pprof/"),
            ("/debug/pprof?debug=1", "/debug/pprof/?debug=1"),
            (named, named + "/debug/pprof/"),
            (named + "/", named + "/debug/pprof/"),
            (named + "/debug/pprof", named + "/debug/pprof/"),
        ):
            answer = self.ask(path)
            self.assertEqual((answer.status, answer.headers["Location"]), (301, location))

    def test_prometheus_finds_its_paths(self):
        self.assertEqual((self.ask("/healthz").status, self.ask("/healthz").text), (200, "ok\n"))
        self.assertIn("waitprof_up{", self.ask("/metrics").text)
        self.assertIn("waitprof_serve_connections ", self.ask("/metrics").text)
        alone = self.ask(f"/pid/{self.program.pid}/metrics")
        self.assertIn("waitprof_up{", alone.text)
        self.assertNotIn("waitprof_serve_connections", alone.text)
        answer = self.ask("/sd")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(len(json.loads(answer.text)), 1)

    def test_rates_are_shown(self):
        rates = json.loads(self.ask("/rates").text)
        self.assertEqual((rates["block_rate_ns"], rates["mutex_fraction"]), (1, 1))
        self.assertEqual(rates["leases"], [])
        refused = self.ask("/rates?block-rate=5", "POST")
        self.assertEqual(refused.status, 403)
        self.assertIn("--allow-control", refused.text)

    def test_a_connection_serves_many_requests(self):
        connection = self.server.connect()
        for path in "/debug/pprof/block", "/healthz", "/x", "/debug/pprof/mutex?debug=1":
            connection.request("GET", path)
            connection.getresponse().read()
        connection.request("POST", "/debug/pprof/symbol", "0x1")
        self.assertEqual(connection.getresponse().read(), b"num_symbols: 1\n")
        connection.close()


class SeveralPrograms(ServeTest):
    def test_each_has_paths_of_its_own(self):
        programs = [self.start_program(), self.start_program("prefork", "2")]
        server = self.start_server()
        lock, workers = (f"/pid/{program.pid}/debug/pprof/" for program in programs)
        self.wait_for_samples(server, lock)
        self.wait_until(lambda: "work" in server.ask(workers + "block?debug=1").text)
        self.assertIn("want_it", server.ask(lock + "block?debug=1").text)
        self.assertNotIn("want_it", server.ask(workers + "block?debug=1").text)

    def test_a_path_without_a_program_lists_them(self):
        programs = [self.start_program(), self.start_program()]
        server = self.start_server()
        for path in "/debug/pprof/", "/debug/pprof/block", "/rates":
            answer = server.ask(path)
            self.assertEqual(answer.status, 404)
            for program in programs:
                self.assertIn(f"/pid/{program.pid}/debug/pprof/\thold_lock\n", answer.text)
            self.assertIn("/pid/%d/" % programs[0].pid, server.ask("/").text)

    def test_workers_are_found_by_their_pid_too(self):
        program = self.start_program("prefork", "1")
        server = self.start_server()
        with open(f"/proc/{program.pid}/task/{program.pid}/children", encoding="ascii") as children:
            worker = int(children.read().split()[0])
        self.wait_until(
            lambda: server.ask(f"/pid/{worker}/debug/pprof/cmdline").status == 200
        )

    def test_programs_are_served_by_their_command_as_they_come(self):
        server = self.start_server(words=["hold_*", "no_such_*"])
        known = server.ask("/sd").text
        program = self.start_program()
        self.assertNotIn(f'"{program.pid}"', known)
        self.wait_until(
            lambda: server.ask(f"/pid/{program.pid}/debug/pprof/block").status == 200
        )
        self.assertIn(f'"__meta_waitprof_pid":"{program.pid}"', server.ask("/sd").text)

    def test_a_program_without_waits_has_an_empty_profile(self):
        program = self.start_program(block_rate=0, mutex_fraction=0)
        server = self.start_server(words=[program.pid])
        answer = server.ask("/debug/pprof/block")
        self.assertEqual((answer.status, answer.totals()), (200, [0, 0]))
        self.assertIn("empty: the rate is 0", gzip.decompress(answer.body).decode("latin-1"))


if __name__ == "__main__":
    run_tests()
