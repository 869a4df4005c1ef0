"""Answers that are wrong on purpose: a comparison that misses one of them sees too little."""

import re

from pprof_message import BYTES, LOCATION, PROFILE, SAMPLE, VARINT
from pprof_message import read_fields, unzip, write_fields, write_varint, zip_up


class Spoiling:
    def __init__(self, name, row, spoil):
        self.name = name
        self.row = row
        self.spoil = spoil


def body(change):
    return lambda answer: answer.but(body=change(answer.body))


def headers(change):
    return lambda answer: answer.but(headers=change(answer.headers))


def without(name):
    return headers(lambda old: [(key, value) for key, value in old if key.lower() != name])


def message(change):
    """Changes the fields of the profile."""
    return body(lambda old: zip_up(write_fields(change(read_fields(unzip(old))))))


def setting(name, value):
    number = PROFILE[name]
    return message(
        lambda fields: [field for field in fields if field[0] != number] + [(number, VARINT, value)]
    )


def without_field(name):
    return message(lambda fields: [field for field in fields if field[0] != PROFILE[name]])


def replaced(name, index, change):
    """Changes the bytes of one of the repeated messages or strings."""

    def change_fields(fields):
        places = [place for place, field in enumerate(fields) if field[0] == PROFILE[name]]
        number, wire, value = fields[places[index]]
        fields[places[index]] = (number, wire, change(value))
        return fields

    return message(change_fields)


def twice(name):
    """Repeats the first of the repeated messages."""

    def change_fields(fields):
        return fields + [next(field for field in fields if field[0] == PROFILE[name])]

    return message(change_fields)


def set_field(number, value):
    """In a message: this varint in place of what the field was."""

    def change(old):
        kept = [field for field in read_fields(old) if field[0] != number]
        return write_fields(kept + [(number, VARINT, value)])

    return change


def with_values(*values):
    packed = b"".join(write_varint(value) for value in values)

    def change(old):
        kept = [field for field in read_fields(old) if field[0] != SAMPLE["value"]]
        return write_fields(kept + [(SAMPLE["value"], BYTES, packed)])

    return change


def with_label(old):
    label = write_fields([(1, VARINT, 1), (2, VARINT, 2)])
    return old + write_fields([(SAMPLE["label"], BYTES, label)])


PLAIN, TEXT, DELTA = "GET block", "GET mutex?debug=1", "GET block?seconds=1"
ERROR, INDEX, REDIRECT = "GET mutex?seconds=abc", "GET /debug/pprof/", "GET /debug/pprof"
CMDLINE, SYMBOL = "GET cmdline", "POST symbol, several addresses"

SPOILINGS = [
    Spoiling("the status", PLAIN, lambda answer: answer.but(status=206)),
    Spoiling("a missing header", PLAIN, without("x-content-type-options")),
    Spoiling("a missing disposition", PLAIN, without("content-disposition")),
    Spoiling("a missing mark of pprof", ERROR, without("x-go-pprof")),
    Spoiling("a header too many", ERROR, headers(lambda old: old + [("Server", "x")])),
    Spoiling("a header twice", PLAIN, headers(lambda old: old + old[:1])),
    Spoiling(
        "another type",
        TEXT,
        headers(lambda old: [(key, value.replace("utf-8", "UTF-8")) for key, value in old]),
    ),
    Spoiling("an error without its end of line", ERROR, body(lambda old: old[:-1])),
    Spoiling("a redirection without a body", REDIRECT, body(lambda old: b"")),
    Spoiling("no compression", PLAIN, body(unzip)),
    Spoiling("two members", PLAIN, body(lambda old: old + old)),
    Spoiling("a cut body", PLAIN, body(lambda old: old[:-9])),
    Spoiling("the period", PLAIN, setting("period", 2)),
    Spoiling("the default type", PLAIN, setting("default_sample_type", 1)),
    Spoiling("dropped frames", PLAIN, setting("drop_frames", 1)),
    Spoiling("a duration", PLAIN, setting("duration_nanos", 1)),
    Spoiling("a short duration", DELTA, setting("duration_nanos", 999_999_999)),
    Spoiling("no duration", DELTA, without_field("duration_nanos")),
    Spoiling("no time", PLAIN, without_field("time_nanos")),
    Spoiling("an old time", DELTA, setting("time_nanos", 1)),
    Spoiling("no period type", PLAIN, without_field("period_type")),
    Spoiling("a third type", PLAIN, twice("sample_type")),
    Spoiling("no samples", PLAIN, without_field("sample")),
    Spoiling("a sample twice", PLAIN, twice("sample")),
    Spoiling("a label", PLAIN, replaced("sample", 0, with_label)),
    Spoiling("a negative value", PLAIN, replaced("sample", 0, with_values(-1, 1))),
    Spoiling("one value", PLAIN, replaced("sample", 0, with_values(1))),
    Spoiling("a location's id", PLAIN, replaced("location", 0, set_field(LOCATION["id"], 99))),
    Spoiling(
        "a location at 0", PLAIN, replaced("location", 0, set_field(LOCATION["address"], 0))
    ),
    Spoiling("a location twice", PLAIN, twice("location")),
    Spoiling("no mappings", PLAIN, without_field("mapping")),
    Spoiling("the first string", PLAIN, replaced("string_table", 0, lambda old: b"x")),
    Spoiling("a string that is not UTF-8", PLAIN, replaced("string_table", 1, lambda old: b"\xff")),
    Spoiling("another kind of text", TEXT, body(lambda old: old.replace(b"mutex", b"contention"))),
    Spoiling("no period of the text", TEXT, body(lambda old: re.sub(rb"sampling.*\n", b"", old))),
    Spoiling("another period", TEXT, body(lambda old: old.replace(b"period=1\n", b"period=9\n"))),
    Spoiling("other units", TEXT, body(lambda old: re.sub(rb"second=\d", b"second=", old))),
    Spoiling("a text without @", TEXT, body(lambda old: old.replace(b"@", b"", 1))),
    Spoiling("a text without its end", TEXT, body(lambda old: old[:-1])),
    Spoiling("a row less", INDEX, body(lambda old: re.sub(rb"<tr>.*block.*</tr>", b"", old))),
    Spoiling("another link", INDEX, body(lambda old: old.replace(b"'mutex?debug=1'", b"'mutex'"))),
    Spoiling("wrong counts", INDEX, body(lambda old: re.sub(rb"<td>\d+<", b"<td>0<", old))),
    Spoiling("a NUL at the end", CMDLINE, body(lambda old: old + b"\0")),
    Spoiling("an argument less", CMDLINE, body(lambda old: old.rsplit(b"\0", 1)[0])),
    Spoiling("a symbol less", SYMBOL, body(lambda old: b"".join(old.splitlines(True)[:-1]))),
    Spoiling("another name", SYMBOL, body(lambda old: old.replace(b" main", b" x", 1))),
    Spoiling("another first line", SYMBOL, body(lambda old: old.replace(b": 1", b":1", 1))),
]
