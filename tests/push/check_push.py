#!/usr/bin/env python3
"""Runs `waitprof push` against a server of our own: check_push.py --command WAITPROF --library
LIBRARY --program HOLD_LOCK [CASE...]; --list prints the cases.

A case is a function; its name is the sentence that it proves.
"""

import base64
import contextlib
import datetime
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "serve" / "conformance")]

import case_runner  # noqa: E402
import pprof_message  # noqa: E402
from case_runner import Failure, Skipped, case, expect  # noqa: E402
from fake_pyroscope import Behaviour, FakePyroscope  # noqa: E402
from push_case import Case, expect_all, received, wait_until  # noqa: E402

QUICK = ("--retry-min", "20ms", "--retry-max", "100ms")


def profiles_of(server, count):
    return lambda: len(server.profiles) >= count


def push_until_the_end(case, server, *words, spans=4, disturb=None):
    """A program that is followed from its start to its end; then the totals are compared."""
    push = case.start_push(server.url, f"{case.command}*", *QUICK, *words)
    wait_until(lambda: "waiting for one" in push.text(), "push looks for programs")
    program = case.start_program()
    if disturb:
        disturb(push)
    wait_until(profiles_of(server, 2 * spans), f"{spans} spans arrive")
    case.end_program(program)
    truth = case.truth(program.pid)
    wait_until(lambda: received(server.profiles) == truth, "everything arrives")
    summary = push.end()
    expect_all(server, truth)
    expect(summary["sent"] == len(server.profiles), f"{summary} for {len(server.profiles)}")
    expect(summary["left"] == 0, f"{summary}")
    return push, summary


# --- What is sent


@case
def what_is_sent_adds_up_to_what_the_program_counted(case):
    with FakePyroscope() as server:
        push_until_the_end(case, server, spans=6)
        metrics = {profile.metric for profile in server.profiles}
        expect(metrics == {"block", "mutex"}, f"metrics {metrics}")
        for metric in metrics:
            spans = [
                (profile.from_ns, profile.until_ns)
                for profile in server.profiles
                if profile.metric == metric
            ]
            expect(spans == sorted(spans), "profiles are out of order")
            for (_, until), (following, _) in zip(spans, spans[1:]):
                expect(until <= following, "spans overlap")


@case
def requests_are_as_pyroscope_reads_them(case):
    with FakePyroscope() as server:
        program = case.start_program()
        push = case.start_push(
            server.url, "--service", "shop/front-end", "--label", "env=prod,zone=a b=c+d&e%",
            "--label", "pid",
            "--tenant", "team 1", program.pid,
        )
        wait_until(profiles_of(server, 2), "profiles arrive")
        push.end()
        expect(not server.wrong, f"{server.wrong[:3]}")
        for profile in server.profiles:
            expect(profile.service == "shop/front-end", profile.service)
            expect(profile.labels["env"] == "prod", f"{profile.labels}")
            expect(profile.labels["zone"] == "a b=c+d&e%", f"{profile.labels}")
            expect(profile.labels["pid"] == str(program.pid), f"{profile.labels}")
            expect(profile.labels["host"] == os.uname().nodename, f"{profile.labels}")
            expect(set(profile.labels) == {"env", "zone", "pid", "host"}, f"{profile.labels}")
            expect(set(profile.query) == {"name", "from", "until", "spyName"}, f"{profile.query}")
            config = {
                name: (row["units"], row["display-name"]) for name, row in profile.config.items()
            }
            expect(
                config
                == {
                    "contentions": ("lock_samples", f"{profile.metric}_count"),
                    "delay": ("lock_nanoseconds", f"{profile.metric}_duration"),
                },
                f"{config}",
            )
            expect(profile.headers["X-Scope-OrgID"] == "team 1", "no tenant")
            expect(profile.headers["User-Agent"].startswith("waitprof/"), "no name")


@case
def the_path_of_the_address_is_kept(case):
    with FakePyroscope() as server:
        program = case.start_program()
        for path in ("/a/b", "/a/b/", "/a/b/ingest"):
            case.run_push(server.url + path, program.pid, "--once")
        paths = {path.split("?")[0] for _, path, _ in server.requests}
        expect(paths == {"/a/b/ingest"}, f"{paths}")


@case
def the_service_is_the_command_by_default(case):
    with FakePyroscope() as server:
        program = case.start_program(name="odd name,{1}")
        case.run_push(server.url, program.pid, "--once", "--label", "host=,command")
        for profile in server.profiles:
            expect(profile.service == "odd_name__1_", profile.service)
            expect(set(profile.labels) == {"command"}, f"{profile.labels}")
        expect(server.profiles and not server.wrong, f"{server.wrong[:3]}")


@case
def programs_that_ran_before_count_from_now_unless_told_otherwise(case):
    with FakePyroscope() as server:
        program = case.start_program()
        case.run_push(server.url, program.pid, "--once")
        first = received(server.profiles)
        program.send_signal(signal.SIGSTOP)
        server.profiles.clear()
        spool = ("--spool", case.directory / "other")
        case.run_push(server.url, program.pid, "--once", "--since-start", *spool)
        since_start = received(server.profiles)
        server.profiles.clear()
        case.run_push(server.url, program.pid, "--once", "--since-start", *spool)
        expect(not server.profiles, "a second command counted from the start again")
        case.end_program(program)
        truth = case.truth(program.pid)
        expect(since_start == truth, f"{since_start}, not {truth}")
        expect(0 < first["block"][1] < truth["block"][1], f"{first} of {truth}")


@case
def kinds_and_labels_are_as_in_other_commands(case):
    with FakePyroscope() as server:
        program = case.start_program()
        case.run_push(server.url, program.pid, "--once", "--kind", "mutex", "--labels", "kind")
        expect(server.profiles and not server.wrong, f"{server.wrong[:3]}")
        labels = {
            label[:2]
            for profile in server.profiles
            for sample in profile.pprof.samples
            for label in sample.labels
        }
        expect(labels == {("kind", "mutex")}, f"{labels}")
        server.profiles.clear()
        case.run_push(server.url, program.pid, "--once", "--kind", "recv")
        expect(not server.profiles, "an empty profile was sent")


@case
def all_programs_are_followed_as_they_come_and_go(case):
    with FakePyroscope() as server:
        first = case.start_program(name="come_first")
        push = case.start_push(server.url, "--all", "--label", "pid", *QUICK)
        wait_until(profiles_of(server, 2), "profiles arrive")
        second = case.start_program(name="come_second")

        def of_second():
            mine = [p for p in server.profiles if p.labels["pid"] == str(second.pid)]
            return received(mine)

        wait_until(lambda: of_second()["mutex"][1] > 0, "the second program is seen")
        case.end_program(second)
        truth = case.truth(second.pid)
        wait_until(lambda: of_second() == truth, "all of the second program arrives")
        push.end()
        services = {p.service for p in server.profiles if p.labels["pid"] == str(first.pid)}
        expect(services == {"come_first"}, f"{services}")
        expect(not server.wrong, f"{server.wrong[:3]}")


@case
def it_ends_with_the_program_that_was_named(case):
    namings = {
        "pid": lambda region: region.name.split(".")[-3],
        "file": lambda region: region,
        "id": lambda region: region.name.split(".")[-2],
        "digits of the id": lambda region: region.name.split(".")[-2][:11],
    }
    for what, naming in namings.items():
        with FakePyroscope() as server:
            before = set(case.regions.glob("*.wpr"))
            program = case.start_program(milliseconds=700)
            wait_until(lambda: set(case.regions.glob("*.wpr")) - before, "there is a region")
            (region,) = set(case.regions.glob("*.wpr")) - before
            push = case.start_push(server.url, naming(region), "--since-start")
            program.wait()
            summary = push.end(None)
            expect_all(server, case.truth(program.pid))
            expect(summary["sent"] == len(server.profiles), f"{what}: {summary}")


# --- When the server is away or unwell


@case
def a_server_that_is_killed_and_restarted_gets_everything_once(case):
    with FakePyroscope() as server:

        def restart(push):
            wait_until(profiles_of(server, 2), "profiles arrive")
            server.stop()
            wait_until(lambda: "profiles wait in" in push.text(), "push misses the server")
            wait_until(lambda: len(case.spooled()) >= 4, "profiles wait")
            server.start()

        push, summary = push_until_the_end(case, server, disturb=restart)
        expect("takes profiles again" in push.text(), push.text())
        expect(summary["retried"] > 0, f"{summary}")


@case
def a_slow_server_gets_everything(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(delay=0.4) for _ in range(4)]
        _, summary = push_until_the_end(case, server)
        expect(summary["unconfirmed"] == 0, f"{summary}")


@case
def answers_of_trouble_are_tried_again(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(status) for status in (500, 503, 507, 408, 429, 502, 599)]
        _, summary = push_until_the_end(case, server)
        expect(summary["retried"] == 7, f"{summary}")
        expect(summary["unconfirmed"] == 0, f"{summary}")


@case
def a_server_that_asks_for_time_gets_it(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(429, "too much", {"Retry-After": "1"})]
        push_until_the_end(case, server, spans=2)
        times = [moment for moment, _, _ in server.requests]
        expect(times[1] - times[0] >= 0.99, f"asked again after {times[1] - times[0]:.3f} s")


@case
def a_server_that_asks_for_time_is_not_asked_at_the_end(case):
    with FakePyroscope() as server:
        server.default = Behaviour(503, "", {"Retry-After": "600"})
        program = case.start_program()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(lambda: len(case.spooled()) >= 2, "profiles wait")
        summary = push.end(code=1)
        expect(len(server.requests) == 1, f"{len(server.requests)} requests")
        expect(summary["left"] >= 2, f"{summary}")


@case
def pauses_grow_up_to_their_limit(case):
    with FakePyroscope() as server:
        server.default = Behaviour(500)
        program = case.start_program()
        pauses = ("--retry-min", "50ms", "--retry-max", "200ms")
        push = case.start_push(server.url, program.pid, *pauses)
        wait_until(lambda: len(server.requests) >= 8, "it tries again")
        server.default = Behaviour()
        push.end()
        times = [moment for moment, _, _ in server.requests[:8]]
        pauses = [later - earlier for earlier, later in zip(times, times[1:])]
        for pause, least in zip(pauses, (0.025, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1)):
            expect(pause >= least, f"pauses {pauses}")


@case
def a_refused_profile_is_named_and_counted_and_does_not_hold_up_others(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(), Behaviour(422, '{"message":"profile too old"}')]
        program = case.start_program()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(profiles_of(server, 5), "others arrive")
        summary = push.end()
        expect(summary["refused"] == 1 and summary["left"] == 0, f"{summary}")
        expect("profile too old" in push.text(), push.text())
        expect(push.text().count("was refused") == 1, push.text())


@case
def an_answer_does_nothing_to_a_terminal(case):
    with FakePyroscope() as server:
        # "\udcff" is sent as the byte 0xff, which is not UTF-8.
        server.behaviours = [Behaviour(422, "a\x1b[31mred\n\udcffb\x7f")]
        program = case.start_program()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(lambda: "was refused" in push.text(), "push says so")
        push.end()
        written = push.log.read_bytes()
        expect(b"[31mred \xef\xbf\xbdb" in written, f"{written}")
        expect(all(byte == 10 or 0x20 <= byte != 0x7F for byte in written), f"{written}")


@case
def profiles_wait_until_a_rejected_token_is_mended(case):
    token = case.directory / "token"
    token.write_text("secret-of-old\n")
    with FakePyroscope(authorization="Bearer secret-of-new") as server:
        program = case.start_program()
        push = case.start_push(server.url, program.pid, "--token-file", token, *QUICK)
        wait_until(lambda: "answers 401" in push.text(), "push says what is wrong")
        wait_until(lambda: len(case.spooled()) >= 4, "profiles wait")
        (case.directory / "new").write_text("secret-of-new\n")
        (case.directory / "new").replace(token)
        wait_until(profiles_of(server, 6), "profiles arrive")
        summary = push.end()
        expect(not server.wrong, f"{server.wrong[:3]}")
        expect(summary["refused"] == 0 and summary["left"] == 0, f"{summary}")
        expect("secret-of" not in push.text(), "the token is in a message")


@case
def a_secret_from_a_pipe_is_read_once(case):
    pipe = case.directory / "pipe"
    os.mkfifo(pipe)
    with FakePyroscope(authorization="Bearer secret-of-pipe") as server:
        program = case.start_program()
        push = case.start_push(server.url, program.pid, "--token-file", pipe, *QUICK)
        pipe.write_text("secret-of-pipe\n")
        wait_until(profiles_of(server, 5), "profiles arrive")
        push.end()
        expect(not server.wrong, f"{server.wrong[:3]}")
        expect("secret-of" not in push.text(), "the token is in a message")


@case
def a_token_is_read_again_when_its_file_changes(case):
    token = case.directory / "token"
    token.write_text("secret-1\n")
    with FakePyroscope(authorization=("Bearer secret-1", "Bearer secret-20")) as server:
        program = case.start_program()
        push = case.start_push(server.url, program.pid, "--token-file", token, *QUICK)
        wait_until(profiles_of(server, 2), "profiles arrive")
        # Without a refusal in between: the old one is still good.
        (case.directory / "new").write_text("secret-20\n")
        (case.directory / "new").replace(token)
        heard = len(server.requests)
        wait_until(lambda: len(server.requests) >= heard + 4, "more arrive")
        expect(server.profiles[-1].headers["Authorization"] == "Bearer secret-20",
               "the old token is sent")
        # What was read once lasts while there is no file.
        token.unlink()
        arrived = len(server.profiles)
        wait_until(profiles_of(server, arrived + 2), "more arrive")
        summary = push.end()
        expect(summary["retried"] == 0 and not server.wrong, f"{summary}")


@case
def passwords_are_sent_and_never_shown(case):
    user = case.directory / "user"
    user.write_text("ann:pass:word\n")
    header = "Basic " + base64.b64encode(b"ann:pass:word").decode()
    with FakePyroscope(authorization=header) as server:
        program = case.start_program()
        server.behaviours = [Behaviour(400, "wrong pass:word")]
        push = case.run_push(server.url, program.pid, "--once", "--user-file", user, code=1)
        expect(server.profiles and not server.wrong, f"{server.wrong[:3]}")
        expect("pass:word" not in push.text(), push.text())
        address = server.url.replace("//", "//ann:pass%3Aword@")
        push = case.run_push(address, program.pid, code=2)
        expect("--user-file" in push.text() and "pass" not in push.text().replace("password", ""),
               push.text())


@case
def a_wrong_address_loses_nothing(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(404), Behaviour(302, "", {"Location": "/elsewhere"})]
        _, summary = push_until_the_end(case, server, spans=2)
        expect(summary["retried"] == 2, f"{summary}")


@case
def broken_connections_are_tried_again(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(fault="reset") for _ in range(3)]
        _, summary = push_until_the_end(case, server, spans=2)
        expect(summary["retried"] == 3, f"{summary}")


@case
def proxies_of_the_environment_are_used(case):
    with FakePyroscope() as server:
        program = case.start_program()
        case.run_push("http://nowhere.invalid:4040", program.pid, "--once",
                      environment={"http_proxy": server.url})
        expect(len(server.profiles) == 2 and not server.wrong, f"{server.wrong[:3]}")
        expect(server.requests[0][1].startswith("http://nowhere.invalid:4040/ingest?"),
               server.requests[0][1])


@case
def an_answer_counts_though_its_body_breaks_off(case):
    with FakePyroscope() as server:
        server.behaviours = [Behaviour(fault="cut") for _ in range(3)]
        _, summary = push_until_the_end(case, server, spans=3)
        expect(summary["retried"] == 0 and summary["unconfirmed"] == 0, f"{summary}")


# --- Requests whose fate nobody knows


def push_unanswered(case, server, behaviours, *words):
    """A program with one span; its profiles meet the behaviours."""
    program = case.start_program()
    server.behaviours = behaviours
    push = case.start_push(server.url, program.pid, *QUICK, *words)
    wait_until(profiles_of(server, 3), "profiles arrive")
    summary = push.end()
    expect(not server.wrong, f"{server.wrong[:3]}")
    return summary


@case
def unanswered_requests_are_sent_again_and_counted(case):
    with FakePyroscope() as server:
        faults = ("silence", "cut status", "hang")
        summary = push_unanswered(
            case, server, [Behaviour(fault=fault) for fault in faults], "--timeout", "500ms")
        expect(summary["unconfirmed"] == 3 and summary["dropped"] == 0, f"{summary}")
        again = {profile.identity() for profile in server.profiles}
        expect({profile.identity() for profile in server.unanswered} <= again, "one is missing")


@case
def unanswered_requests_are_dropped_where_that_is_asked_for(case):
    with FakePyroscope() as server:
        summary = push_unanswered(
            case, server, [Behaviour(), Behaviour(fault="silence")], "--unconfirmed", "drop")
        expect(summary["unconfirmed"] == 1 and summary["dropped"] == 1, f"{summary}")
        again = {profile.identity() for profile in server.profiles}
        expect(len(server.unanswered) == 1, "one request was to be unanswered")
        expect(server.unanswered[0].identity() not in again, "it was sent again")


@case
def a_request_that_was_under_way_when_push_was_killed_is_unconfirmed(case):
    for policy, unconfirmed, dropped in (("send", 1, 0), ("drop", 1, 1)):
        with FakePyroscope() as server:
            server.default = Behaviour(fault="hang")
            program = case.start_program()
            push = case.start_push(server.url, program.pid)
            wait_until(lambda: server.unanswered, "a request is under way")
            push.end(signal.SIGKILL, -signal.SIGKILL)
            expect(len(case.spooled("sending")) == 1, f"{case.spooled('*')}")
            server.default = Behaviour()
            push = case.run_push(
                server.url, program.pid, "--once", "--unconfirmed", policy, code=dropped)
            summary = push.summary()
            expect(summary["unconfirmed"] == unconfirmed and summary["dropped"] == dropped,
                   f"{policy}: {summary}")
            sent = {profile.identity() for profile in server.profiles}
            expect((server.unanswered[0].identity() in sent) == (policy == "send"), policy)
            case.end_program(program)


# --- The spool


@case
def the_spool_outlives_a_killed_push(case):
    with FakePyroscope() as server:
        server.stop()
        program = case.start_program()
        push = case.start_push(server.url, program.pid, "--since-start", *QUICK)
        wait_until(lambda: len(case.spooled()) >= 6, "profiles wait")
        push.end(signal.SIGKILL, -signal.SIGKILL)
        waiting = len(case.spooled())
        program.send_signal(signal.SIGSTOP)
        server.start()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(profiles_of(server, waiting), "what waited arrives")
        push.end()
        expect(len(server.profiles) == waiting, f"{len(server.profiles)} of {waiting}")
        expect(not case.spooled(), "the spool is not empty")
        order = [profile.until_ns for profile in server.profiles]
        expect(order == sorted(order), "out of order")
        identities = {profile.identity() for profile in server.profiles}
        expect(len(identities) == waiting, "one was sent twice")
        expect(not server.wrong, f"{server.wrong[:3]}")


@case
def what_cannot_be_delivered_stays_and_is_said(case):
    with FakePyroscope() as server:
        server.stop()
        program = case.start_program()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(lambda: len(case.spooled()) >= 2, "profiles wait")
        summary = push.end(code=1)
        left = len(case.spooled())
        expect(summary["left"] == left > 0, f"{summary}, {left} files")
        expect(f"{left} profiles could not be delivered" in push.text(), push.text())
        server.start()
        case.end_program(program)
        other = case.start_program()
        case.run_push(server.url, other.pid, "--once")
        expect(len(server.profiles) == left + 2, f"{len(server.profiles)}, {left} were left")


@case
def a_full_spool_drops_the_oldest_and_counts_them(case):
    with FakePyroscope() as server:
        server.stop()
        program = case.start_program()
        push = case.start_push(
            server.url, program.pid, "--spool-bytes", "50k", *QUICK, every="100ms")
        wait_until(lambda: "the spool is full" in push.text(), "the spool is full")
        time.sleep(0.5)
        size = sum(path.stat().st_size for path in case.spooled())
        expect(0 < size <= 50 * 1024, f"{size} bytes wait")
        case.end_program(program)
        server.start()
        summary = push.end(None)
        expect(summary["dropped"] > 0 and summary["left"] == 0, f"{summary}")
        truth, got = case.truth(program.pid), received(server.profiles)
        expect(got["block"][1] < truth["block"][1], "nothing is missing")
        newest = max(profile.until_ns for profile in server.profiles)
        expect(server.profiles[-1].until_ns == newest, "the newest was dropped")


@case
def a_full_disk_loses_nothing(case):
    mount = case.directory / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", mount],
                      stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Skipped("no file system can be mounted here")
    try:
        with FakePyroscope() as server:

            def fill_for_a_while(push):
                (mount / "ballast").write_bytes(b"")
                with (mount / "ballast").open("wb", buffering=0) as ballast:
                    try:
                        while True:
                            ballast.write(bytes(4096))
                    except OSError:
                        pass
                wait_until(lambda: "later profiles" in push.text(), "push meets the full disk")
                (mount / "ballast").unlink()

            push, summary = push_until_the_end(
                case, server, "--spool", mount, spans=2, disturb=fill_for_a_while)
            expect(summary["dropped"] == 0, f"{summary}")
            expect(push.text().count("later profiles") == 1, push.text())
    finally:
        subprocess.run(["umount", "--lazy", mount], check=True)


@case
def damaged_files_are_set_aside(case):
    with FakePyroscope() as server:
        server.stop()
        program = case.start_program()
        push = case.start_push(server.url, program.pid, *QUICK)
        wait_until(lambda: len(case.spooled()) >= 8, "profiles wait")
        push.end(signal.SIGKILL, -signal.SIGKILL)
        case.end_program(program)
        files = case.spooled() + case.spooled("sending")
        damage = sorted(files)[:4]
        damage[0].write_bytes(damage[0].read_bytes()[:100])
        damage[1].write_bytes(b"")
        flipped = bytearray(damage[2].read_bytes())
        flipped[-10] ^= 1
        damage[2].write_bytes(flipped)
        damage[3].unlink()
        damage[3].symlink_to("/etc/passwd")
        (case.spool / "0000000000000000.new").write_bytes(b"cut off")
        (case.spool / "a note").write_text("of somebody else")
        server.start()
        other = case.start_program()
        push = case.run_push(server.url, other.pid, "--once", *QUICK, code=1)
        expect(push.summary()["damaged"] == 4, push.text())
        arrived = len(server.profiles)
        expect(arrived == len(files) - 4 + 2, f"{arrived} of {len(files)}")
        expect(len(case.spooled("damaged")) == 4, f"{case.spooled('*')}")
        expect((case.spool / "a note").exists(), "a file of others is gone")
        expect(not (case.spool / "0000000000000000.new").exists(), "a cut file stays")
        expect(not server.wrong, f"{server.wrong[:3]}")


@case
def two_commands_do_not_share_a_spool(case):
    with FakePyroscope() as server:
        program = case.start_program()
        first = case.start_push(server.url, program.pid)
        wait_until(profiles_of(server, 1), "the first sends")
        second = case.run_push(server.url, program.pid, code=1)
        expect("another waitprof command uses it" in second.text(), second.text())
        first.end()


@case
def a_spool_that_others_may_write_to_is_refused(case):
    spool = case.directory / "open"
    spool.mkdir()
    spool.chmod(0o777)
    push = case.run_push("http://127.0.0.1:9", "whatever", "--spool", spool, code=1)
    expect("others may write to it" in push.text(), push.text())
    with FakePyroscope() as server:
        program = case.start_program()
        case.run_push(server.url, program.pid, "--once")
        expect(case.spool.stat().st_mode & 0o777 == 0o700, "others may read the spool")


def host_of(server):
    """As the names of spools have it."""
    return server.url.partition("://")[2].replace(":", "_")


def leave_profiles(case, program, to, *words):
    """Pushes to a server that is away; the summary of what is left."""
    return case.run_push(
        to, program.pid, "--once", "--timeout", "200ms", *QUICK, *words, code=1).summary()


@case
def profiles_for_one_server_or_tenant_never_go_to_another(case):
    with FakePyroscope() as away, FakePyroscope() as server:
        away.stop()
        program = case.start_program()
        left = leave_profiles(case, program, away.url, "--tenant", "one")["left"]
        expect(left > 0, "nothing is left")
        case.run_push(server.url, program.pid, "--once")
        expect(len(server.profiles) == 2, f"{len(server.profiles)} profiles")
        expect(len(case.spooled(host=host_of(away))) == left, f"{case.spooled()}")
        away.start()
        case.run_push(away.url, program.pid, "--once", "--tenant", "two")
        tenants = [profile.headers["X-Scope-OrgID"] for profile in away.profiles]
        expect(tenants == ["two"] * 2, f"{tenants}")
        case.run_push(away.url, program.pid, "--once", "--tenant", "one")
        tenants = [profile.headers["X-Scope-OrgID"] for profile in away.profiles[2:]]
        expect(tenants == ["one"] * (left + 2), f"{tenants}")
        expect(len(list(case.spools.iterdir())) == 3, f"{list(case.spools.iterdir())}")


@case
def a_spool_of_another_server_is_refused_unless_it_is_empty(case):
    spool = ("--spool", case.directory / "mine")
    with FakePyroscope() as away, FakePyroscope() as server:
        away.stop()
        program = case.start_program()
        left = leave_profiles(case, program, away.url, *spool)["left"]
        push = case.run_push(server.url, program.pid, "--once", *spool, code=2)
        expect(f"{left} profiles for {away.url}/ingest wait there" in push.text(), push.text())
        expect("--spool" in push.text(), push.text())
        push = case.run_push(away.url, program.pid, "--once", "--tenant", "x", *spool, code=2)
        expect("wait there" in push.text(), push.text())
        expect(not server.requests, "it was sent to another")
        away.start()
        case.run_push(away.url, program.pid, "--once", *spool)
        expect(len(away.profiles) == left + 2, f"{len(away.profiles)} of {left} + 2")
        case.run_push(server.url, program.pid, "--once", *spool)
        expect(len(server.profiles) == 2, "an empty spool was refused")
        # Whoever moves a server says so by removing the note of its address.
        left = leave_profiles(case, program, "http://127.0.0.1:1", *spool)["left"]
        (spool[1] / ".destination").unlink()
        case.run_push(server.url, program.pid, "--once", *spool)
        expect(len(server.profiles) == left + 4, f"{len(server.profiles)} of {left} + 4")


@case
def addresses_that_mean_the_same_have_one_spool(case):
    program = case.start_program()
    for to in ("http://127.0.0.1.nip.invalid:80", "HTTP://127.0.0.1.NIP.invalid/",
               "http://127.0.0.1.nip.invalid/ingest"):
        leave_profiles(case, program, to)
    names = [path.name for path in case.spools.iterdir()]
    expect(len(names) == 1, f"{names}")
    expect(re.fullmatch(r"127\.0\.0\.1\.nip\.invalid-[0-9a-f]{8}", names[0]), f"{names}")
    owner = (case.spool / ".destination").read_text()
    expect(owner == "http://127.0.0.1.nip.invalid/ingest\n", owner)


def remove_spool(spool):
    """Under a push that may add a file just then, or take one away."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            shutil.rmtree(spool)
            return
    raise Failure(f"{spool} cannot be removed")


@case
def a_spool_that_is_removed_is_made_again_and_what_was_in_it_counts_as_lost(case):
    with FakePyroscope() as server:
        server.stop()
        push = case.start_push(server.url, f"{case.command}*", *QUICK)
        wait_until(lambda: "waiting for one" in push.text(), "push looks for programs")
        program = case.start_program()
        wait_until(lambda: len(case.spooled()) >= 4, "profiles wait")
        spool = case.spool
        remove_spool(spool)
        wait_until(lambda: len(case.spooled()) >= 2, "profiles wait again")
        expect(case.spool == spool and spool.stat().st_mode & 0o777 == 0o700, f"{case.spool}")
        begun = (spool / ".begun").read_text().split()
        expect(len(begun) == 1, f"the list of programs has {begun}")
        server.start()
        wait_until(profiles_of(server, 4), "profiles arrive")
        # The last span finds no directory.
        remove_spool(spool)
        case.end_program(program)
        truth = case.truth(program.pid)
        summary = push.end()
        expect(summary["lost"] > 0 and summary["damaged"] == summary["dropped"] == 0, f"{summary}")
        expect(summary["sent"] == len(server.profiles) and summary["left"] == 0, f"{summary}")
        expect(received(server.profiles)["block"][1] < truth["block"][1], "nothing is missing")
        newest = max(profile.until_ns for profile in server.profiles)
        ended = [profile for profile in server.profiles if profile.until_ns == newest]
        expect(len(ended) == 2 and not server.wrong, f"{server.wrong[:3]}")
        push = case.run_push(server.url, f"{case.command}*", "--once")
        expect(push.summary()["damaged"] == 0, push.text())


@case
def what_is_missing_after_a_spool_is_removed_is_counted_as_lost(case):
    with FakePyroscope() as server:
        push = case.start_push(server.url, f"{case.command}*", *QUICK, every="500ms")
        wait_until(lambda: "waiting for one" in push.text(), "push looks for programs")
        program = case.start_program()
        wait_until(profiles_of(server, 2), "profiles arrive")
        remove_spool(case.spool)
        wait_until(profiles_of(server, len(server.profiles) + 4), "more arrive")
        case.end_program(program)
        summary = push.end()
        # The spool was empty, but for a profile that may just have come.
        if summary["lost"] == 0:
            expect_all(server, case.truth(program.pid))
        expect(summary["damaged"] == summary["left"] == 0, f"{summary}")
        expect(case.spool.is_dir(), "there is no spool")


# --- TLS


def make_certificates(directory):
    """A certificate for localhost that signs itself, with its key, and another."""
    if not shutil.which("openssl"):
        raise Skipped("openssl is missing; it is in the package openssl")
    for name in ("right", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost",
             "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt"],
            check=True, stderr=subprocess.DEVNULL)
        both = (directory / f"{name}.key").read_text() + (directory / f"{name}.crt").read_text()
        (directory / f"{name}.pem").write_text(both)


@case
def certificates_are_checked(case):
    make_certificates(case.directory)
    with FakePyroscope(certificate=case.directory / "right.pem") as server:
        program = case.start_program()
        for trust in ((), ("--ca-file", case.directory / "other.crt")):
            push = case.run_push(
                server.url, program.pid, "--once", "--timeout", "300ms", *QUICK, *trust, code=1)
            expect("--ca-file" in push.text(), push.text())
        expect(not server.requests, "it was sent to a stranger")
        left = len(case.spooled())
        expect(left >= 4, f"{left} profiles wait")
        case.run_push(server.url, program.pid, "--once", "--ca-file", case.directory / "right.crt")
        expect(len(server.profiles) == left + 2 and not server.wrong, f"{server.wrong[:3]}")
        push = case.run_push(server.url, program.pid, "--once", "--insecure-tls")
        expect("certificate is not checked" in push.text(), push.text())
        expect(len(server.profiles) == left + 4, f"{len(server.profiles)}")


# --- Directories


FILE_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})Z\.(block|mutex)\.pb\.gz")


def read_kept(case, directory, program):
    """{metric: (contentions, delay)} of the files of a program."""
    totals = {"block": [0, 0], "mutex": [0, 0]}
    for path in sorted((directory / f"{case.command}.{program.pid}").glob("[!.]*")):
        found = FILE_NAME.fullmatch(path.name)
        expect(found, f"an odd name: {path.name}")
        datetime.datetime.strptime(found[1], "%Y%m%dT%H%M%S.%f")
        for sample in pprof_message.Profile.of_body(path.read_bytes()).samples:
            for i in (0, 1):
                totals[found[2]][i] += sample.values[i]
    return {metric: tuple(values) for metric, values in totals.items()}


@case
def a_directory_keeps_what_the_program_counted(case):
    directory = case.directory / "kept"
    push = case.start_push(f"file://{directory}", f"{case.command}*")
    wait_until(lambda: "waiting for one" in push.text(), "push looks for programs")
    program = case.start_program()
    wait_until(lambda: len(list(directory.glob("*/*.pb.gz"))) >= 6, "files are written")
    case.end_program(program)
    truth = case.truth(program.pid)
    wait_until(lambda: read_kept(case, directory, program) == truth, "everything is written")
    expect(truth["block"][1] > 0 and truth["mutex"][1] > 0, f"{truth}")
    push.end()
    expect(not list(directory.glob("*/.*")), "a temporary file stays")
    expect("profiles written" in push.text(), push.text())


@case
def a_directory_that_is_removed_is_made_again(case):
    directory = case.directory / "kept"
    program = case.start_program()
    push = case.start_push(directory, program.pid)
    wait_until(lambda: len(list(directory.glob("*/*.pb.gz"))) >= 2, "files are written")
    shutil.rmtree(directory)
    wait_until(lambda: len(list(directory.glob("*/*.pb.gz"))) >= 2, "files are written again")
    expect(directory.stat().st_mode & 0o777 == 0o700, "others may read it")
    expect((directory / ".begun").exists(), "the list of programs is not made again")
    push.end()


@case
def a_directory_removes_the_oldest_and_nothing_else(case):
    directory = case.directory / "kept"
    program = case.start_program()
    mine = directory / f"{case.command}.{program.pid}"
    old = directory / "gone.1" / "20200101T000000.000000Z.block.pb.gz"
    old.parent.mkdir(parents=True)
    directory.chmod(0o700)
    old.write_bytes(b"old")
    (directory / "gone.1" / ".20200101T000000.000000Z.block.pb.gz.new").write_bytes(b"cut")
    notes = [
        directory / "note.txt",
        directory / "hold_lock.2" / "report.pb.gz",
        directory / "hold_lock.2" / ".draft.new",
    ]
    for note in notes:
        note.parent.mkdir(exist_ok=True)
        note.write_text("keep me")
    push = case.start_push(directory, program.pid, "--keep-bytes", "12k", every="100ms")
    seen = set()

    def has_rotated():
        seen.update(path.name for path in mine.glob("*.pb.gz"))
        return len(seen) > len(list(mine.glob("*.pb.gz"))) + 4

    wait_until(has_rotated, "files go")
    push.end()
    kept = sorted(mine.glob("*.pb.gz"))
    expect(0 < sum(path.stat().st_size for path in kept) <= 12 * 1024, f"{kept}")
    expect(kept[-1].name == max(seen | {kept[-1].name}), "the newest is gone")
    expect(not old.parent.exists(), "what an earlier command left is not removed")
    expect(all(note.exists() for note in notes), "a file of others is gone")
    push = case.run_push(directory, program.pid, "--once", "--keep-age", "1us")
    expect(not list(directory.glob("*/*Z.*.pb.gz")), "too old, and still there")


@case
def options_that_mean_nothing_are_refused(case):
    for to, words, text in (
        ("/tmp/x", ("--token-file", "x"), "--token-file: only where --to is a server"),
        ("http://h", ("--keep-age", "1h"), "--keep-age: only where --to is a directory"),
        ("localhost:4040", (), "begins with http://"),
        ("ftp://ann:word@h", (), "not a value for --to"),
        ("http://h", ("--service", "a b"), "not a value for --service"),
        ("http://h", ("--label", "a=1,a=2"), "two labels of that name"),
        ("http://h", ("--label", "a=x}"), "cannot have"),
        ("http://h", ("--label", "1a=x"), "not the name of a label"),
        ("http://h", ("--label", "service_name=x"), "use --service"),
        ("http://h?x=1", (), "has no '?'"),
        ("http://h", ("--token-file", "x", "--user-file", "y"), "give one of them"),
        ("http://h", ("--kind", "mutez"), "did you mean"),
        ("http://h", ("--ca-file", "/none"), "--ca-file: only where --to is an https:// address"),
        ("http://h", ("--insecure-tls",), "--insecure-tls: only where --to is an https://"),
        ("http://h", ("--all",), "nothing can be named beside --all"),
    ):
        push = case.run_push(to, "program", *words, code=2)
        expect(text in push.text(), f"{to} {words}: {push.text()}")
        expect("word" not in push.text(), push.text())
    push = case.run_push("https://h", "program", "--ca-file", "/none", code=1)
    expect("/none: cannot be read" in push.text(), push.text())


if __name__ == "__main__":
    sys.exit(case_runner.main(Case, {
        "command": "waitprof", "library": "libwaitprof.so", "program": "hold_lock"}))
