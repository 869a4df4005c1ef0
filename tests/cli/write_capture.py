"""Writes a capture whose figures a case chooses: a pprof file, as waitprof writes it or as Go does.

    write_capture.py FILE TYPE SECONDS STACK=DELAY_MS[/SAMPLES]...

TYPE is block, mutex, or go: a file that says neither its type nor its error. STACK names functions,
innermost first, with ';' between two; file.c is where they are. There is a contention each ms.
With SAMPLES the file tells the error of the delay: that of so many samples of equal size, each of a
wait of its own.
"""
import struct
import sys
import zlib


def number(value):
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def integer(field, value):
    return number(field << 3) + number(value)


def double(field, value):
    return number(field << 3 | 1) + struct.pack("<d", value)


def message(field, encoded):
    return number(field << 3 | 2) + number(len(encoded)) + encoded


class Capture:
    def __init__(self, time_ns):
        self.time_ns = time_ns
        self.strings = {"": 0}
        self.functions = {}

    def string(self, text):
        return self.strings.setdefault(text, len(self.strings))

    def function(self, name):
        return self.functions.setdefault(name, len(self.functions) + 1)

    def sample(self, description):
        stack, delay = description.rsplit("=", 1)
        delay, _, samples = delay.partition("/")
        delay_ns = round(float(delay) * 1e6)
        ids = b"".join(number(self.function(name)) for name in stack.split(";"))
        values = number(max(1, round(float(delay)))) + number(delay_ns)
        encoded = message(1, ids) + message(2, values)
        if samples:
            error = delay_ns**2 / int(samples)
            encoded += integer(1001, int(samples)) + double(1002, error) + double(1003, error)
        return message(2, encoded)

    def location(self, name, index):
        function = integer(1, index) + integer(2, self.string(name))
        function += integer(3, self.string(name)) + integer(4, self.string("file.c"))
        line = integer(1, index) + integer(2, 10 * index)
        return message(4, integer(1, index) + message(4, line)) + message(5, function)

    def encode(self, kind, seconds, samples):
        body = message(1, integer(1, self.string("contentions")) + integer(2, self.string("count")))
        body += message(1, integer(1, self.string("delay")) + integer(2, self.string("nanoseconds")))
        body += b"".join(self.sample(sample) for sample in samples)
        body += b"".join(self.location(*entry) for entry in self.functions.items())
        body += integer(9, self.time_ns) + integer(10, round(seconds * 1e9)) + integer(12, 1)
        if kind != "go":
            comment = number(self.string(f"waitprof 0.1.0: {kind} profile: for a test"))
            body += message(13, comment)
        return body + b"".join(message(6, text.encode()) for text in self.strings)


path, kind, seconds, *samples = sys.argv[1:]
with open(path, "wb") as file:
    # Each file has a time of its own: captures of the same time are copies.
    file.write(Capture(1 + zlib.crc32(path.encode())).encode(kind, float(seconds), samples))
