"""Weights come out of a checkpoint; nothing of what else may stand in it is run."""

from __future__ import annotations

import copyreg
import os
import pickle
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisight.errors import ModelError, NotAModelError, UnsafeModelError
from decisight.models.backbones import backbones
from decisight.models.checkpoint import read_checkpoint

MAGIC = 0x1950A86A20F9469CFC6C
FLOATS = np.arange(12, dtype="<f4")

# A writer of the layout, instruction by instruction: what PyTorch writes, and what it never would.


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def numbers(*values: int) -> bytes:
    return tuple_of(*map(number, values))


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def storage(elements: int = 12, *, key: str = "0", kind: str = "FloatStorage", last: bytes = b"N") -> bytes:
    return tuple_of(text("storage"), name("torch", kind), text(key), text("cpu"), number(elements), last) + b"Q"


ORDERED = name("collections", "OrderedDict") + b")R"
REBUILD = name("torch._utils", "_rebuild_tensor_v2")


def tensor(shape: bytes, strides: bytes, *, offset: int = 0, of: bytes | None = None) -> bytes:
    return REBUILD + tuple_of(of or storage(), number(offset), shape, strides, b"\x89", ORDERED) + b"R"


PLAIN = tensor(numbers(3, 4), numbers(4, 1))


def pickled(*instructions: bytes) -> bytes:
    return b"\x80\x02" + b"".join(instructions) + b"."


def state_dict(**tensors: bytes) -> bytes:
    return pickled(ORDERED, b"(", *(text(key) + value for key, value in tensors.items()), b"u")


SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def checkpoint(
    state: bytes,
    *,
    magic: bytes | None = None,
    protocol: bytes | None = None,
    system: bytes | None = None,
    keys: bytes | None = None,
    storages: bytes | None = None,
) -> bytes:
    """The bytes of a file; what is not given is as it should be for one storage of twelve floats."""
    return b"".join(
        [
            magic or pickle.dumps(MAGIC, 2),
            protocol or pickle.dumps(1001, 2),
            system or pickle.dumps(SYSTEM, 2),
            state,
            keys or pickle.dumps(["0"], 2),
            stored(FLOATS) if storages is None else storages,
        ]
    )


def stored(values: np.ndarray, count: int | None = None) -> bytes:
    return struct.pack("<Q", len(values) if count is None else count) + values.tobytes()


class Watch:
    """Hears of every event by which a file could do something; a hook of Python's own, which cannot be taken away."""

    EVENTS = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "exec", "compile")

    def __init__(self) -> None:
        self.active = False
        self.heard: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[object, ...]) -> None:
        if self.active and event in self.EVENTS:
            self.heard.append(event)


Read = Callable[[bytes], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def read(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read a checkpoint from its bytes; fails if anything of it is run."""
    path = tmp_path_factory.mktemp("weights") / "weights.pth"

    def from_bytes(data: bytes) -> dict[str, np.ndarray]:
        path.write_bytes(data)
        watch.heard.clear()
        watch.active = True
        try:
            return read_checkpoint(path)
        finally:
            watch.active = False
            assert watch.heard == []

    return from_bytes


class TestWellFormed:
    def test_a_state_dict(self, read: Read) -> None:
        arrays = read(checkpoint(state_dict(weight=PLAIN, bias=tensor(numbers(4), numbers(1), offset=8))))
        assert list(arrays) == ["weight", "bias"]
        np.testing.assert_array_equal(arrays["weight"], FLOATS.reshape(3, 4))
        np.testing.assert_array_equal(arrays["bias"], FLOATS[8:])

    @pytest.mark.parametrize(
        ("shape", "strides", "offset", "expected"),
        [
            # transposed
            ((4, 3), (1, 4), 0, FLOATS.reshape(3, 4).T),
            # every second value from the second on
            ((5,), (2,), 1, FLOATS[1:11:2]),
            # a single number
            ((), (), 7, FLOATS[7]),
            # windows that overlap: more places than values, but no more values than there are
            ((4, 3), (1, 1), 2, np.lib.stride_tricks.sliding_window_view(FLOATS[2:8], 3)),
            # nothing
            ((0, 4), (4, 1), 0, np.zeros((0, 4))),
            ((3, 0), (0, 1), 12, np.zeros((3, 0))),
        ],
    )
    def test_views(
        self, read: Read, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, expected: np.ndarray
    ) -> None:
        view = tensor(numbers(*shape), numbers(*strides), offset=offset)
        found = read(checkpoint(state_dict(w=view)))["w"]
        np.testing.assert_array_equal(found, expected)
        assert found.shape == shape
        assert found.flags.c_contiguous
        assert found.dtype == np.float32

    @pytest.mark.parametrize(
        ("kind", "dtype"),
        [
            ("FloatStorage", "<f4"),
            ("DoubleStorage", "<f8"),
            ("HalfStorage", "<f2"),
            ("LongStorage", "<i8"),
            ("IntStorage", "<i4"),
            ("ShortStorage", "<i2"),
            ("CharStorage", "i1"),
            ("ByteStorage", "u1"),
            ("BoolStorage", "?"),
        ],
    )
    def test_types(self, read: Read, kind: str, dtype: str) -> None:
        values = np.array([0, 1, 1], dtype)
        view = tensor(numbers(3), numbers(1), of=storage(3, kind=kind))
        found = read(checkpoint(state_dict(w=view), storages=stored(values)))["w"]
        np.testing.assert_array_equal(found, values)
        assert found.dtype == np.dtype(dtype)

    def test_storages_in_the_order_of_their_keys(self, read: Read) -> None:
        first, second = (tensor(numbers(2), numbers(1), of=storage(2, key=key)) for key in ("7", "3"))
        raw = stored(np.array([1, 2], "<f4")) + stored(np.array([3, 4], "<f4"))
        arrays = read(checkpoint(state_dict(a=first, b=second), keys=pickle.dumps(["3", "7"], 2), storages=raw))
        assert arrays["a"].tolist() == [3, 4]
        assert arrays["b"].tolist() == [1, 2]

    def test_the_versions_that_pytorch_adds_are_left_out(self, read: Read) -> None:
        versions = b"}X\x09\x00\x00\x00_metadata" + ORDERED + b"s"
        state = state_dict(w=PLAIN)[:-1] + versions + b"b."
        assert list(read(checkpoint(state))) == ["w"]

    def test_memoised_values(self, read: Read) -> None:
        # The storage is described once and taken from the memo the second time, as PyTorch writes shared weights.
        once = storage() + b"q\x05"
        again = tensor(numbers(12), numbers(1), of=b"h\x05")
        arrays = read(checkpoint(state_dict(a=tensor(numbers(12), numbers(1), of=once), b=again)))
        np.testing.assert_array_equal(arrays["a"], arrays["b"])

    def test_the_weights_of_a_backbone(self) -> None:
        arrays = read_checkpoint(backbones.build("efficientnet_lite0").weights_file)  # type: ignore[attr-defined]
        assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
        assert arrays["_fc.weight"].shape == (1000, 1280)
        learnt = sum(a.size for key, a in arrays.items() if "running" not in key and "num_batches" not in key)
        # As published: 4.7 million.
        assert learnt == 4_652_008
        assert all(np.isfinite(a).all() for a in arrays.values())


def command(path: Path) -> str:
    return f"echo done > {path}"


class Evil:
    """What Python's own reader would run."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def attacks() -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    for protocol in range(6):
        yield f"reduce-{protocol}", lambda mark, p=protocol: pickle.dumps(Evil(os.system, command(mark)), p)
    yield "eval", lambda mark: pickle.dumps(Evil(eval, f"open({str(mark)!r}, 'w')"), 2)
    yield "nested", lambda mark: pickle.dumps({"little_endian": [True, (Evil(os.system, command(mark)),)]}, 2)
    yield "stack-global", lambda mark: pickled(text("os"), text("system"), b"\x93", tuple_of(text(command(mark))), b"R")
    yield "inst", lambda mark: pickled(b"(", text(command(mark)), b"ios\nsystem\n")
    yield "obj", lambda mark: pickled(b"(", name("os", "system"), text(command(mark)), b"o")
    yield "newobj", lambda mark: pickled(name("subprocess", "Popen"), tuple_of(text(command(mark))), b"\x81")
    yield "dotted", lambda _: pickled(name("collections", "OrderedDict.fromkeys.__self__"), b")R")
    yield "globals", lambda _: pickled(name("torch._utils", "_rebuild_tensor_v2.__globals__"))
    yield "of-a-permitted-module", lambda _: pickled(name("collections", "namedtuple"))
    yield "of-torch", lambda _: pickled(name("torch", "load"), tuple_of(text("x")), b"R")
    yield "extension", lambda _: pickled(b"\x82\xf0")


PLACES = ("magic", "protocol", "system", "state", "keys")


@pytest.fixture
def extension() -> Iterator[None]:
    """Code 240 of the extension registry stands for ``os.system``, as another library may have arranged."""
    copyreg.add_extension("os", "system", 240)
    yield
    copyreg.remove_extension("os", "system", 240)


@pytest.mark.usefixtures("extension")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", [pytest.param(make, id=known) for known, make in attacks()])
def test_code_is_refused_wherever_it_stands(
    read: Read, tmp_path: Path, place: str, attack: Callable[[Path], bytes]
) -> None:
    mark = tmp_path / "mark"
    parts = {place: attack(mark)}
    data = checkpoint(parts.pop("state", state_dict(w=PLAIN)), **parts)
    with pytest.raises(ModelError) as caught:
        read(data)
    assert not mark.exists()
    assert caught.value.hint


def test_a_forbidden_name_is_told(read: Read) -> None:
    with pytest.raises(UnsafeModelError, match=r"weights\.pth: .*'posix\.system'"):
        read(checkpoint(pickle.dumps(Evil(os.system, "true"), 2)))


def test_a_forbidden_name_cannot_write_to_the_terminal(read: Read) -> None:
    with pytest.raises(UnsafeModelError) as caught:
        read(checkpoint(pickled(name("os\x1b[2J", "x" * 100_000))))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


# BUILD sets attributes. In Python's own reader it changed a tensor after it was checked, and memory beyond the file's
# values came out.
REWRITTEN = b"](" + storage() + number(0) + numbers(4096) + numbers(-1) + b"eb"


@pytest.mark.parametrize(
    "state",
    [
        state_dict(w=PLAIN + REWRITTEN),
        # the constructor of tensors gets defaults, or other code
        pickled(REBUILD, b"}", text("x"), number(1), b"s", b"b"),
        pickled(REBUILD, b"N}", text("__defaults__"), numbers(1, 2), b"s", b"\x86b"),
        pickled(name("torch", "FloatStorage"), b"]", number(1), b"ab"),
        pickled(name("collections", "OrderedDict"), b"N}", text("x"), number(1), b"s\x86b"),
    ],
)
def test_nothing_is_changed_behind_the_checks(read: Read, state: bytes) -> None:
    with pytest.raises(NotAModelError):
        read(checkpoint(state))
    np.testing.assert_array_equal(read(checkpoint(state_dict(w=PLAIN)))["w"], FLOATS.reshape(3, 4))


BILLION = 1 << 30


@pytest.mark.parametrize(
    "state",
    [
        # views that reach outside their storage, on either side
        state_dict(w=tensor(numbers(13), numbers(1))),
        state_dict(w=tensor(numbers(3, 4), numbers(5, 1))),
        state_dict(w=tensor(numbers(4), numbers(1), offset=9)),
        state_dict(w=tensor(numbers(4), numbers(1), offset=-1)),
        state_dict(w=tensor(numbers(4), numbers(-1), offset=8)),
        state_dict(w=tensor(numbers(-4), numbers(1))),
        state_dict(w=tensor(numbers(1), numbers(1), offset=1 << 62)),
        state_dict(w=tensor(numbers(1), numbers(1 << 62))),
        state_dict(w=tensor(numbers(2, 2), numbers(1 << 62, 1 << 62))),
        # shape and strides that do not fit each other, or are none
        state_dict(w=tensor(numbers(3, 4), numbers(1))),
        state_dict(w=tensor(text("ab"), numbers(1, 1))),
        state_dict(w=tensor(tuple_of(text("3")), numbers(1))),
        state_dict(w=tensor(numbers(*[1] * 65), numbers(*[1] * 65))),
        # one value laid out a billion times, and a storage named a thousand times
        state_dict(w=tensor(numbers(BILLION), numbers(0))),
        state_dict(w=tensor(numbers(1 << 14), numbers(0))),
        state_dict(w=tensor(numbers(0, 1 << 62), numbers(0, 0))),
        # storages of absurd sizes, or described in other ways
        state_dict(w=tensor(numbers(12), numbers(1), of=storage(1 << 40))),
        state_dict(w=tensor(numbers(12), numbers(1), of=storage(-1))),
        state_dict(w=tensor(numbers(12), numbers(1), of=storage(BILLION >> 2))),
        state_dict(w=tensor(numbers(12), numbers(1), of=storage(last=number(1)))),
        state_dict(w=tensor(numbers(12), numbers(1), of=tuple_of(text("module"), b"N") + b"Q")),
        state_dict(w=tensor(numbers(12), numbers(1), of=text("0"))),
        # one storage described in two ways
        state_dict(a=PLAIN, b=tensor(numbers(3), numbers(1), of=storage(6, kind="DoubleStorage"))),
        # other things than a dictionary of tensors by name
        pickle.dumps([1, 2], 2),
        pickle.dumps({"w": 1}, 2),
        pickled(b"}", number(1), PLAIN, b"s"),
        pickled(PLAIN),
        state_dict(model=b"}" + text("w") + PLAIN + b"s"),
        # instructions that have nothing to work on
        pickled(b"R"),
        pickled(b"u"),
        pickled(b"t"),
        pickled(b"s"),
        pickled(b"a"),
        pickled(b"b"),
        pickled(b"Q"),
        pickled(b"\x87"),
        pickled(b"h\x01"),
        pickled(b"q\x01"),
        pickled(b"}(", text("w"), b"u"),
        pickled(number(1), number(2), b"a"),
        pickled(b"}R"),
        b".",
    ],
)
def test_a_state_that_makes_no_sense_is_refused(read: Read, state: bytes) -> None:
    with pytest.raises(NotAModelError, match=r"weights\.pth cannot be read"):
        read(checkpoint(state))


def nested(depth: int) -> bytes:
    """A tuple of twice a tuple of twice ...: two to the power of ``depth`` parts in a few bytes each."""
    return b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(depth))


MANY = b"(" + b"".join(text(str(i)) + b"N" for i in range(2000)) + b"u"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "state",
    [
        # what would take for ever to hash, to compare or to print
        pickled(b"}", nested(200), PLAIN, b"s"),
        pickled(nested(200)),
        state_dict(w=tensor(nested(200), nested(200))),
        state_dict(w=tensor(numbers(12), numbers(1), of=nested(200) + b"Q")),
        # copies of copies
        pickled(b"}", MANY, b"q\x00", (name("collections", "OrderedDict") + b"h\x00\x85R") * 2000),
        # a memo of four billion places; texts, numbers and bytes that say they are endless
        pickled(b"Nr\xff\xff\xff\xff"),
        pickled(b"X\xff\xff\xff\xff"),
        pickled(b"\x8d" + struct.pack("<Q", 1 << 60)),
        pickled(b"\x8e" + struct.pack("<Q", 1 << 60)),
        pickled(b"\x96" + struct.pack("<Q", 1 << 40)),
        pickled(b"\x95" + struct.pack("<Q", 1 << 60)),
        pickled(b"\x8b" + struct.pack("<i", 0x7FFFFFFF)),
        # many marks, and a deep nest of lists
        pickled(b"(" * 100_000),
        pickled(b"]" * 100_000, b"a" * 99_999),
        # numbers of thousands of digits
        state_dict(w=tensor(numbers(*[1 << 2000] * 500), numbers(*[1 << 2000] * 500))),
        pickled(b"I" + b"9" * 100_000 + b"\n"),
    ],
)
def test_bombs_neither_explode_nor_take_memory(read: Read, state: bytes) -> None:
    data = checkpoint(state)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError):
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 60 * len(data) + (4 << 20)
    finally:
        tracemalloc.stop()


def test_many_views_of_one_storage_are_no_way_to_fill_the_memory(read: Read) -> None:
    values = np.zeros(1 << 18, "<f4")
    turned = tensor(numbers(1 << 9, 1 << 9), numbers(1, 1 << 9), of=storage(len(values)))
    state = state_dict(**{f"w{i}": turned for i in range(1025)})
    with pytest.raises(NotAModelError, match="more values than any backbone has"):
        read(checkpoint(state, storages=stored(values)))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"magic": pickle.dumps(1, 2)}, "not a legacy PyTorch checkpoint"),
        ({"magic": b"PK\x03\x04" + bytes(100)}, "cannot be read"),
        ({"magic": b"\x89PNG\r\n\x1a\n"}, "cannot be read"),
        ({"protocol": pickle.dumps(1002, 2)}, "not a legacy PyTorch checkpoint"),
        ({"system": pickle.dumps({"little_endian": False}, 2)}, "little-endian"),
        ({"system": pickle.dumps([], 2)}, "little-endian"),
        # the list of storages and what lies in them
        ({"keys": pickle.dumps([], 2)}, "storages"),
        ({"keys": pickle.dumps(["0", "0"], 2)}, "storages"),
        ({"keys": pickle.dumps(["1"], 2)}, "storages"),
        ({"keys": pickle.dumps([0], 2)}, "storages"),
        ({"keys": pickle.dumps("0", 2)}, "storages"),
        ({"storages": b""}, "does not hold"),
        ({"storages": stored(FLOATS, 11)}, "does not hold"),
        ({"storages": stored(FLOATS, 13)}, "does not hold"),
        ({"storages": stored(FLOATS, 1 << 63)}, "does not hold"),
        ({"storages": stored(FLOATS)[:-1]}, "does not hold"),
        ({"storages": stored(FLOATS) + b"\0"}, "goes on after"),
    ],
)
def test_a_file_that_is_not_as_it_should_be(read: Read, parts: dict[str, bytes], says: str) -> None:
    with pytest.raises(NotAModelError, match=says) as caught:
        read(checkpoint(state_dict(w=PLAIN), **parts))
    assert "reinstall" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotAModelError, match=r"none\.pth"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(NotAModelError):
        read_checkpoint(tmp_path)


def test_a_file_cut_anywhere(read: Read) -> None:
    whole = checkpoint(state_dict(w=PLAIN))
    for end in range(len(whole)):
        with pytest.raises(NotAModelError):
            read(whole[:end])


def test_real_weights_cut_in_the_pickles_and_in_the_storages(read: Read) -> None:
    whole = backbones.build("efficientnet_lite0").weights_file.read_bytes()  # type: ignore[attr-defined]
    for end in (*range(0, 50_000, 1000), *range(100_000, len(whole), 4_000_000), len(whole) - 1):
        with pytest.raises(NotAModelError):
            read(whole[:end])


SMALL = checkpoint(state_dict(w=PLAIN, b=tensor(numbers(4), numbers(1), offset=8)))


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # of the standard library
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_gives_our_errors_or_arrays(read: Read, changes: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for at, value in changes:
        data[at] = value
    try:
        arrays = read(bytes(data))
    except ModelError:
        return
    # A changed value, name or version is no damage that can be seen.
    assert sum(a.nbytes for a in arrays.values()) <= FLOATS.nbytes * len(arrays)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=st.lists(st.sampled_from([bytes([i]) for i in b"()]}.NRbQtuseaqhrjcoi2\x80\x81\x85\x86\x87\x88\x93"])))
def test_programs_made_at_random_give_our_errors(read: Read, program: list[bytes]) -> None:
    with pytest.raises(ModelError):
        read(checkpoint(b"".join(program) + b"."))
