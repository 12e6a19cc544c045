"""The Arrow import against a producer written here: what is malformed is refused, never read.

Source of truth: the Arrow C data interface and C stream interface, whose structures are built below
with ctypes; each counts how often it was released.
"""

import ctypes
import errno
import struct

import numpy as np
import pytest

from povertycore import _core, errors

# --- the interface, as its specification prints it ------------------------------------------------


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


SCHEMA_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))
ARRAY_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))
STREAM_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))
GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))
GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))
GET_ERROR = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(Stream))

Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", SCHEMA_RELEASE),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ARRAY_RELEASE),
    ("private_data", ctypes.c_void_p),
]
Stream._fields_ = [
    ("get_schema", GET_SCHEMA),
    ("get_next", GET_NEXT),
    ("get_last_error", GET_ERROR),
    ("release", STREAM_RELEASE),
    ("private_data", ctypes.c_void_p),
]

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


EVERY_PRODUCER = []  # a column may outlive the Python object: the callbacks must not go with it


class Producer:
    """A stream of batches that are dictionaries of fields; counts every release."""

    def __init__(self, form, batches, schema=None, fail_at=None):
        self.form, self.batches, self.fail_at = form, batches, fail_at
        self.schema_fields = schema or {}
        self.released = {"schema": 0, "array": 0, "stream": 0}
        self.made = {"schema": 0, "array": 0}
        self.kept = []
        EVERY_PRODUCER.append(self)

    def keep(self, thing):
        self.kept.append(thing)
        return thing

    def count(self, word, callback_type):
        def release(pointer):
            self.released[word] += 1
            pointer.contents.release = callback_type()

        return self.keep(callback_type(release))

    def schema(self, out, form, child=None, **fields):
        out.format, out.name, out.flags = form, b"x", 2
        if child is not None:
            inner = self.keep(Schema())
            self.schema(inner, child)
            inner.release = SCHEMA_RELEASE(lambda pointer: None)
            out.n_children = 1
            out.children = self.keep((ctypes.POINTER(Schema) * 1)(ctypes.pointer(inner)))
        for name, value in fields.items():
            setattr(out, name, value)
        out.release = self.count("schema", SCHEMA_RELEASE)
        self.made["schema"] += 1

    def array(self, out, buffers=(), child=None, **fields):
        out.length = fields.pop("length", 2)
        out.n_buffers = len(buffers)
        addresses = [
            None
            if b is None
            else self.keep(np.frombuffer(b, np.uint8)).ctypes.data
            if len(b)
            else ctypes.addressof(self.keep(ctypes.c_int64()))
            for b in buffers
        ]
        out.buffers = self.keep((ctypes.c_void_p * max(len(buffers), 1))(*addresses))
        if child is not None:
            inner = self.keep(Array())
            self.array(inner, **child)
            self.made["array"] -= 1
            inner.release = self.keep(ARRAY_RELEASE(lambda pointer: None))
            out.n_children = 1
            out.children = self.keep((ctypes.POINTER(Array) * 1)(ctypes.pointer(inner)))
        for name, value in fields.items():
            setattr(out, name, value)
        out.release = self.count("array", ARRAY_RELEASE)
        self.made["array"] += 1

    def __arrow_c_stream__(self, requested_schema=None):
        waiting = iter(enumerate(self.batches))

        def get_schema(stream, out):
            if self.fail_at == "schema":
                return errno.EIO
            form, child = self.form if isinstance(self.form, tuple) else (self.form, None)
            self.schema(out.contents, form, child, **self.schema_fields)
            return 0

        def get_next(stream, out):
            k, batch = next(waiting, (None, None))
            if self.fail_at is not None and self.fail_at == k:
                return errno.EIO
            if batch is None:
                out.contents.release = ARRAY_RELEASE()
            else:
                self.array(out.contents, **batch)
            return 0

        stream = self.keep(Stream())
        stream.get_schema = self.keep(GET_SCHEMA(get_schema))
        stream.get_next = self.keep(GET_NEXT(get_next))
        stream.get_last_error = self.keep(GET_ERROR(lambda s: b"a household's name"))
        stream.release = self.count("stream", STREAM_RELEASE)
        return new_capsule(ctypes.addressof(stream), b"arrow_array_stream", None)


def ints(*values):
    return struct.pack(f"{len(values)}i", *values)


def longs(*values):
    return struct.pack(f"{len(values)}q", *values)


ALL = b"\xff" * 8
NUMBERS = {"buffers": [None, ints(7, 8)]}


def totals(column):
    raw = _core.total(column.n, [column], keep_missing=True)
    return {
        None if gap else value: n
        for value, gap, n in zip(
            raw["key_values"][0].tolist(),
            raw["key_missing"][0].tolist(),
            raw["n"].tolist(),
            strict=True,
        )
    }


# --- worked example: ownership --------------------------------------------------------------------


def test_everything_is_released_once_when_the_column_dies():
    producer = Producer(b"i", [NUMBERS, NUMBERS, {"buffers": [None, None], "length": 0}])
    column = _core.column_arrow(producer)
    assert totals(column) == {7: 2, 8: 2}
    assert producer.released["array"] == 0, "a column in use was released"
    del column
    assert producer.released == {"schema": 1, "array": 3, "stream": 1}


# --- properties: offsets, validity ----------------------------------------------------------------


def test_offsets_of_table_and_column_add_up():
    child = {
        "buffers": [b"\xf7", ints(9, 9, 9, 5, 6, 7)],
        "length": 5,
        "offset": 1,
        "null_count": 1,
    }
    table = {"buffers": [None], "child": child, "offset": 2, "length": 3}
    column = _core.column_arrow(Producer((b"+s", b"i"), [table]))
    assert totals(column) == {None: 1, 6: 1, 7: 1}  # bit 3 of 0xf7 is 0: the row of 5


def test_a_row_is_missing_where_table_or_column_say_so():
    child = {"buffers": [b"\x0b", ints(1, 2, 3, 4)], "length": 4, "null_count": 1}
    table = {"buffers": [b"\x0e"], "child": child, "length": 4, "null_count": 1}
    column = _core.column_arrow(Producer((b"+s", b"i"), [table]))
    assert totals(column) == {None: 2, 2: 1, 4: 1}
    whole = {"buffers": [None, ints(1, 2, 3, 4)], "length": 4}
    column = _core.column_arrow(Producer((b"+s", b"i"), [table | {"child": whole}]))
    assert totals(column) == {None: 1, 2: 1, 3: 1, 4: 1}


def test_a_validity_that_says_none_is_missing_is_not_looked_at():
    column = _core.column_arrow(Producer(b"i", [{"buffers": [b"\0", ints(7, 8)]}]))
    assert totals(column) == {7: 1, 8: 1}
    unknown = {"buffers": [None, ints(7, 8)], "null_count": -1}
    assert totals(_core.column_arrow(Producer(b"i", [unknown]))) == {7: 1, 8: 1}


# --- edges: buffers that may be null --------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "n_buffers"), [(b"i", 2), (b"b", 2), (b"u", 3), (b"U", 3), (b"vu", 3), (b"n", 0)]
)
def test_a_batch_of_no_rows_needs_no_buffers(form, n_buffers):
    column = _core.column_arrow(Producer(form, [{"buffers": [None] * n_buffers, "length": 0}]))
    assert column.n == 0
    assert _core.total(0, [column], keep_missing=True)["n_groups"] == 0


def test_texts_without_bytes_need_no_bytes():
    for form, offsets in ((b"u", ints(0, 0, 0)), (b"U", longs(0, 0, 0))):
        column = _core.column_arrow(Producer(form, [{"buffers": [None, offsets, None]}]))
        assert _core.total(2, [column])["n"].tolist() == [2]


def test_views_without_long_texts_need_no_buffers():
    view = struct.pack("i12s", 2, b"ab")
    column = _core.column_arrow(Producer(b"vu", [{"buffers": [None, view * 2, None]}]))
    assert _core.total(2, [column])["n"].tolist() == [2]


# --- errors ---------------------------------------------------------------------------------------

LONG_VIEW = struct.pack("i4sii", 20, b"abcd", 0, 0)

MALFORMED = {
    "no data": (b"i", {"buffers": [None, None]}),
    "no bits": (b"b", {"buffers": [None, None]}),
    "too few buffers": (b"i", {"buffers": [None]}),
    "too many buffers": (b"i", {"buffers": [None, ints(1, 2), ALL]}),
    "negative length": (b"i", NUMBERS | {"length": -1}),
    "negative offset": (b"i", NUMBERS | {"offset": -1}),
    "offset beyond counting": (b"i", NUMBERS | {"offset": 2**63 - 1}),
    "length beyond counting": (b"i", NUMBERS | {"length": 2**62}),
    "negative number of buffers": (b"i", NUMBERS | {"n_buffers": -1}),
    "no list of buffers": (b"i", NUMBERS | {"buffers": ctypes.POINTER(ctypes.c_void_p)()}),
    "missing rows without validity": (b"i", NUMBERS | {"null_count": 1}),
    "no offsets": (b"u", {"buffers": [None, None, ALL]}),
    "negative first offset": (b"u", {"buffers": [None, ints(-1, 0, 0), ALL]}),
    "offsets that end before they start": (b"u", {"buffers": [None, ints(3, 3, 2), ALL]}),
    "no bytes": (b"U", {"buffers": [None, longs(0, 1, 2), None]}),
    "no views": (b"vu", {"buffers": [None, None, None]}),
    "no lengths of buffers": (b"vu", {"buffers": [None, LONG_VIEW * 2, ALL, None]}),
    "negative length of a buffer": (b"vu", {"buffers": [None, LONG_VIEW * 2, ALL, longs(-1)]}),
    "a long buffer at no address": (b"vu", {"buffers": [None, LONG_VIEW * 2, None, longs(8)]}),
    "too few buffers of views": (b"vu", {"buffers": [None, LONG_VIEW * 2]}),
    "a table without its column": ((b"+s", b"i"), {"buffers": [None]}),
    "a table longer than its column": (
        (b"+s", b"i"),
        {"buffers": [None], "child": NUMBERS, "length": 3},
    ),
    "a table's offset beyond its column": (
        (b"+s", b"i"),
        {"buffers": [None], "child": NUMBERS, "offset": 1},
    ),
    "a table's offset beyond counting": (
        (b"+s", b"i"),
        {"buffers": [None], "child": NUMBERS | {"length": 2**62}, "length": 2**61, "offset": 2**61},
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_arrays_are_refused_and_released(case):
    form, batch = MALFORMED[case]
    override = {}
    if case == "no list of buffers":
        override, batch = {"buffers": batch["buffers"]}, NUMBERS
    producer = Producer(form, [batch])
    if override:
        plain = producer.array
        producer.array = lambda out, **fields: (
            plain(out, **fields),
            setattr(out, "buffers", override["buffers"]),
        )
    with pytest.raises(errors.DTypeError, match="malformed"):
        _core.column_arrow(producer, "x")
    assert producer.released == {"schema": 1, "array": 1, "stream": 1}


@pytest.mark.parametrize(
    ("form", "batch"),
    [
        (b"u", {"buffers": [None, ints(0, 9, 2), ALL]}),
        (b"u", {"buffers": [None, ints(0, -5, 2), ALL]}),
        (b"U", {"buffers": [None, longs(0, 2**40, 2), ALL]}),
        (b"vu", {"buffers": [None, struct.pack("i12s", -1, b"") * 2, None]}),
        (b"vu", {"buffers": [None, LONG_VIEW * 2, None]}),
        (b"vu", {"buffers": [None, LONG_VIEW * 2, ALL, longs(8)]}),
        (b"vu", {"buffers": [None, struct.pack("i4sii", 20, b"a", 7, 0) * 2, ALL, longs(8)]}),
        (b"vu", {"buffers": [None, struct.pack("i4sii", 20, b"a", 0, -9) * 2, ALL, longs(8)]}),
    ],
    ids=[
        "offset beyond",
        "offset before",
        "far offset",
        "negative size",
        "no buffer",
        "too long",
        "no such buffer",
        "before the buffer",
    ],
)
def test_texts_that_point_outside_their_bytes_are_refused_where_they_are_used(form, batch):
    column = _core.column_arrow(Producer(form, [batch]), "x")
    with pytest.raises(errors.PovertyCoreError) as caught:
        _core.total(2, [column])
    assert caught.value.column == "x"
    assert caught.value.row == 0


@pytest.mark.parametrize("form", [b"e", b"w:4", b"z", b"d:9,2", b"+l", b"tsq:", b"ts", b"", b"iz"])
def test_types_that_are_not_read_are_refused_and_released(form):
    producer = Producer(form, [{"buffers": [None, ALL]}])
    with pytest.raises(errors.DTypeError):
        _core.column_arrow(producer)
    assert producer.released == {"schema": 1, "array": 1, "stream": 1}


def test_a_dictionary_is_refused_and_released():
    inner = Schema()
    producer = Producer(b"i", [NUMBERS], schema={"dictionary": ctypes.pointer(inner)})
    with pytest.raises(errors.DTypeError, match="dictionary"):
        _core.column_arrow(producer)
    assert producer.released == {"schema": 1, "array": 1, "stream": 1}


@pytest.mark.parametrize("fail_at", ["schema", 0, 2])
def test_a_stream_that_fails_is_released_and_its_message_is_not_shown(fail_at):
    producer = Producer(b"i", [NUMBERS] * 4, fail_at=fail_at)
    with pytest.raises(errors.DTypeError, match="stream failed") as caught:
        _core.column_arrow(producer)
    assert "name" not in str(caught.value), "the producer's message may hold data"
    assert producer.released["array"] == producer.made["array"]
    assert producer.released["schema"] == producer.made["schema"]
    assert producer.released["stream"] == 1


def test_a_stream_that_was_read_before_is_refused():
    producer = Producer(b"i", [NUMBERS])
    capsule = producer.__arrow_c_stream__()

    class Again:
        def __arrow_c_stream__(self, requested_schema=None):
            return capsule

    assert _core.column_arrow(Again()).n == 2
    with pytest.raises(errors.DTypeError, match="malformed"):
        _core.column_arrow(Again())
    assert producer.released == {"schema": 1, "array": 1, "stream": 1}
