"""Which files are taken for videos, and that no other file is ever opened because one names it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.video import opening
from sdtoolbox.images.video.opening import is_video, open_video, suffix_of, video_format
from tests.images.pictures import saved
from tests.images.videos import add_tone, moving, video

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>{}</BaseURL></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9999 RTP/AVP 96\n",
}


@pytest.mark.parametrize(
    ("format", "codec", "suffix"),
    [("mp4", "libx264", ".mp4"), ("mov", "mpeg4", ".mp4"), ("matroska", "libx264", ".mkv"), ("avi", "mpeg4", ".avi")],
)
def test_videos_are_known_by_their_first_bytes(tmp_path: Path, format: str, codec: str, suffix: str) -> None:
    data = video(moving(2), format=format, codec=codec, sound="", options={})
    (tmp_path / "a.txt").write_bytes(data)
    assert is_video(data) and is_video(tmp_path / "a.txt")
    assert suffix_of(data) == suffix
    with open_video(tmp_path / "a.txt") as (container, stream):
        assert container.format.name and (stream.width, stream.height) == (64, 48)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8))
    for format in ("PNG", "WEBP", "GIF", "AVIF"):
        assert not is_video(saved(picture, format)), format
    assert video_format(b"") is None and not is_video(tmp_path / "missing")


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_opens_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(video(moving(2), sound=""))
    (tmp_path / "film.mp4").write_text(PLAYLISTS[kind].format(tmp_path / "secret.mp4"))
    assert not is_video(tmp_path / "film.mp4")
    with pytest.raises(UserError, match="not a video") as caught, open_video(tmp_path / "film.mp4"):
        pass
    assert caught.value.code == "IMAGE_INVALID" and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_behind_a_videos_first_bytes_opens_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.mp4").write_bytes(video(moving(2), sound=""))
    said = PLAYLISTS[kind].format(tmp_path / "secret.mp4").encode()
    for head in (b"\x00\x00\x00\x08ftypmp42", b"\x1a\x45\xdf\xa3", b"RIFF\x00\x00\x00\x00AVI "):
        with pytest.raises(UserError), open_video(head + said):
            pass


def test_a_demuxer_that_asks_for_another_file_is_refused() -> None:
    with pytest.raises(UserError, match="names other files"):
        opening._refuse("file:///etc/hostname", 1, {})


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_cut_file_is_refused_in_words(share: float) -> None:
    data = video(moving(24))  # whose index stands at its end
    with pytest.raises(UserError, match="damaged") as caught, open_video(data[: int(len(data) * share)]):
        pass
    assert caught.value.code == "IMAGE_INVALID"


def test_sound_alone_is_no_video() -> None:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        add_tone(container, container.add_stream("aac", rate=48_000, layout="mono"), 0.5)
    with pytest.raises(UserError, match="no moving pictures"), open_video(buffer.getvalue()):
        pass


def test_a_codec_that_nobody_films_with_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CODECS", frozenset({"vp9"}))
    with pytest.raises(UserError, match="h264"), open_video(video(moving(2), sound="")):
        pass


def test_limits_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(video(moving(2), sound=""))
    monkeypatch.setattr(opening, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(UserError, match="64x48 pixels") as caught, open_video(tmp_path / "a.mp4"):
        pass
    assert caught.value.code == "IMAGE_TOO_LARGE"
    monkeypatch.setattr(opening, "LARGEST_FILE", 10)
    with pytest.raises(UserError, match=r"a\.mp4 is larger"), open_video(tmp_path / "a.mp4"):
        pass
