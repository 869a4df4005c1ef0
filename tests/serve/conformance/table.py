"""The requests, and how their answers are compared: the contract of net/http/pprof."""

import concurrent.futures
import time

import answers
import profile_rules
from pprof_message import Malformed, Profile

ROOT = "/debug/pprof/"
ATTEMPTS = 5
KINDS = ("block", "mutex")


class Row:
    """One request. `target` and `body` are texts, or make them from the server."""

    def __init__(self, name, target, look, method="GET", body=None, timeout=answers.TIMEOUT_S):
        self.name = name
        self.target = target
        self.look_closer = look
        self.method = method
        self.body = body
        self.timeout = timeout

    def ask(self, server):
        target = self.target(server) if callable(self.target) else self.target
        body = self.body(server) if callable(self.body) else self.body
        target = server.prefix + target
        answer = answers.ask(server.port, self.method, target, body=body, timeout=self.timeout)
        return answers.without_prefix(answer, server.prefix)

    def look(self, answer, server):
        observation = answers.observe_head(answer)
        observation.update(self.look_closer(answer, server))
        return observation

    def observe(self, server):
        return self.look(self.ask(server), server)


class Sequence:
    """Several requests, observed as a whole."""

    def __init__(self, name, observe):
        self.name = name
        self.observe = observe


def redirects():
    for path in (
        "/debug/pprof",
        "/debug/pprof?debug=1",
        "/debug/pprof//",
        "/debug/pprof//block",
        "/debug//pprof/block?debug=1",
        "/debug/./pprof/",
        "/debug/pprof/../pprof/mutex",
    ):
        yield Row("GET " + path, path, answers.observe_exact)
    yield Row("HEAD /debug/pprof", "/debug/pprof", answers.observe_exact, "HEAD")


def indexes():
    for path in (ROOT, ROOT + "?debug=1", "/%64ebug/pprof/"):
        yield Row("GET " + path, path, answers.observe_index)
    yield Row("HEAD " + ROOT, ROOT, answers.observe_exact, "HEAD")


# Parameters that make no difference to the plain profile.
PLAIN = (
    "",
    "?",
    "?debug=0",
    "?debug=",
    "?debug=abc",
    "?debug=1.5",
    "?gc=1",
    "?seconds=",
    "?SECONDS=1",
    "?unknown=1",
    "?debug=0&debug=1",
    "?debug=1;",
    "?&&",
)
TEXT = (
    "?debug=1",
    "?debug=2",
    "?debug=%31",
    "?debug=%2B1",
    "?debug=01",
    "?gc=1&debug=1",
    "?debug=1&seconds=",
    "?debug=1&debug=0",
    "?debug=99999999999999999999",
)
WRONG_SECONDS = (
    "?seconds=abc",
    "?seconds=0",
    "?seconds=-1",
    "?seconds=1.5",
    "?seconds=1e1",
    "?seconds=0x1",
    "?seconds=1_0",
    "?seconds=1s",
    "?seconds=+1",
    "?seconds=1%20",
    "?seconds=99999999999999999999",
    "?seconds=-99999999999999999999",
    "?seconds=abc&seconds=1",
    "?seconds=abc&debug=1",
    "?seconds=1&debug=1",
    "?seconds=1&debug=-1",
)


def profiles():
    for kind in KINDS:
        for query in PLAIN:
            yield Row(f"GET {kind}{query}", ROOT + kind + query, answers.observe_cumulative(kind))
        for query in TEXT:
            yield Row(f"GET {kind}{query}", ROOT + kind + query, answers.observe_text(kind))
        for query in WRONG_SECONDS:
            yield Row(f"GET {kind}{query}", ROOT + kind + query, answers.observe_exact)
        for query in ("", "?debug=1", "?seconds=0"):
            yield Row(f"HEAD {kind}{query}", ROOT + kind + query, answers.observe_exact, "HEAD")
    path = ROOT + "block?seconds=%zz"
    yield Row("GET block?seconds=%zz", path, answers.observe_refusal)
    path = "http://localhost" + ROOT + "block?debug=1"
    yield Row("GET http://localhost/debug/pprof/block?debug=1", path, answers.observe_text("block"))
    for path in (ROOT + "%62lock", "/debug/pprof%2Fblock"):
        yield Row("GET " + path, path, answers.observe_cumulative("block"))
    yield Row("GET block?debug=-1", ROOT + "block?debug=-1", answers.observe_nothing)


def cmdlines():
    for query in ("", "?debug=1", "?seconds=1", "?seconds=abc"):
        yield Row("GET cmdline" + query, ROOT + "cmdline" + query, answers.observe_cmdline)
    yield Row("HEAD cmdline", ROOT + "cmdline", answers.observe_exact, "HEAD")


def known_symbols(server):
    """[(address, names)...] of one stack of the program."""
    profile = Profile.of_body(answers.ask(server.port, "GET", server.profile_path("block")).body)
    stack = next(sample for sample in profile.samples if server.waits in profile.names(sample))
    locations = [profile.location_of[number] for number in stack.location_ids]
    return [(location.address, location.names) for location in locations]


def addresses(server, form="{:#x}"):
    return "+".join(form.format(address) for address, _ in known_symbols(server))


def first_address(server):
    return known_symbols(server)[0][0]


def no_symbols(server):
    return []


def first_twice(server):
    return known_symbols(server)[:1] * 2


# Name, the words, what is named of it.
SYMBOL_REQUESTS = (
    ("nothing", lambda server: "", no_symbols),
    ("several addresses", addresses, known_symbols),
    ("decimal addresses", lambda server: addresses(server, "{}"), known_symbols),
    ("upper-case digits", lambda server: addresses(server, "0X{:X}"), known_symbols),
    ("unknown addresses", lambda server: "0x1+0x2+0xffffffffffffffff", no_symbols),
    ("0", lambda server: "0x0+0", no_symbols),
    ("words", lambda server: "abc+0xzz+-1", no_symbols),
    ("too many digits", lambda server: "0x1" + "0" * 40, no_symbols),
    ("only separators", lambda server: "+++", no_symbols),
    ("a separator at the end", lambda server: addresses(server) + "+", known_symbols),
    ("an address twice", lambda server: "+".join([f"{first_address(server):#x}"] * 2), first_twice),
    (
        "unknown among known",
        lambda server: f"0x1+{first_address(server):#x}+zz+0+{first_address(server):#x}",
        first_twice,
    ),
    ("digits without 0x", lambda server: f"{first_address(server):x}z", no_symbols),
)


def symbols():
    path = ROOT + "symbol"
    for name, words, answer in SYMBOL_REQUESTS:
        yield Row(
            f"GET symbol, {name}",
            lambda server, words=words: f"{path}?{words(server)}",
            answers.observe_symbols(answer),
        )
        yield Row(
            f"POST symbol, {name}",
            path,
            answers.observe_symbols(answer),
            "POST",
            lambda server, words=words: words(server).encode(),
        )
    yield Row("GET symbol", path, answers.observe_symbols(no_symbols))
    yield Row("HEAD symbol", path, answers.observe_exact, "HEAD")
    yield Row(
        "POST symbol, words in the query",
        lambda server: f"{path}?{addresses(server)}",
        answers.observe_symbols(no_symbols),
        "POST",
        b"",
    )
    yield Row(
        "POST symbol, an end of line",
        path,
        answers.observe_symbols(no_symbols),
        "POST",
        lambda server: f"{first_address(server):#x}\n".encode(),
    )


def unknown():
    for name in (
        "nope",
        "nope?debug=1",
        "nope?seconds=1",
        "nope?seconds=abc",
        "block/",
        "block/1",
        "mutex/?debug=1",
        "cmdline/",
        "symbol/",
        "Block",
        "block%00",
        "block%2F",
        "%C3%A4",
        "<b>",
    ):
        yield Row("GET " + name, ROOT + name, answers.observe_exact)
    yield Row("HEAD nope", ROOT + "nope", answers.observe_exact, "HEAD")
    for path in ("/nope", "/debug", "/debug/", "/debug/pprofx"):
        yield Row("GET " + path, path, answers.observe_exact)


def other_profiles():
    """Of Go, about other things than waits."""
    for name in ("allocs", "goroutine", "heap?gc=1", "threadcreate", "trace?seconds=0.01"):
        yield Row("GET " + name, ROOT + name, answers.observe_nothing)
    yield Row("GET goroutine?debug=2", ROOT + "goroutine?debug=2", answers.observe_nothing)


def other_methods():
    for method, name in (
        ("POST", ""),
        ("POST", "block"),
        ("PUT", "mutex?debug=1"),
        ("DELETE", "cmdline"),
        ("OPTIONS", "block"),
        ("PATCH", "nope"),
        ("PUT", "symbol"),
        ("DELETE", "block?seconds=abc"),
    ):
        yield Row(f"{method} /{name}", ROOT + name, answers.observe_refusal, method)


def deltas():
    for kind in KINDS:
        for query in ("?seconds=1", "?seconds=01", "?seconds=%2B1&gc=1", "?seconds=1&debug=0"):
            yield Row(
                f"GET {kind}{query}", ROOT + kind + query, answers.observe_delta(kind, 1)
            )
    yield Row("GET block?seconds=2", ROOT + "block?seconds=2", answers.observe_delta("block", 2))
    yield Row("HEAD block?seconds=1", ROOT + "block?seconds=1", answers.observe_exact, "HEAD")
    yield Row("GET profile?seconds=1", ROOT + "profile?seconds=1", answers.observe_nothing)
    for seconds in (100000, 9223372036):
        yield Row(
            f"GET block?seconds={seconds}",
            f"{ROOT}block?seconds={seconds}",
            answers.observe_exact,
            timeout=2,
        )


def cumulative(server, kind):
    return Profile.of_body(answers.ask(server.port, "GET", server.profile_path(kind)).body)


def observe_two_scrapes(server):
    """Two cumulative profiles with contention between them, and two with none."""
    observation = {}
    for kind in KINDS:
        first = cumulative(server, kind)
        server.program.obey("burst")
        second = cumulative(server, kind)
        third = cumulative(server, kind)
        function = server.functions[kind]
        broken = profile_rules.breaches_between
        observation[kind] = broken(first, second) + broken(second, third)
        observation[kind + " grows"] = second.values(function) != first.values(function)
        observation[kind + " rests"] = third.values(function) == second.values(function)
    return observation


def subtract(after, before):
    """Values of each stack, without the stacks in which nothing happened."""
    difference = {
        identity: [new - old for new, old in zip(values, before.get(identity, (0, 0)))]
        for identity, values in after.items()
    }
    return {identity: values for identity, values in difference.items() if any(values)}


def ask_for_deltas(server):
    """Deltas of one second with a burst within: {kind: profile}. None if one began too late:
    nothing says from outside that it has begun."""
    with concurrent.futures.ThreadPoolExecutor(len(KINDS)) as pool:
        asked = {
            kind: pool.submit(
                answers.ask, server.port, "GET", server.profile_path(kind) + "?seconds=1"
            )
            for kind in KINDS
        }
        time.sleep(0.3)
        began_ns = time.time_ns()
        server.program.obey("burst")
        ended_ns = time.time_ns()
    found = {kind: Profile.of_body(future.result().body) for kind, future in asked.items()}
    if all(
        profile.time_nanos - profile.duration_nanos < began_ns and ended_ns < profile.time_nanos
        for profile in found.values()
    ):
        return found
    return None


def observe_difference(server):
    """A delta is the difference of the cumulative profiles before and after, to the last unit."""
    observation = {}
    found = None
    for _ in range(ATTEMPTS):
        before = {kind: cumulative(server, kind) for kind in KINDS}
        found = ask_for_deltas(server)
        if found is not None:
            break
    if found is None:
        return {"deltas": "each began late or ended early"}
    for kind, delta in found.items():
        function = server.functions[kind]
        after = cumulative(server, kind)
        expected = subtract(after.values(function), before[kind].values(function))
        observation[kind + " saw the contention"] = len(expected) > 0
        observation[kind + " is the difference"] = delta.values(function) == expected
        observation[kind + " rules broken"] = profile_rules.breaches(delta)
        observation[kind + " spans its seconds"] = (
            before[kind].time_nanos <= delta.time_nanos - delta.duration_nanos
            and delta.time_nanos <= after.time_nanos
        )
    return observation


def observe_quiet_delta(server):
    """In a second in which nothing happens."""
    answer = answers.ask(server.port, "GET", server.profile_path("mutex") + "?seconds=1")
    profile = Profile.of_body(answer.body)
    return {
        "the program's stacks": profile.values(server.functions["mutex"]),
        "sample types": profile.sample_types,
        "rules broken": profile_rules.breaches(profile),
    }


def observe_two_deltas(server):
    """Of one profile at once: neither waits for the other."""
    path = server.profile_path("block") + "?seconds=1"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: answers.ask(server.port, "GET", path), range(2)))
    spans = []
    for answer in both:
        profile = Profile.of_body(answer.body)
        spans.append((profile.time_nanos - profile.duration_nanos, profile.time_nanos))
    (first_began, first_ended), (second_began, second_ended) = spans
    return {
        "status": [answer.status for answer in both],
        "spans overlap": max(first_began, second_began) < min(first_ended, second_ended),
    }


DISCONNECTS = 8


def observe_disconnects(server):
    """Clients that go away in the middle of a delta: what follows is answered as ever."""
    for _ in range(DISCONNECTS):
        connection = answers.begin(server.port, server.profile_path("block") + "?seconds=30")
        time.sleep(0.01)
        connection.close()
    plain = answers.ask(server.port, "GET", server.profile_path("block"))
    delta = answers.ask(server.port, "GET", server.profile_path("mutex") + "?seconds=1")
    observation = {"status": [plain.status, delta.status]}
    try:
        observation["rules broken"] = profile_rules.breaches(Profile.of_body(delta.body))
    except Malformed as error:
        observation["rules broken"] = str(error)
    return observation


QUICK = [
    *redirects(),
    *indexes(),
    *profiles(),
    *cmdlines(),
    *symbols(),
    *unknown(),
    *other_profiles(),
    *other_methods(),
]
# Those that may also stand below another path.
BELOW = [row for row in QUICK if callable(row.target) or row.target.startswith("/debug/pprof")]
# These wait most of the time, and may do so together.
SLOW = [
    *deltas(),
    Sequence("a delta of a quiet second", observe_quiet_delta),
    Sequence("two deltas at once", observe_two_deltas),
    Sequence("clients that go away", observe_disconnects),
]
# These have the program contend.
BUSY = [
    Sequence("two scrapes", observe_two_scrapes),
    Sequence("a delta is the difference of two scrapes", observe_difference),
]
