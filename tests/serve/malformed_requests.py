"""Requests that no decent client sends: endless, and the same for the same seed."""

KNOWN_PATHS = (
    "/",
    "/debug/pprof",
    "/debug/pprof/",
    "/debug/pprof/block",
    "/debug/pprof/mutex",
    "/debug/pprof/delta_block",
    "/debug/pprof/delta_mutex",
    "/debug/pprof/cmdline",
    "/debug/pprof/symbol",
    "/debug/pprof/heap",
    "/metrics",
    "/sd",
    "/healthz",
    "/rates",
    "/pid/1/metrics",
    "/pid/self/debug/pprof/block",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "QUERY")
NAMES = ("seconds", "debug", "gc", "kind", "labels", "block_rate", "mutex_fraction", "for", "x")
VALUES = (
    "", "0", "-1", "1e9", "99999999999999999999", "0x10", "abc", "%", "%zz", "%00", "%ff%fe", "+",
    "mutex", "lock,", ",", "*", "[", "[a-", "nothing", "kind,kind", "true", "1" * 300, "a" * 3000,
)


def line(*words):
    return " ".join(words).encode("latin-1")


def request(start, *headers, body=b""):
    return b"\r\n".join((start, b"Host: a", b"Connection: close", *headers, b"", body))


class Malformed:
    def __init__(self, random):
        self.random = random
        self.makers = [
            self.noise,
            self.broken_line,
            self.huge_header,
            self.many_headers,
            self.odd_header,
            self.bad_escape,
            self.nul,
            self.http_0_9,
            self.junk_behind,
            self.wrong_length,
            self.bad_chunks,
            self.deep_path,
            self.long_query,
            self.odd_method,
            self.odd_query,
            self.mutation,
            self.cut_off,
            self.odd_token,
        ]

    def one(self):
        return self.random.choice(self.makers)()

    def path(self):
        return self.random.choice(KNOWN_PATHS)

    def query(self):
        """Never a span that would be waited for: seconds has no sound value here."""
        random = self.random
        words = (
            f"{random.choice(NAMES)}={random.choice(VALUES)}" for _ in range(random.randint(0, 5))
        )
        return random.choice("&&;?").join(words)

    def valid(self):
        path, query = self.path(), self.query()
        return request(line("GET", f"{path}?{query}", "HTTP/1.1"), b"Accept: */*")

    def noise(self):
        return self.random.randbytes(self.random.randint(1, 2000)) + b"\r\n\r\n"

    def broken_line(self):
        return self.random.choice(
            (
                b"GET\r\n\r\n",
                b"GET /healthz\r\n\r\n",
                b"GET  /healthz  HTTP/1.1\r\n\r\n",
                b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
                b"GET /healthz HTTP/1.1 and more\r\nHost: a\r\n\r\n",
                b"GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n",
                b" / HTTP/1.1\r\n\r\n",
                b"/healthz HTTP/1.1\r\n\r\n",
                b"get /healthz http/1.1\r\n\r\n",
                b"GET /healthz HTTP/\r\n\r\n",
                b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET http://[::1/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
                b"\r\n\r\n\r\n",
                b"\n\n\n",
                b":\r\n:\r\n\r\n",
                b"M" * self.random.randint(100, 9000) + b" / HTTP/1.1\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            )
        )

    def huge_header(self):
        size = self.random.choice((5000, 20000, 70000))
        return request(line("GET", self.path(), "HTTP/1.1"), b"X-Huge: " + b"h" * size)

    def many_headers(self):
        count = self.random.choice((50, 500, 3000))
        headers = (b"X-%d: y" % number for number in range(count))
        return request(line("GET", self.path(), "HTTP/1.1"), *headers)

    def odd_header(self):
        header = self.random.choice(
            (
                b"no colon at all",
                b": no name",
                b"Space : before",
                b"Folded: a\r\n b\r\n\tc",
                b" Starts: with a blank",
                b"Bare\rCR: x",
                b"Bare-LF: x\nInjected: y",
                b"Host: b",
                b"Host: a/../b",
                b"Expect: 100-continue",
                b"Expect: 418-teapot",
                b"Range: bytes=-1",
                b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
                b"Connection: keep-alive, close, x" + b", y" * 500,
                b"Accept-Encoding: " + b"gzip;q=" * 300,
                b"Cookie: " + b"a=b; " * 600,
                b"\xff\xfe\xfd: \x01\x02\x03",
            )
        )
        return request(line("GET", self.path(), "HTTP/1.1"), header)

    def bad_escape(self):
        part = self.random.choice(
            ("%", "%z", "%zz", "%0", "%00", "%2e%2e%2f", "%252e", "%c0%ae", "%ff", "%u0041", "%%%")
        )
        return request(line("GET", f"{self.path()}{part}?{part}={part}", "HTTP/1.1"))

    def nul(self):
        data = bytearray(self.valid())
        for _ in range(self.random.randint(1, 4)):
            data.insert(self.random.randrange(len(data)), 0)
        return bytes(data)

    def http_0_9(self):
        return line("GET", self.path()) + self.random.choice((b"\r\n", b"\n", b"\r\n\r\n"))

    def junk_behind(self):
        return self.valid() + self.noise() + self.valid()

    def wrong_length(self):
        length = self.random.choice(
            (b"-1", b"+5", b"5x", b"0x5", b"", b"99999999999999999999999", b"1048576", b"3, 4", b"2")
        )
        return request(
            line("POST", self.path(), "HTTP/1.1"),
            b"Content-Length: " + length,
            *self.random.choice(((), (b"Content-Length: 7",), (b"Transfer-Encoding: chunked",))),
            body=self.random.randbytes(self.random.randint(0, 50)),
        )

    def bad_chunks(self):
        chunks = self.random.choice(
            (
                b"zz\r\nab\r\n0\r\n\r\n",
                b"-1\r\nab\r\n",
                b"ffffffffffffffffffff\r\nab\r\n",
                b"7fffffffffffffff\r\nab\r\n",
                b"2\r\nabcdef\r\n0\r\n\r\n",
                b"2;" + b"e" * 9000 + b"\r\nab\r\n0\r\n\r\n",
                b"1\r\na\r\n" * 4000 + b"0\r\n\r\n",
                b"2\nab\n0\n\n",
                b"0\r\nTrailer: " + b"t" * 9000 + b"\r\n\r\n",
                b"",
            )
        )
        coding = self.random.choice((b"chunked", b"gzip, chunked", b"chunked, chunked", b"x"))
        path = self.random.choice((self.path(), "/debug/pprof/symbol"))
        return request(
            line("POST", path, "HTTP/1.1"), b"Transfer-Encoding: " + coding, body=chunks
        )

    def deep_path(self):
        path = self.random.choice(
            (
                "/pid/../../" * self.random.randint(1, 300) + "etc/passwd",
                "/pid/1" * self.random.randint(1, 400),
                "/" * self.random.randint(2, 3000),
                "/pid/" + "9" * self.random.randint(1, 2000) + "/metrics",
                "/pid//metrics",
                "/pid/-1/debug/pprof/block",
                "/pid/*/metrics",
                "/pid/[a-",
                "/debug/pprof/block/../../../pid/1/metrics",
                "/debug/pprof/" + "x" * self.random.randint(1, 3000),
            )
        )
        return request(line("GET", path, "HTTP/1.1"))

    def long_query(self):
        size = self.random.choice((2000, 30000, 70000))
        query = self.random.choice(("a" * size, "a=b&" * (size // 4), "kind=" + "x," * (size // 2)))
        return request(line("GET", f"{self.path()}?{query}", "HTTP/1.1"))

    def odd_method(self):
        method = self.random.choice((*METHODS, "", "G\tT", "get", "\x80"))
        return request(line(method, self.path(), "HTTP/1.1"), b"Content-Length: 3", body=b"abc")

    def odd_query(self):
        return self.valid()

    def mutation(self):
        data = bytearray(self.valid())
        for _ in range(self.random.randint(1, 8)):
            at = self.random.randrange(len(data))
            what = self.random.randrange(4)
            if what == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif what == 1:
                del data[at : at + self.random.randint(1, 9)]
                data += b"\r\n"
            elif what == 2:
                data[at:at] = data[at : at + self.random.randint(1, 40)]
            else:
                data[at:at] = self.random.randbytes(self.random.randint(1, 5))
        return bytes(data)

    def cut_off(self):
        data = self.valid()
        return data[: self.random.randrange(1, len(data))]

    def odd_token(self):
        token = self.random.choice(
            (b"Bearer", b"Bearer ", b"Basic Og==", b"Bearer " + b"t" * 4000, b"\xff", b"Bearer a b")
        )
        path = self.random.choice((self.path(), "/rates"))
        return request(line("POST", path, "HTTP/1.1"), b"Authorization: " + token, body=b"")
