"""A video's sound on its way into another file: packet by packet as it is, or as AAC where MP4 cannot hold it."""

from __future__ import annotations

from collections.abc import Iterable

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

HELD = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
"""Codecs of sound that stay as they are in an MP4, and are played from there."""
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
"""Samples a second that AAC knows."""
AAC_FRAME = 1024
BITS_A_CHANNEL = 96_000


class Sound:
    """One stream of sound of a video that becomes one of `output`; `warning` says what is lost, empty if nothing is."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        self.warning = ""
        self._output = output
        self._resampler: AudioResampler | None = None
        if source.codec_context.name in HELD:
            self._stream: AudioStream = output.add_stream_from_template(source)
            return
        context = source.codec_context
        rate = min(RATES, key=lambda known: (known < context.sample_rate, abs(known - context.sample_rate)))
        layout = "mono" if context.channels == 1 else "stereo"
        self._stream = output.add_stream("aac", rate=rate, layout=layout)
        self._stream.codec_context.bit_rate = BITS_A_CHANNEL * self._stream.codec_context.channels
        self._resampler = AudioResampler("fltp", layout, rate, frame_size=AAC_FRAME)
        self.warning = f"the sound was {context.name}, which an MP4 does not hold: it is AAC now"

    def put(self, packet: Packet[AudioStream]) -> None:
        """Write what a packet of the source's stream holds."""
        if self._resampler is None:
            packet.stream = self._stream
            self._output.mux(packet)
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:  # a crackle, not the end of the film
            return
        for frame in frames:
            self._encode(self._resampler.resample(frame))

    def close(self) -> None:
        """Write what is still on its way through the encoder."""
        if self._resampler is not None:
            self._encode(self._resampler.resample(None))
            self._output.mux(self._stream.encode(None))

    def _encode(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            self._output.mux(self._stream.encode(frame))
