#!/usr/bin/env python3
"""The full-screen view of `waitprof top` on a terminal: tmux is the terminal.

    check_terminal.py WAITPROF LIBRARY PROGRAM CHECK

WAITPROF is the command, LIBRARY the preload library, PROGRAM tests/top/waiting_family. CHECK is one
of the functions check_*, without the prefix. Exits 77 where tmux is missing.
"""

import itertools
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

WAITPROF, LIBRARY, PROGRAM = (os.path.abspath(path) for path in sys.argv[1:4])
PATIENCE_S = 30
WORKERS = 3

# A shell that hands the terminal to each job, and sets no modes of it.
SCRIPT = """
set -m
trap : INT
stty -g >before
"$@"
echo $? >status.new; mv status.new status
stty -g >after
if test -e go; then
    fg %1 >fg.out
    echo $? >status2.new; mv status2.new status2
    stty -g >after2
fi
echo finished
exec sleep 1000
"""


def wait_until(what, condition):
    """Returns what the condition returns, once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"never came true: {what}")


class Place:
    """A directory for regions and notes, and a program that is profiled in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp()
        self.environment = dict(os.environ, WAITPROF_DIR=self.path, LC_ALL="C.UTF-8")
        for name in ("NO_COLOR", "LD_PRELOAD", "TMUX"):
            self.environment.pop(name, None)
        self.program = None

    def __enter__(self):
        self.program = subprocess.Popen(
            [PROGRAM, str(WORKERS)], env=dict(self.environment, LD_PRELOAD=LIBRARY)
        )
        try:  # all processes of the family have waited
            wait_until("the family waits", lambda: self.top_json()["processes"] == WORKERS + 1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        shutil.rmtree(self.path, ignore_errors=True)  # tmux may still be leaving

    def run(self, *arguments):
        return subprocess.run(
            [WAITPROF, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
        ).stdout

    def top_json(self):
        text = self.run("top", "--json", str(self.program.pid))
        return json.loads(text) if text else {"processes": 0}

    def note(self, name):
        path = os.path.join(self.path, name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return file.read().strip()


class Screen:
    """A tmux of its own with one pane, where `waitprof top` runs."""

    numbers = itertools.count()

    def __init__(self, place, columns=100, rows=24, term=None, settings=(), options=()):
        self.place = place
        # A server that was told to go takes its time: each has its own.
        self.socket = os.path.join(place.path, f"tmux-{next(Screen.numbers)}")
        command = ["env", *settings, *([f"TERM={term}"] if term else [])]
        command += [WAITPROF, "top", *options, str(place.program.pid)]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  "-c", place.path, "sh", "-c", SCRIPT, "sh", *command)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False,
                       stderr=subprocess.DEVNULL)

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, env=self.place.environment).stdout

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def ask(self, what):
        return self.tmux("display-message", "-p", "#{" + what + "}").strip()

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def shows(self, pattern):
        """Waits until the screen matches; returns the match."""
        try:
            return wait_until(pattern, lambda: re.search(pattern, self.text(), re.MULTILINE))
        except AssertionError:
            print(self.text())
            raise

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def view_pid(self):
        """The process in the foreground of the pane, which is the view."""
        def find():
            for line in subprocess.run(
                ["ps", "-t", self.ask("pane_tty").removeprefix("/dev/"), "-o", "pid=,comm="],
                stdout=subprocess.PIPE, text=True, check=False,
            ).stdout.splitlines():
                pid, name = line.split(None, 1)
                if name.strip() == "waitprof":
                    return int(pid)
            return None
        return wait_until("the view runs", find)

    def check_restored(self, status, note="status", modes="after"):
        """The view has ended (or stopped) so, and the terminal is as it was."""
        assert wait_until("the view ended", lambda: self.place.note(note)) == str(status), \
            self.place.note(note)
        before = self.place.note("before")
        wait_until("the modes are noted", lambda: self.place.note(modes))
        assert self.place.note(modes) == before, (before, self.place.note(modes))
        wait_until("the alternate screen was left", lambda: self.ask("alternate_on") == "0")
        assert self.ask("cursor_flag") == "1", "the cursor is hidden"
        assert self.ask("keypad_flag") == "0", "the keypad sends other keys"


STARTED = r"waiting_family \(pid \d+\).* 4 processes"


def check_the_views_show_a_prefork_family():
    with Place() as place, Screen(place, columns=120) as screen:
        screen.shows(STARTED)
        screen.shows(r"^ .* [1-9].* s .*pthread_mutex_lock <- want_the_lock")
        screen.keys("2")
        screen.shows(r"pthread_mutex_unlock <- hold_the_lock")
        screen.keys("3")
        screen.shows(r" mutex +sync")
        screen.keys("4")
        screen.shows(r"pthread_mutex_lock$")
        # Each process has a thread that waits for the lock.
        def waiting_processes():
            return set(re.findall(r"^ +(\d+) +\d+ +[A-Z] +[0-9.]+ %.* wanter", screen.text(),
                                  re.MULTILINE))
        wait_until("all wanters show", lambda: len(waiting_processes()) == WORKERS + 1)
        assert str(place.program.pid) in waiting_processes()
        screen.keys("q")
        screen.check_restored(0)


def check_keys_reach_the_view():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        screen.keys("Enter")
        screen.shows(r"#1 +want_the_lock$")
        screen.shows(r"waiting_family\.c:\d+")
        screen.keys("Escape")
        screen.shows(r"who waits")
        screen.keys("/", "no such function", "Enter")
        screen.shows(r"The filters leave nothing")
        screen.keys("c")
        screen.shows(r"want_the_lock")
        screen.keys("s")
        screen.shows(r">waits/s")
        screen.keys("Space")
        screen.shows(r"FROZEN")
        screen.keys("f", "h")
        screen.shows(r"PgDn, \^F +a page down")
        screen.keys("BTab")
        screen.shows(r"waits now for")
        screen.keys("q")
        screen.check_restored(0)


def rates_of(place):
    rates = place.top_json()["rates"]
    return rates["block_rate_ns"], rates["mutex_fraction"], len(rates["leases"])


def check_rates_change_for_a_time_and_are_put_back():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        before = rates_of(place)
        screen.keys("r", "7us 3 10m", "Enter")
        screen.shows(r"block rate 7us, mutex fraction 3 for 10m")
        assert rates_of(place) == (7000, 3, 1), rates_of(place)
        screen.keys("Up")
        screen.shows(r"rates: block 7us mutex 1/3  for (10|9)m\d\ds: block 7us mutex 1/3  then block")
        screen.keys("R")
        screen.shows(r"the rates are put back")
        assert rates_of(place) == before
        screen.keys("r", "9us", "Enter")
        screen.shows(r"block rate 9us")
        assert rates_of(place)[0] == 9000
        screen.keys("q")
        screen.check_restored(0)
        assert rates_of(place) == before


def check_sizes_change_while_it_runs():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        for columns, rows, pattern in [
            (132, 50, r"want_the_lock <- be_wanter <- start_thread"),
            (40, 10, r"\A.*waiting_family"),
            (20, 5, r"\A.*waiting_family"),
            (5, 2, r"\A  who\n"),
            (90, 30, r"^Enter open .* help"),
        ]:
            screen.resize(columns, rows)
            screen.shows(pattern)
        text = screen.text().split("\n")
        assert text[29].startswith("Enter open"), text
        screen.keys("q")
        screen.check_restored(0)


def check_signals_leave_the_terminal_as_it_was():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT):
        with Place() as place, Screen(place) as screen:
            screen.shows(STARTED)
            os.kill(screen.view_pid(), number)
            screen.check_restored(128 + number)


def check_the_interrupt_key_leaves_the_terminal_as_it_was():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        screen.keys("C-c")
        screen.check_restored(128 + signal.SIGINT)


def check_suspended_it_gives_the_terminal_back_and_takes_it_again():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        with open(os.path.join(place.path, "go"), "w", encoding="utf-8"):
            pass
        # The shell sees the stop, notes the modes, and brings the view back to the foreground.
        screen.keys("C-z")
        assert wait_until("it stopped", lambda: place.note("status")) == str(128 + signal.SIGTSTP)
        wait_until("the modes are noted", lambda: place.note("after"))
        assert place.note("after") == place.note("before")
        wait_until("the view is back", lambda: screen.ask("alternate_on") == "1")
        screen.shows(STARTED)
        screen.keys("4")
        screen.shows(r"waits now for")
        screen.keys("q")
        screen.check_restored(0, "status2", "after2")


def check_continued_after_a_stop_that_nobody_can_catch_it_draws_again():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        with open(os.path.join(place.path, "go"), "w", encoding="utf-8"):
            pass
        os.kill(screen.view_pid(), signal.SIGSTOP)
        assert wait_until("it stopped", lambda: place.note("status")) == str(128 + signal.SIGSTOP)
        screen.keys("3")
        screen.shows(r" mutex +sync")
        screen.keys("q")
        assert wait_until("it ended", lambda: place.note("status2")) == "0"
        assert wait_until("modes", lambda: place.note("after2")) == place.note("before")


def check_a_program_that_ends_leaves_its_last_data():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        place.program.kill()
        place.program.wait()
        screen.shows(r"ENDED")
        screen.shows(r"want_the_lock")
        screen.keys("r")
        screen.shows(r"it has no rates to change")
        screen.keys("q")
        screen.check_restored(0)


def check_a_terminal_that_is_gone_ends_the_view():
    with Place() as place, Screen(place) as screen:
        screen.shows(STARTED)
        pid = screen.view_pid()
        screen.tmux("kill-pane")
        wait_until("the view is gone", lambda: not os.path.exists(f"/proc/{pid}"))


def check_monochrome_and_dumb_terminals():
    colours = r"\x1b\[[0-9;]*[34][0-7][;m]"
    with Place() as place:
        with Screen(place) as screen:
            screen.shows(STARTED)
            assert re.search(colours, screen.text("-e")), "no colour on a terminal that has some"
        os.remove(os.path.join(place.path, "before"))
        with Screen(place, settings=["NO_COLOR=1"]) as screen:
            screen.shows(STARTED)
            assert not re.search(colours, screen.text("-e")), screen.text("-e")
        with Screen(place, term="vt100") as screen:
            screen.shows(STARTED)
            assert not re.search(colours, screen.text("-e")), screen.text("-e")
            screen.keys("q")
            screen.check_restored(0)
        os.remove(os.path.join(place.path, "status"))
        for term in ("dumb", "no-such-terminal"):
            with Screen(place, rows=40, term=term) as screen:
                screen.shows(r"^Who makes them wait \(mutex\)")
                screen.shows(r"^finished")


def check_a_terminal_that_takes_nothing_does_not_hold_the_view():
    """Nobody reads what the view writes; it ends when it is told to, all the same."""
    with Place() as place:
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        view = subprocess.Popen([WAITPROF, "top", str(place.program.pid)], stdin=slave,
                                stdout=slave, stderr=slave, start_new_session=True,
                                env=dict(place.environment, TERM="xterm"))
        try:
            wait_until("the view has the terminal",
                       lambda: termios.tcgetattr(slave)[3] & termios.ICANON == 0)
            # More than any terminal keeps: each key draws the screen anew.
            for _ in range(200):
                os.write(master, b"\x0c4\x0c1")
                time.sleep(0.005)
            view.send_signal(signal.SIGTERM)
            assert view.wait(PATIENCE_S) == -signal.SIGTERM
        finally:
            view.kill()
            view.wait()
        assert termios.tcgetattr(slave) == before
        os.close(master)
        os.close(slave)


def main():
    check = globals().get("check_" + sys.argv[4])
    if check is None:
        sys.exit(f"{sys.argv[0]}: no check called {sys.argv[4]}")
    if shutil.which("tmux") is None:
        print("skipped: tmux is missing; it is in the package tmux")
        sys.exit(77)
    check()


if __name__ == "__main__":
    main()
