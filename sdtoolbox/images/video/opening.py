"""Videos from strangers: known by their first bytes, opened by that one demuxer alone, and refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from sdtoolbox.errors import UserError

Source: TypeAlias = Path | bytes
NAMES = "MP4, MOV, MKV, WebM or AVI"
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""How such files are called."""
HEAD = 64
"""Bytes that say what a file is."""
STILL_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"crx ")
"""Kinds of files of pictures that begin as an MP4 does."""
CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "libvpx", "libvpx-vp9", "theora"),
        *("mpeg1video", "mpeg2video", "mpeg4", "msmpeg4", "msmpeg4v2", "h263", "vc1", "wmv3", "dvvideo", "mjpeg"),
        *("prores", "dnxhd", "cfhd", "ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "qtrle"),
    )
)
"""Decoders of pictures that cameras, phones and editors write for; the hundreds of others are not let near a file."""
LARGEST_FILE = 4 * 2**30
MOST_PIXELS = 36_000_000
"""Of a frame: 8192 x 4320, and a little more."""
DECODING_THREADS = 2


def video_format(head: bytes) -> str | None:
    """The demuxer for a file that begins with these bytes, None if it is no video of `NAMES`.

    Nothing else is ever tried: a playlist, which names other files to be opened, is not a video here, whatever it is
    called.
    """
    if head[4:8] == b"ftyp" and head[8:12] not in STILL_BRANDS:
        return "mov"
    if head[4:8] in (b"moov", b"mdat", b"wide"):  # QuickTime before it had brands
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return None


def is_video(source: Source) -> bool:
    """Whether a file begins as a video does; False for one that cannot be read."""
    return video_format(_head(source)) is not None


def suffix_of(source: Source) -> str:
    """The ending for a video's file of its kind."""
    return {"mov": ".mp4", "matroska": ".mkv", "avi": ".avi"}[video_format(_head(source)) or "mov"]


@contextmanager
def open_video(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a video and its stream of pictures, read-only; no other file or address is ever opened.

    UserError IMAGE_INVALID, in words, for all that is no video that can be read, IMAGE_TOO_LARGE beyond the limits.
    """
    name = video_format(_head(source))
    if name is None:
        raise UserError("IMAGE_INVALID", "this is not a video that can be read.", f"Use {NAMES}.")
    with _file(source) as file:
        with readable():
            # Without `io_open` a demuxer could open what a file names.
            container = av.open(file, "r", format=name, io_open=_refuse, metadata_errors="replace")
        with container:
            yield container, _checked(container)


@contextmanager
def readable() -> Iterator[None]:
    """Say in words what a demuxer or a decoder within the block gives up on."""
    try:
        yield
    except (av.FFmpegError, EOFError) as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> UserError:
    """What is said of a video that a decoder gave up on."""
    said = f"the video is damaged, or not one that can be read ({type(error).__name__})."
    return UserError("IMAGE_INVALID", said, f"Use {NAMES}; playing it to its end shows whether the file is whole.")


def _checked(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures, which is of a size and a codec that are read."""
    stream = next((one for one in container.streams.video if not _is_cover(one)), None)
    if stream is None:
        raise UserError("IMAGE_INVALID", "the file holds no moving pictures.", "Is it a recording of sound alone?")
    if stream.codec_context is None or stream.codec_context.codec.name not in CODECS:
        name = "unknown" if stream.codec_context is None else stream.codec_context.codec.name
        said = f"the video's pictures are compressed as {name}, which is not read here."
        raise UserError("IMAGE_INVALID", said, "Convert it to H.264, H.265, VP9 or AV1 first.")
    if stream.width * stream.height > MOST_PIXELS:
        said = f"a frame of the video has {stream.width}x{stream.height} pixels."
        raise UserError("IMAGE_TOO_LARGE", said, f"At most {MOST_PIXELS // 10**6} million can be read.")
    stream.codec_context.thread_count = DECODING_THREADS
    return stream


def _is_cover(stream: VideoStream) -> bool:
    """Whether it is a single picture that stands for the whole, as music has."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise UserError("IMAGE_INVALID", "the video names other files, which are not opened.", "Use a file that is whole.")


def _head(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    try:
        with source.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _file(source: Source) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    if source.stat().st_size > LARGEST_FILE:
        said = f"{source.name} is larger than {LARGEST_FILE // 2**30} GB."
        raise UserError("IMAGE_TOO_LARGE", said, "Cut the video into parts first.")
    return source.open("rb")
