"""Whatever our validator accepts, the library reads; whatever it refuses, it refuses in words of its own."""

from __future__ import annotations

import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdtoolbox.errors import UserError
from sdtoolbox.models.header import BYTES, LONGEST_HEADER, read_header


def framed(header: bytes | dict[str, Any], data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype: object = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def one(**values: object) -> bytes:
    return framed({"a": tensor(**values)}, b"1234")


def zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    return path.read_bytes()


PLAIN = {"a": tensor()}
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "seven bytes": (b"1234567", "it is cut at 7 of at least 8 bytes"),
    "web page": (b"<!DOCTYPE html><html>", "it is a web page, the download may have needed a login"),
    "web page after blanks": (b"  \n <html><body>Log in", "it is a web page, the download may have needed a login"),
    "Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
        "it is a Git LFS pointer, the weights themselves were not downloaded",
    ),
    "GGUF": (b"GGUF" + bytes(20), "it is a GGUF file, and quantised weights of that kind cannot be loaded yet"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "it is an HDF5 file of another program"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "it is a compressed archive (gzip) that has to be unpacked first"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(20), "it is a picture"),
    "JSON answer": (
        b'{"error": "gated"}',
        "it is a text in JSON, perhaps a server's answer instead of the file",
    ),
    "reserved, never filled": (
        bytes(100),
        "it begins with zeros: the download reserved its place but did not fill it",
    ),
    "header of 2**63 bytes": (
        (2**63).to_bytes(8, "little") + b"{}",
        f"it is not a safetensors file, or its header of {2**63} bytes is longer than {LONGEST_HEADER}",
    ),
    "cut within the header": (framed(PLAIN)[:30], "it is cut within its header, at 30 of more than 69 bytes"),
    "no header": (framed(b"[1, 2]"), "it is not a safetensors file: there is no header at its start"),
    "not UTF-8": (framed(b'{"\xff": 1}'), "its header is not text in UTF-8"),
    "not JSON": (framed(b"{not json}"), "its header is not JSON"),
    "two values": (framed(b"{} {}"), "its header is not JSON"),
    "10,000 brackets": (framed(b'{"a":' + b"[" * 10_000), "its header is nested too deeply"),
    "a tensor twice": (framed(b'{"a": 1, "b": 2, "a": 3}'), "its header names 'a' twice"),
    "a field twice": (framed(b'{"a": {"dtype": "F32", "dtype": "F16"}}'), "its header names 'dtype' twice"),
    "NUL": (framed({"a\0": tensor()}, b"1234"), r"the name of tensor 'a\x00' has a NUL character"),
    "lone surrogate": (
        framed(json.dumps({"\ud800": tensor()}).encode(), b"1234"),
        r"the name of tensor '\ud800' has half a character (a lone surrogate)",
    ),
    "metadata with numbers": (
        framed({"__metadata__": {"steps": 5}, **PLAIN}, b"1234"),
        "its metadata are not a map of text to text",
    ),
    "metadata with NUL": (
        framed({"__metadata__": {"x": "\0"}, **PLAIN}, b"1234"),
        "its metadata 'x' has a NUL character",
    ),
    "too much metadata": (
        framed({"__metadata__": {str(n): "" for n in range(10_001)}, **PLAIN}, b"1234"),
        "its metadata have 10001 entries, more than 10000",
    ),
    "no tensors": (framed({"__metadata__": {}}), "it has no tensors at all"),
    "too many tensors": (
        framed({str(n): 0 for n in range(100_001)}),
        "it has 100001 tensors, more than 100000",
    ),
    "long name": (
        framed({"a" * 600: tensor()}, b"1234"),
        f"the name of tensor '{'a' * 57}...' is longer than 512 characters",
    ),
    "a number for a tensor": (
        framed({"a": 5}),
        "tensor 'a' is not described by dtype, shape and data_offsets alone",
    ),
    "a field too many": (
        framed({"a": {**tensor(), "x": 1}}, b"1234"),
        "tensor 'a' is not described by dtype, shape and data_offsets alone",
    ),
    "unknown type": (one(dtype="F128"), "tensor 'a' has numbers of an unknown type, 'F128'"),
    "type of no text": (one(dtype=["F32"]), "tensor 'a' has numbers of an unknown type, which is not even a text"),
    **{
        f"shape {shape!r}": (
            one(shape=shape),
            "the shape of tensor 'a' is not a list of up to 8 whole numbers",
        )
        for shape in (None, 1, "1", [-1], [1.0], [True], [None], [[1]], [2**63], [1] * 9)
    },
    **{
        f"offsets {offsets!r}": (one(offsets=offsets), "the place of tensor 'a' is not two whole numbers in order")
        for offsets in (None, [0], [0, 2, 4], [4, 0], [-4, 0], [0, 4.0], [False, 4], ["0", "4"], [0, 2**64])
    },
    "overflow": (one(shape=[2**32, 2**32]), "tensor 'a' would have more than 2**63 bytes"),
    "overflow hidden by zero": (
        one(shape=[0, 2**62, 4], offsets=[0, 0]),
        "tensor 'a' would have more than 2**63 bytes",
    ),
    "shape against bytes": (one(shape=[2]), "tensor 'a' should have 8 bytes and has 4"),
    "overlap": (
        framed({"a": tensor(), "b": tensor(offsets=(2, 6))}, b"123456"),
        "tensor 'b' overlaps the one before it",
    ),
    "hole": (
        framed({"a": tensor(), "b": tensor(offsets=(8, 12))}, bytes(12)),
        "there is a hole of 4 bytes before tensor 'b'",
    ),
    "hole at the start": (one(offsets=(4, 8)), "there is a hole of 4 bytes before tensor 'a'"),
    "cut": (framed(PLAIN, b"123"), "it is cut at 72 of 73 bytes"),
    "too long": (framed(PLAIN, b"12345"), "it has 1 bytes more than its header describes"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_kind_of_broken_file_has_its_own_sentence(case: str, tmp_path: Path) -> None:
    data, sentence = BROKEN[case]
    file = tmp_path / "unet" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_header(file)
    assert caught.value.message == f"unet/model.safetensors cannot be used: {sentence}."
    assert caught.value.code == "MODEL_CORRUPT"
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_a_pickle_under_another_name_is_unsafe(protocol: int, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"\x80" + bytes([protocol]) + b"cposix\nsystem\n")
    with pytest.raises(UserError, match="it is a pickle under another name: it could run programs") as caught:
        read_header(file)
    assert caught.value.code == "MODEL_UNSAFE"
    assert "models convert" in caught.value.hint


def test_a_zipped_pickle_is_unsafe(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(zipped(tmp_path / "zip"))
    with pytest.raises(UserError, match="zip archive, as PyTorch writes pickles") as caught:
        read_header(file)
    assert caught.value.code == "MODEL_UNSAFE"


def test_a_header_whose_length_looks_like_a_pickle_is_none(tmp_path: Path) -> None:
    text = json.dumps(PLAIN).encode().ljust(0x0280)  # its length begins with the bytes 80 02
    file = tmp_path / "x.safetensors"
    file.write_bytes(framed(text, b"1234"))
    assert read_header(file).body == 8 + 0x0280


def test_what_is_no_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, loop, gone = tmp_path / "pipe", tmp_path / "loop", tmp_path / "gone"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    for path, sentence in [
        (pipe, "it is not a file but a folder, pipe or device"),
        (Path("/dev/zero"), "it is not a file but a folder, pipe or device"),
        (tmp_path, "it is not a file but a folder, pipe or device"),
        (loop, "it cannot be read"),
        (gone, "it is not there any more"),
        (tmp_path / "a\0b", "it cannot be read (its name is not one of a file)"),
    ]:
        with pytest.raises(UserError) as caught:
            read_header(path)
        assert sentence in caught.value.message


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "x.safetensors"
    file.write_bytes(framed(PLAIN, b"1234"))
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match="this program may not read it"):
        read_header(file)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' + b'{"a":' * 10_000,
        b"{" + b" " * 30_000_000,
        b'{"' + b"a" * 30_000_000 + b'": 1}',
        b'{"a": ' + b"9" * 10_000_000 + b"}",
        b"{" + b",".join(b'"%d": 1' % n for n in range(300_000)) + b"}",
    ],
    ids=["brackets", "braces", "blanks", "a name", "a number", "names"],
)
def test_hostile_headers_take_linear_time(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(framed(text))
    start = time.thread_time()
    with pytest.raises(UserError):
        read_header(file)
    assert time.thread_time() - start < 10  # seconds; what grows as the square would take hours


def test_ninety_megabytes_of_blanks_are_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    with file.open("wb") as stream:
        stream.write((90_000_000).to_bytes(8, "little") + b"{")
        stream.truncate(90_000_008)
    start = time.thread_time()
    with pytest.raises(UserError, match="longer than"):
        read_header(file)
    assert time.thread_time() - start < 1


def test_every_type_is_one_that_the_library_reads(tmp_path: Path) -> None:
    entries, position = {}, 0
    for dtype, size in BYTES.items():
        entries[dtype] = tensor(dtype, (2, 3), (position, position + 6 * size))
        position += 6 * size
    file = tmp_path / "x.safetensors"
    file.write_bytes(framed({"__metadata__": {"ü": "日本"}, **entries}, bytes(position)))
    assert read_header(file).metadata == {"ü": "日本"}
    assert_library_reads_the_same(file)


def assert_library_reads_the_same(file: Path) -> None:
    import torch
    from safetensors import safe_open

    header, data = read_header(file), file.read_bytes()
    assert header.size == len(data)
    with safe_open(file, "pt") as library:
        assert set(library.keys()) == set(header.tensors)
        assert (library.metadata() or {}) == dict(header.metadata)
        for name, info in header.tensors.items():
            read = library.get_tensor(name)
            assert (library.get_slice(name).get_dtype(), tuple(read.shape)) == (info.dtype, info.shape)
            raw = read.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if read.numel() else b""
            assert raw == data[info.start : info.end]


NAMES = st.sampled_from(["a", "b.weight", "ü", "__metadata__", "a\0", "\ud800", "", "x" * 600])
NUMBERS = st.one_of(st.sampled_from([0, 1, 2, 3, 4, 8, -1, 2**63, 2**64, 1.0, True, None, "4"]), st.integers())
TENSORS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*BYTES, "F4", "f32", 5]),
        "shape": st.one_of(st.lists(NUMBERS, max_size=10), st.lists(st.integers(0, 3), max_size=3)),
        "data_offsets": st.one_of(st.lists(NUMBERS, max_size=3), st.sampled_from([[0, 4], [4, 8], [0, 0], [4, 4]])),
    }
)


@st.composite
def valid(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """A header that is right, and the bytes behind it."""
    entries: dict[str, Any] = {}
    position = 0
    for name in draw(st.lists(st.sampled_from(["a", "b.weight", "ü", "", "c d"]), min_size=1, unique=True)):
        dtype, shape = draw(st.sampled_from(list(BYTES))), draw(st.lists(st.integers(0, 3), max_size=3))
        length = BYTES[dtype]
        for side in shape:
            length *= side
        entries[name] = tensor(dtype, shape, [position, position + length])
        position += length
    if draw(st.booleans()):
        entries["__metadata__"] = draw(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2))
    return entries, bytes(n % 251 for n in range(position))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid file in which something was changed: an entry, the header's text, bytes anywhere, or the length."""
    entries, data = draw(valid())
    if draw(st.integers(0, 2)) == 0:
        entries[draw(NAMES)] = draw(st.one_of(TENSORS, NUMBERS, st.dictionaries(NAMES, NUMBERS, max_size=2)))
    text = bytearray(json.dumps(entries, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    text += b" " * draw(st.integers(0, 9))
    for _ in range(draw(st.integers(0, 2))):
        text[draw(st.integers(0, len(text) - 1))] = draw(st.sampled_from(b'{}[]",:0129 -.eE\\u\t\n\0\xff\xef'))
    file = bytearray(framed(bytes(text), data))
    how = draw(st.sampled_from(["as it is", "as it is", "cut", "longer", "byte", "insert"]))
    place = draw(st.integers(0, len(file) - 1))
    if how == "cut":
        del file[place:]
    elif how == "longer":
        file += b"\0" * draw(st.integers(1, 9))
    elif how == "byte":
        file[place] = draw(st.integers(0, 255))
    elif how == "insert":
        file[place:place] = draw(st.binary(max_size=4))
    return bytes(file)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=mutated())
def test_whatever_is_accepted_the_library_reads(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    try:
        read_header(file)
    except UserError as error:
        code = error.code
    else:
        code = ""
    if not code:
        assert_library_reads_the_same(file)
    assert code in ("", "MODEL_CORRUPT", "MODEL_UNSAFE")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(made=valid())
def test_what_is_right_is_accepted(
    made: tuple[dict[str, Any], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    entries, data = made
    metadata = entries.get("__metadata__", {})
    if any("\0" in text for pair in metadata.items() for text in pair):
        entries.pop("__metadata__")
    file = tmp_path_factory.mktemp("valid") / "x.safetensors"
    file.write_bytes(framed(entries, data))
    header = read_header(file)
    assert list(header.tensors) == [name for name in entries if name != "__metadata__"]


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused_in_words(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "random.safetensors"
    file.write_bytes(data)
    with pytest.raises(UserError):
        read_header(file)
