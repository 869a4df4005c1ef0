"""Where `waitprof serve` answers other than Go, on purpose: each with its reason."""

import re


class Difference:
    """Aspects of some rows, and what is ours there: a value, or a function that judges it.

    Versions of Go that differ from each other cannot both be followed: some differences are there
    only since one version, or only until one.
    """

    def __init__(self, reason, rows, ours, since=(1, 0), until=(9, 0)):
        self.reason = reason
        self.rows = re.compile(rows)
        self.ours = ours
        self.since = since
        self.until = until

    def explains(self, row, aspect, ours):
        if aspect not in self.ours or not self.rows.fullmatch(row):
            return False
        expected = self.ours[aspect]
        return expected(ours) if callable(expected) else ours == expected


# Every answer of net/http/pprof that refuses, without what a profile has.
def refusal(status):
    return {
        "status": status,
        "header content-type": "text/plain; charset=utf-8",
        "header x-content-type-options": "nosniff",
        "header x-go-pprof": "1",
        "header content-disposition": None,
    }


def described(name):
    """An entry of the index: in the table, with this link and some description."""
    return lambda entry: (
        entry is not None and entry[:2] == (True, name + "?debug=1") and len(entry[2]) > 20
    )


WRONG_SECONDS = b'invalid value for "seconds" - must be a positive integer\n'
LONG_SECONDS = b"profile duration exceeds server's limit of 3600 seconds\n"

DIFFERENCES = [
    Difference(
        "redirects, too, forbid to guess the type",
        r"(GET|HEAD) /debug/?(pprof|/pprof|\./pprof)\b.*",
        {"header x-content-type-options": "nosniff"},
    ),
    Difference(
        "the index has no other profiles than those of waits",
        r"GET /(d|%64)ebug/pprof/(\?.*)?",
        {
            "entry " + name: None
            for name in (
                "allocs",
                "full goroutine stack dump",
                "goroutine",
                "heap",
                "profile",
                "threadcreate",
                "trace",
            )
        },
    ),
    Difference(
        "the index has also the deltas of godeltaprof, and symbol, and describes what is ours",
        r"GET /(d|%64)ebug/pprof/(\?.*)?",
        {
            "entry " + name: described(name)
            for name in ("block", "cmdline", "delta_block", "delta_mutex", "mutex", "symbol")
        },
    ),
    Difference(
        "a value that is not well encoded counts as it is and is refused; Go leaves it out",
        r"GET block\?seconds=%zz",
        dict(refusal(400), body=WRONG_SECONDS),
    ),
    Difference(
        "a delta lasts an hour at most; Go's lasts as long as is asked for",
        r"GET block\?seconds=[0-9]{6,18}",
        dict(refusal(400), body=LONG_SECONDS),
    ),
    Difference(
        "comments say what was wrapped, lost and out of reach; Go writes none, pprof prints them",
        r"GET .*(block|%62lock|mutex).*",
        {"comments": True},
    ),
    Difference(
        "debug=1 ends with a memory map, so that viewers find files and build-ids; Go has none",
        r"GET .*(block|mutex)\?.*debug=.*",
        {"memory map": True},
    ),
    Difference(
        "other methods than GET and HEAD are refused, as Go does since 1.22",
        r"(POST|PUT|DELETE|OPTIONS|PATCH) /.*",
        {
            "status": 405,
            "header allow": lambda allow: allow in ("GET, HEAD", "GET, HEAD, POST"),
            "header content-type": "text/plain; charset=utf-8",
            "header content-disposition": None,
            "header x-go-pprof": None,
            "body": b"Method Not Allowed\n",
        },
        until=(1, 22),
    ),
    Difference(
        "POST of addresses to symbol is answered: pprof gives up otherwise; Go refuses it since"
        " 1.22",
        r"POST symbol.*",
        {
            "status": 200,
            "header allow": None,
            "first line": "num_symbols: 1",
            "last line ends": True,
            "lines that are missing": 0,
            "lines that are wrong": [],
        },
        since=(1, 22),
    ),
    Difference(
        "profiles of other things than waits are unknown: allocs, goroutine, heap, threadcreate,"
        " trace and the CPU profile",
        r"GET (allocs|goroutine|heap|threadcreate|trace|profile)\b.*",
        refusal(404),
    ),
]


def of(go_version):
    return [entry for entry in DIFFERENCES if entry.since <= go_version < entry.until]
