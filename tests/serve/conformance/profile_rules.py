"""The rules that back ends and viewers hold profiles to. Each function returns what breaks them.

- pprof: ids are not 0, are unique and lead somewhere; one value for each sample type.
- Parca: the id of each mapping, location and function is its index + 1; the first string is "".
- Pyroscope: valid UTF-8 in every string; no type with "-"; no locations with neither line nor
  address; and its limits, below.
- Alloy, and others that subtract one scrape from the next: a sample is known by the addresses of
  its locations (and labels) alone, so that these are unique, not 0, and stay; no value decreases
  and no sample disappears.
- Contention profiles as Go writes them: two types, period 1, no default type, no dropped frames.
"""

TYPES = ["contentions/count", "delay/nanoseconds"]

# The defaults of Pyroscope's limits.
BYTES_MAX = 4 << 20
SAMPLES_MAX = 16000
LABELS_MAX = 100
FRAMES_MAX = 1000
SYMBOL_BYTES_MAX = 65535


def of_header(profile):
    if profile.sample_types != TYPES:
        yield f"sample types are {profile.sample_types}"
    if profile.period_types != TYPES[:1]:
        yield f"period types are {profile.period_types}"
    if profile.message.number("period") != 1:
        yield f"period is {profile.message.number('period')}"
    for name in ("default_sample_type", "drop_frames", "keep_frames", "doc_url"):
        if profile.message.number(name) != 0:
            yield f"there is a {name}"
    if profile.time_nanos <= 0:
        yield "there is no time"
    if profile.duration_nanos < 0:
        yield "the duration is negative"
    if profile.size > BYTES_MAX:
        yield f"it has {profile.size} bytes"


def of_strings(profile):
    if profile.raw_strings[:1] != [b""]:
        yield "the first string is not empty"
    for number, raw in enumerate(profile.raw_strings):
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            yield f"string {number} is not UTF-8: {raw!r}"
        if len(raw) > SYMBOL_BYTES_MAX:
            yield f"string {number} has {len(raw)} bytes"


def leads_nowhere(profile, message, what, names):
    for name in names:
        if not 0 <= message.number(name) < len(profile.strings):
            yield f"the {name} of {what} is string {message.number(name)} of {len(profile.strings)}"


def of_tables(profile):
    for name, table in (
        ("mapping", [mapping.number("id") for mapping in profile.mappings]),
        ("location", [location.id for location in profile.locations]),
        ("function", [function.number("id") for function in profile.functions]),
    ):
        if table != list(range(1, len(table) + 1)):
            yield f"the ids of the {name} table are not 1, 2, 3...: {table[:20]}"
    for mapping in profile.mappings:
        what = f"mapping {mapping.number('id')}"
        yield from leads_nowhere(profile, mapping, what, ("filename", "build_id"))
    for function in profile.functions:
        what = f"function {function.number('id')}"
        yield from leads_nowhere(profile, function, what, ("name", "system_name", "filename"))
        if profile.string(function.number("name")) == "":
            yield f"{what} has no name"


def of_locations(profile):
    seen = set()
    for location in profile.locations:
        if location.address == 0:
            yield f"location {location.id} has address 0"
        if location.address in seen:
            yield f"two locations have address {location.address:#x}"
        seen.add(location.address)
        for function_id in location.function_ids:
            if not 1 <= function_id <= len(profile.functions):
                yield f"location {location.id} has function {function_id}"
        if location.mapping_id == 0:
            continue
        if not 1 <= location.mapping_id <= len(profile.mappings):
            yield f"location {location.id} has mapping {location.mapping_id}"
            continue
        mapping = profile.mappings[location.mapping_id - 1]
        start, limit = (mapping.number(name) & ((1 << 64) - 1) for name in ("start", "limit"))
        if not start <= location.address < limit:
            yield f"address {location.address:#x} is outside of its mapping {start:#x}-{limit:#x}"


def of_samples(profile, may_be_negative=False):
    if len(profile.samples) > SAMPLES_MAX:
        yield f"it has {len(profile.samples)} samples"
    seen = set()
    for number, sample in enumerate(profile.samples):
        identity = profile.identity(sample)
        if identity in seen:
            yield f"sample {number} has the stack and labels of another"
        seen.add(identity)
        if len(sample.values) != len(profile.sample_types):
            yield f"sample {number} has {len(sample.values)} values"
        if min(sample.values, default=0) < 0 and not may_be_negative:
            yield f"sample {number} has a negative value: {sample.values}"
        if not any(sample.values):
            yield f"sample {number} is all 0"
        if not 1 <= len(sample.location_ids) <= FRAMES_MAX:
            yield f"sample {number} has {len(sample.location_ids)} locations"
        if any(location_id not in profile.location_of for location_id in sample.location_ids):
            yield f"sample {number} has a location that is not there"
        if len(sample.labels) > LABELS_MAX:
            yield f"sample {number} has {len(sample.labels)} labels"
        if any(key == "" for key, _, _, _ in sample.labels):
            yield f"sample {number} has a label without a key"


def breaches(profile):
    """What breaks the rules in one profile."""
    found = []
    for rules in (of_header, of_strings, of_tables, of_locations, of_samples):
        found += rules(profile)
    return found


def breaches_between(earlier, later):
    """What breaks the rules between two cumulative profiles of one program."""
    found = []
    after = later.values()
    for identity, values in earlier.values().items():
        if identity not in after:
            found.append(f"a stack has gone: {[hex(address) for address in identity[0]]}")
        elif any(new < old for old, new in zip(values, after[identity])):
            found.append(f"a value fell from {values} to {after[identity]}")
    names = {location.address: location.names for location in later.locations}
    for location in earlier.locations:
        if names.get(location.address, location.names) != location.names:
            now = names[location.address]
            found.append(f"{location.address:#x} was {location.names} and is now {now}")
    if later.time_nanos < earlier.time_nanos:
        found.append("the time of the later profile is before that of the earlier")
    return found
