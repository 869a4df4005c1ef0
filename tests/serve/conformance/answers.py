"""What a server answers, and what of it can be compared with another server's answer.

An observation is a dictionary from the name of an aspect to its value. Two servers that look at
different programs have equal observations if they answer alike.
"""

import html.parser
import http.client
import re
import time

import profile_rules
from pprof_message import Malformed, Profile

HOST = "127.0.0.1"
TIMEOUT_S = 20

# Never compared: Date differs by nature; the others say how a body of some length is framed.
UNCOMPARED_HEADERS = {"date", "content-length", "transfer-encoding"}


class Answer:
    def __init__(self, status, headers, body, began_ns, ended_ns):
        self.status = status
        self.headers = headers
        self.body = body
        self.began_ns = began_ns
        self.ended_ns = ended_ns

    def but(self, **changes):
        """A copy with changes, for a test of the comparison itself."""
        answer = Answer(self.status, self.headers, self.body, self.began_ns, self.ended_ns)
        for name, value in changes.items():
            setattr(answer, name, value)
        return answer


def ask(port, method, target, headers=None, body=None, timeout=TIMEOUT_S):
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    began_ns = time.time_ns()
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        return Answer(response.status, response.getheaders(), content, began_ns, time.time_ns())
    except TimeoutError:
        return Answer("none before the time was over", [], b"", began_ns, time.time_ns())
    finally:
        connection.close()


def without_prefix(answer, prefix):
    """The answer as if its path did not begin so, wherever it leads."""
    if prefix == "" or answer.status != 301:
        return answer
    return answer.but(
        headers=[(name, value.removeprefix(prefix)) for name, value in answer.headers],
        body=answer.body.replace(f'"{prefix}'.encode(), b'"'),
    )


def begin(port, target):
    """Sends a request and returns the connection, with the answer unread."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    connection.request("GET", target)
    return connection


def observe_head(answer):
    """Status and headers."""
    observation = {"status": answer.status}
    for name, value in answer.headers:
        if name.lower() not in UNCOMPARED_HEADERS:
            aspect = "header " + name.lower()
            observation[aspect] = observation.get(aspect, "") + value
    return observation


def observe_exact(answer, server):
    """A text that is the same on every server."""
    return {"body": answer.body}


def observe_refusal(answer, server):
    """A refusal is the same on every server; what is no refusal is the matter of other rows."""
    return {"body": answer.body} if answer.status >= 400 else {}


def observe_nothing(answer, server):
    """Only status and headers count."""
    return {}


def mappings_with_wrong_flags(profile):
    """Those that do not say truly whether all their locations have functions."""
    wrong = []
    for mapping in profile.mappings:
        number = mapping.number("id")
        of_mapping = [one for one in profile.locations if one.mapping_id == number]
        all_named = all(location.names for location in of_mapping)
        if of_mapping and all_named != bool(mapping.number("has_functions")):
            wrong.append(profile.string(mapping.number("filename")))
    return wrong


def observe_profile(answer, profile, server, kind):
    """What every profile has in common, cumulative or delta."""
    through = profile.values(server.functions[kind]) if kind else {}
    return {
        "sample types": profile.sample_types,
        "period type": profile.period_types,
        "period": profile.message.numbers("period"),
        "default sample type": profile.message.has("default_sample_type"),
        "dropped frames": profile.message.has("drop_frames"),
        "kept frames": profile.message.has("keep_frames"),
        "comments": bool(profile.comments),
        "labels": any(sample.labels for sample in profile.samples),
        "first string": profile.raw_strings[:1],
        "rules broken": profile_rules.breaches(profile),
        "time is within the request": answer.began_ns <= profile.time_nanos <= answer.ended_ns,
        "the program's stacks": bool(through),
        "mappings": bool(profile.mappings),
        "mappings with wrong flags": mappings_with_wrong_flags(profile),
    }


def observe_cumulative(kind):
    def observe(answer, server):
        try:
            profile = Profile.of_body(answer.body)
        except Malformed as error:
            return {"body": f"malformed: {error}"}
        observation = observe_profile(answer, profile, server, kind)
        observation["duration"] = profile.message.has("duration_nanos")
        return observation

    return observe


def observe_delta(kind, seconds):
    """A delta of at least so many seconds, in which nothing of the program may have happened."""

    def observe(answer, server):
        try:
            profile = Profile.of_body(answer.body)
        except Malformed as error:
            return {"body": f"malformed: {error}"}
        observation = observe_profile(answer, profile, server, kind)
        took_ns = answer.ended_ns - answer.began_ns
        observation["duration"] = seconds * 10**9 <= profile.duration_nanos <= took_ns
        return observation

    return observe


FIRST_LINE = re.compile(r"--- (contention|mutex):")
ATTRIBUTE = re.compile(r"([a-z /]+)=(\d+)")
SAMPLE = re.compile(r"(\d+) (\d+) @((?: 0x[0-9a-f]+)+)")
FRAME = re.compile(r"#\t+(0x[0-9a-f]+)\t+(.+)\+0x[0-9a-f]+(?:\t+(.+):(\d+))?")
UNKNOWN_FRAME = re.compile(r"#\t+(0x[0-9a-f]+)\t*(.*)")
COMMENT = re.compile(r"# .*")
MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ r-xp [0-9a-f]+ [0-9a-f:]+ \d+ +\S.*")


class Text:
    """The form of debug=1, by its grammar."""

    def __init__(self, body):
        self.attributes = {}
        self.samples = []  # [cycles, count, addresses, frames]
        self.comments = self.mappings = 0
        self.breaches = []
        lines = body.decode("utf-8").split("\n")
        if lines.pop() != "":
            self.breaches.append("the last line has no end")
        first = FIRST_LINE.fullmatch(lines[0]) if lines else None
        self.profile = first.group(1) if first else "unknown"
        self.read_lines(lines[1:])

    def read_lines(self, lines):
        place = "header"
        for line in lines:
            if line == "--- Memory map: ---" and place in ("header", "between"):
                place = "mappings"
            elif place == "mappings":
                self.mappings += 1
                if not MAPPING.fullmatch(line):
                    self.breaches.append(f"not a mapping: {line}")
            elif place == "header" and ATTRIBUTE.fullmatch(line):
                name, value = ATTRIBUTE.fullmatch(line).groups()
                self.attributes[name] = int(value)
            elif place == "header" and COMMENT.fullmatch(line):
                self.comments += 1
            elif place in ("header", "between") and SAMPLE.fullmatch(line):
                cycles, count, addresses = SAMPLE.fullmatch(line).groups()
                numbers = [int(address, 16) for address in addresses.split()]
                self.samples.append((int(cycles), int(count), numbers, []))
                place = "sample"
            elif place == "sample" and line == "":
                place = "between"
            elif place == "sample" and UNKNOWN_FRAME.fullmatch(line):
                frame = FRAME.fullmatch(line) or UNKNOWN_FRAME.fullmatch(line)
                self.samples[-1][3].append((int(frame.group(1), 16), frame.group(2)))
            else:
                self.breaches.append(f"unexpected in {place}: {line}")
        if place in ("header", "sample"):
            self.breaches.append(f"it ends in {place}")

    def values(self, passing):
        """[(count, delay in ns)...], sorted, of samples through a function."""
        ns_per_cycle = 1e9 / self.attributes.get("cycles/second", 1)
        period = self.attributes.get("sampling period", 1)
        return sorted(
            (count * period, round(cycles * period * ns_per_cycle))
            for cycles, count, _, frames in self.samples
            if any(passing in name for _, name in frames)
        )


def same_values(text, profile, passing):
    """Whether text and protobuf say the same of the samples through a function."""
    of_text = text.values(passing)
    of_profile = sorted(tuple(values) for values in profile.values(passing).values())
    return len(of_text) > 0 and [count for count, _ in of_text] == [
        count for count, _ in of_profile
    ] and all(abs(one - other) <= 1 for (_, one), (_, other) in zip(of_text, of_profile))


def observe_text(kind):
    def observe(answer, server):
        try:
            text = Text(answer.body)
            profile = Profile.of_body(ask(server.port, "GET", server.profile_path(kind)).body)
        except (UnicodeDecodeError, Malformed) as error:
            return {"body": f"malformed: {error}"}
        distance = {
            stack[0] - frames[0][0] for _, _, stack, frames in text.samples if frames
        }
        return {
            "profile": text.profile,
            "attributes": sorted(text.attributes),
            "sampling period": text.attributes.get("sampling period"),
            "cycles/second": text.attributes.get("cycles/second", 0) > 0,
            "grammar broken": text.breaches,
            "comments": text.comments > 0,
            "memory map": text.mappings > 0,
            "from a return address to its frame": distance,
            "values are those of the protobuf": same_values(
                text, profile, server.functions[kind]
            ),
        }

    return observe


class Index(html.parser.HTMLParser):
    """The page: title, cells of the table, links and items of the list."""

    def __init__(self, body):
        super().__init__()
        self.title = ""
        self.cells = []
        self.links = []
        self.items = []
        self.target = None
        self.inside = []
        self.feed(body.decode("utf-8"))

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.links.append((dict(attrs).get("href"), ""))
        if tag == "td":
            self.cells.append("")
        if tag == "li":
            self.items.append("")
        if tag not in ("br", "meta", "link"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        while tag in self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "title" in self.inside:
            self.title += data
        if "a" in self.inside:
            href, text = self.links[-1]
            self.links[-1] = (href, text + data)
        if "td" in self.inside:
            self.cells[-1] += data
        if "li" in self.inside:
            self.items[-1] += data


def stacks(server, kind):
    """How many stacks a profile has now."""
    return len(Profile.of_body(ask(server.port, "GET", server.profile_path(kind)).body).samples)


def observe_index(answer, server):
    """One aspect for each profile that the page names."""
    page = Index(answer.body)
    rows = dict(zip(page.cells[3::2], page.cells[2::2]))
    links = {text: href for href, text in page.links}
    observation = {"title": page.title.strip(), "head of the table": page.cells[:2]}
    descriptions = dict(item.split(":", 1) for item in page.items if ":" in item)
    for name in sorted({*rows, *links, *descriptions}):
        description = descriptions.get(name, "").strip()
        observation["entry " + name] = (name in rows, links.get(name), description)
    for kind in server.functions:
        # Go's server contends a little itself, so that there may be more by now.
        counted = int(rows.get(kind, "-1"))
        exact = server.stacks_at_start[kind] <= counted <= stacks(server, kind)
        observation[f"count of {kind} is that of stacks"] = exact
    observation["counts are numbers"] = all(count.isdigit() for count in rows.values())
    return observation


def observe_cmdline(answer, server):
    return {"arguments": answer.body == "\0".join(server.program.argv).encode()}


def observe_symbols(answers_of):
    """The reply to addresses: answers_of(server) is what it must name, in order."""

    def observe(answer, server):
        lines = answer.body.decode("utf-8", "replace").split("\n")
        expected = answers_of(server)
        reply = [line.split(" ", 1) for line in lines[1:-1]]
        wrong = [
            (line, address, names)
            for line, (address, names) in zip(reply, expected)
            if len(line) != 2 or line[0] != f"{address:#x}" or line[1] not in names
        ]
        return {
            "first line": lines[0],
            "last line ends": lines[-1] == "",
            "lines that are missing": len(expected) - len(reply),
            "lines that are wrong": wrong,
        }

    return observe
