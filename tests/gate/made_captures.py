"""Captures of no program: pprof files with the functions and delays that a case asks for, as another
profiler would write them."""

import gzip

LEAF = "pthread_mutex_lock"


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field, number):
    return varint(field << 3) + varint(number)


def bytes_field(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def packed_field(field, numbers):
    return bytes_field(field, b"".join(map(varint, numbers)))


def write_capture(path, delays, seconds=10):
    """A block profile: for each function, what `pthread_mutex_lock` waited there, in ns."""
    strings = [""]

    def index(text):
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    profile = b"".join(
        bytes_field(1, number_field(1, index(name)) + number_field(2, index(unit)))
        for name, unit in (("contentions", "count"), ("delay", "nanoseconds"))
    )
    for i, name in enumerate([LEAF, *delays], start=1):
        profile += bytes_field(5, number_field(1, i) + number_field(2, index(name))
                               + number_field(3, index(name)) + number_field(4, index("store.c")))
        profile += bytes_field(4, number_field(1, i) + number_field(3, 0x1000 * i)
                               + bytes_field(4, number_field(1, i) + number_field(2, 10 * i)))
    for i, delay_ns in enumerate(delays.values(), start=2):
        if delay_ns > 0:
            profile += bytes_field(2, packed_field(1, [1, i])
                                   + packed_field(2, [max(1, delay_ns // 1000), delay_ns]))
    profile += number_field(10, int(seconds * 1e9))
    profile += bytes_field(11, number_field(1, index("contentions")) + number_field(2, index("count")))
    profile += number_field(12, 1)
    for text in strings:
        profile += bytes_field(6, text.encode())
    path.write_bytes(gzip.compress(profile))


# By how much captures of a side differ, in turn: a standard deviation of 2 %.
JITTER = (0.00, 0.02, -0.02, 0.03, -0.03, 0.01, -0.01, 0.02, -0.02, 0.00)


def write_side(directory, delays, count=10, shift=0):
    """`count` captures whose delays scatter by some 2 %; returns the directory."""
    directory.mkdir(parents=True)
    for number in range(count):
        times = 1 + JITTER[(number + shift) % len(JITTER)]
        write_capture(directory / f"{number:02}.pb.gz",
                      {name: int(delay_ns * times) for name, delay_ns in delays.items()})
    return directory
