"""Reads profile.proto, down to what it is made of, so that a test can also write a wrong one.

Only the wire format and the numbers of the fields are known here; the rules that a profile keeps
are in profile_rules.py.
"""

import gzip
import zlib

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

# Fields of the messages, by number.
PROFILE = {
    "sample_type": 1,
    "sample": 2,
    "mapping": 3,
    "location": 4,
    "function": 5,
    "string_table": 6,
    "drop_frames": 7,
    "keep_frames": 8,
    "time_nanos": 9,
    "duration_nanos": 10,
    "period_type": 11,
    "period": 12,
    "comment": 13,
    "default_sample_type": 14,
    "doc_url": 15,
}
SAMPLE = {"location_id": 1, "value": 2, "label": 3}
LABEL = {"key": 1, "str": 2, "num": 3, "num_unit": 4}
MAPPING = {
    "id": 1,
    "start": 2,
    "limit": 3,
    "offset": 4,
    "filename": 5,
    "build_id": 6,
    "has_functions": 7,
    "has_filenames": 8,
    "has_line_numbers": 9,
    "has_inline_frames": 10,
}
LOCATION = {"id": 1, "mapping_id": 2, "address": 3, "line": 4, "is_folded": 5}
LINE = {"function_id": 1, "line": 2}
FUNCTION = {"id": 1, "name": 2, "system_name": 3, "filename": 4, "start_line": 5}


class Malformed(Exception):
    """Not what it should be, and why."""


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a varint without end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def write_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def read_fields(data):
    """The message as a list of (number, wire type, value): integers, or bytes."""
    fields = []
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = read_varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            value, at = int.from_bytes(data[at : at + size], "little"), at + size
        elif wire == BYTES:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise Malformed(f"wire type {wire}")
        if at > len(data):
            raise Malformed("a field reaches beyond its message")
        fields.append((tag >> 3, wire, value))
    return fields


def write_fields(fields):
    out = bytearray()
    for number, wire, value in fields:
        out += write_varint(number << 3 | wire)
        if wire == VARINT:
            out += write_varint(value)
        elif wire == BYTES:
            out += write_varint(len(value)) + value
        else:
            out += value.to_bytes(8 if wire == FIXED64 else 4, "little")
    return bytes(out)


def unzip(body):
    """The message of a body that is exactly one member of gzip."""
    if body[:2] != b"\x1f\x8b":
        raise Malformed("the body is not compressed with gzip")
    member = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        message = member.decompress(body) + member.flush()
    except zlib.error as error:
        raise Malformed(f"gzip: {error}") from error
    if not member.eof:
        raise Malformed("the body ends within the gzip member")
    if member.unused_data:
        raise Malformed("something follows the gzip member")
    return message


def zip_up(message):
    return gzip.compress(message)


class Message:
    """The fields of one message by the names of its table; absent scalars are 0."""

    def __init__(self, data, names):
        self.fields = read_fields(data)
        self.names = names

    def all(self, name):
        return [value for number, _, value in self.fields if number == self.names[name]]

    def has(self, name):
        return bool(self.all(name))

    def number(self, name):
        values = self.all(name)
        return signed(values[-1]) if values else 0

    def messages(self, name, names):
        return [Message(value, names) for value in self.all(name)]

    def numbers(self, name):
        """A repeated number, packed or not."""
        numbers = []
        for value in self.all(name):
            if isinstance(value, int):
                numbers.append(signed(value))
                continue
            at = 0
            while at < len(value):
                one, at = read_varint(value, at)
                numbers.append(signed(one))
        return numbers


class Sample:
    """One sample: the addresses of its locations, leaf first, its labels and its values."""

    def __init__(self, message, profile):
        self.location_ids = message.numbers("location_id")
        self.values = message.numbers("value")
        self.labels = sorted(
            (
                profile.string(label.number("key")),
                profile.string(label.number("str")),
                label.number("num"),
                profile.string(label.number("num_unit")),
            )
            for label in message.messages("label", LABEL)
        )


class Location:
    def __init__(self, message, functions):
        self.id = message.number("id")
        self.mapping_id = message.number("mapping_id")
        self.address = message.number("address") & ((1 << 64) - 1)
        self.function_ids = [line.number("function_id") for line in message.messages("line", LINE)]
        self.names = [functions.get(function_id, "") for function_id in self.function_ids]


class Profile:
    """A decoded profile. References that lead nowhere become "" or are absent: rules judge them."""

    def __init__(self, message):
        self.size = len(message)
        self.message = Message(message, PROFILE)
        self.raw_strings = self.message.all("string_table")
        self.strings = [raw.decode("utf-8", "replace") for raw in self.raw_strings]
        self.functions = self.message.messages("function", FUNCTION)
        self.mappings = self.message.messages("mapping", MAPPING)
        names = {
            function.number("id"): self.string(function.number("name"))
            for function in self.functions
        }
        self.locations = [
            Location(location, names) for location in self.message.messages("location", LOCATION)
        ]
        self.location_of = {location.id: location for location in self.locations}
        self.samples = [Sample(sample, self) for sample in self.message.messages("sample", SAMPLE)]
        self.sample_types = [
            self.type_of(message) for message in self.message.messages("sample_type", LABEL)
        ]
        self.period_types = [
            self.type_of(message) for message in self.message.messages("period_type", LABEL)
        ]
        self.comments = [self.string(number) for number in self.message.numbers("comment")]
        self.time_nanos = self.message.number("time_nanos")
        self.duration_nanos = self.message.number("duration_nanos")

    @classmethod
    def of_body(cls, body):
        return cls(unzip(body))

    def string(self, number):
        return self.strings[number] if 0 <= number < len(self.strings) else ""

    def type_of(self, value_type):
        """ValueType: type is field 1 and unit is field 2, as key and str are of a label."""
        return f"{self.string(value_type.number('key'))}/{self.string(value_type.number('str'))}"

    def identity(self, sample):
        """What tells a sample from others in one program: addresses, leaf first, and labels."""
        locations = (self.location_of.get(number) for number in sample.location_ids)
        addresses = tuple(location.address if location else 0 for location in locations)
        return addresses, tuple(sample.labels)

    def values(self, passing=""):
        """{identity: values} of the samples through a function with this in its name."""
        return {
            self.identity(sample): sample.values
            for sample in self.samples
            if any(passing in name for name in self.names(sample))
        }

    def names(self, sample):
        """Function names of a stack, leaf first."""
        return [
            name
            for number in sample.location_ids
            if number in self.location_of
            for name in self.location_of[number].names
        ]
