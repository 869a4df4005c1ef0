#!/usr/bin/env python3
"""Profiles of a span of time, by `waitprof serve`."""

import signal
import threading
import time

from serve_fixture import ServeTest, run_tests

SECOND_NS = 1_000_000_000


class Background(threading.Thread):
    """A request whose answer comes later."""

    def __init__(self, server, path):
        super().__init__(daemon=True)
        self.server, self.path, self.answer = server, path, None
        self.start()

    def run(self):
        self.answer = self.server.ask(self.path)

    def wait(self):
        self.join(20)
        assert self.answer is not None, "no answer"
        return self.answer


class Deltas(ServeTest):
    def setUp(self):
        super().setUp()
        self.program = self.start_program()

    def serve(self, *options):
        server = self.start_server(*options)
        self.wait_for_samples(server)
        return server

    def test_a_delta_is_of_its_span(self):
        server = self.serve()
        for name in "block", "mutex":
            before = server.ask("/debug/pprof/" + name).totals()
            start_ns = time.time_ns()
            answer = server.ask(f"/debug/pprof/{name}?seconds=1")
            after = server.ask("/debug/pprof/" + name).totals()
            self.assertEqual(
                answer.headers["Content-Disposition"], f'attachment; filename="{name}-delta"'
            )
            self.assertIsNone(answer.headers["X-Waitprof-Ended"])
            self.assertGreaterEqual(answer.profile.duration_nanos, SECOND_NS)
            self.assertGreater(answer.profile.time_nanos, start_ns + SECOND_NS)
            delta = answer.totals()
            self.assertGreater(delta[0], 0)
            self.assertLessEqual(delta[0], after[0] - before[0])
            self.assertLessEqual(delta[1], after[1] - before[1])

    def test_a_program_may_die_in_the_middle(self):
        server = self.serve("--grace", "2s")
        path = f"/pid/{self.program.pid}/debug/pprof/"
        request = Background(server, path + "block?seconds=3000&kind=mutex")
        self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 1)
        time.sleep(0.3)  # of which the profile is to be
        self.program.kill()
        self.program.wait()
        answer = request.wait()
        self.assertEqual((answer.status, answer.headers["X-Waitprof-Ended"]), (200, "true"))
        self.assertGreater(answer.totals()[0], 0)
        self.assertGreater(answer.profile.duration_nanos, 0.25 * SECOND_NS)
        self.assertLess(answer.profile.duration_nanos, 100 * SECOND_NS)
        self.assertTrue(any("ended before the end" in text for text in answer.profile.comments))

        last = server.ask(path + "mutex")
        self.assertEqual((last.status, last.headers["X-Waitprof-Ended"]), (200, "true"))
        self.wait_until(lambda: server.ask(path + "mutex").status == 404)
        self.assertEqual(server.ask("/debug/pprof/mutex").status, 404)

    def test_the_program_goes_on_when_the_server_is_killed(self):
        server = self.serve()
        request = server.open_socket()
        request.sendall(b"GET /debug/pprof/block?seconds=30 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 1)
        server.stop(signal.SIGKILL)
        self.assertIsNone(self.program.poll())
        self.serve()
        request.close()

    def test_too_many_are_refused(self):
        server = self.serve("--max-deltas", "2")
        path = "/debug/pprof/block?seconds=30"
        clients = [server.open_socket() for _ in range(2)]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 2)
        answer = server.ask(path)
        self.assertEqual(answer.status, 503)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertEqual(server.ask("/debug/pprof/block").status, 200)

        # Who hangs up is not waited for.
        clients[0].close()
        self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 1)
        self.assertEqual(server.ask("/debug/pprof/mutex?seconds=1").status, 200)
        clients[1].close()
        self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 0)

    def test_many_at_once_are_all_answered(self):
        server = self.serve()
        paths = ["block?seconds=1", "mutex?seconds=1", "block?seconds=2", "block", "mutex?debug=1"]
        requests = [
            Background(server, "/debug/pprof/" + paths[i % len(paths)]) for i in range(50)
        ]
        for request in requests:
            self.assertEqual(request.wait().status, 200)
        # Deltas of the same start and span are rendered once.
        self.assertLess(server.metric("waitprof_serve_renderings_total"), 45)

    def test_delta_profiles_start_where_the_last_one_ended(self):
        server = self.serve()
        for name in "block", "mutex":
            path = "/debug/pprof/delta_" + name
            first = server.ask(path)
            self.assertEqual(
                first.headers["Content-Disposition"], f'attachment; filename="{name}.pprof.gz"'
            )
            deltas = [first.totals()]
            for _ in range(3):
                server.ask(path, "HEAD")  # is served nothing
                deltas.append(server.ask(path).totals())
            whole = server.ask("/debug/pprof/" + name).totals()
            for i in 0, 1:
                self.assertLessEqual(sum(delta[i] for delta in deltas), whole[i])
            self.wait_until(lambda path=path: server.ask(path).totals()[0] > 0)
            self.assertLess(server.ask(path).totals()[0], first.totals()[0])

    def test_a_server_that_ends_answers_those_who_wait(self):
        server = self.serve()
        with server.open_socket() as client:
            client.sendall(b"GET /debug/pprof/block?seconds=30 HTTP/1.1\r\nHost: a\r\n\r\n")
            self.wait_until(lambda: server.metric("waitprof_serve_deltas") == 1)
            self.assertEqual(server.stop(signal.SIGINT), 0)
            answer = client.recv(100)
            self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 503 "))


if __name__ == "__main__":
    run_tests()
