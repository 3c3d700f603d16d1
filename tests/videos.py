"""Small videos whose frames tell which they are and what is up."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

SIZE = (64, 48)
"""Width and height of the test videos' frames."""


def shade(index):
    """A grey level that compression leaves recognizable."""
    return 20 + 10 * index


def image(index):
    """Frame ``index``: even grey, and a bright upper left corner that tells what is up."""
    pixels = np.full((SIZE[1], SIZE[0], 3), shade(index), np.uint8)
    pixels[:16, :16] = 255
    return pixels


def write_video(
    path, *, frames=20, rate=10, rotation=0, mirrored="", times=None, codec="mpeg4",
    container=None, title="",
):  # fmt: skip
    """A video whose frame ``k`` is ``image(k)``, at ``times[k]`` hundredths of a second."""
    base = Fraction(1, rate if times is None else 100)
    with av.open(str(path), "w", format=container) as file:
        file.metadata["title"] = title
        stream = file.add_stream(codec, rate=rate)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 5
        stream.bit_rate = 10**7
        stream.codec_context.time_base = stream.time_base = base
        if rotation or mirrored:
            stream.set_display_rotation(rotation, **({mirrored: True} if mirrored else {}))
        file.start_encoding()  # without a frame nothing else does, and there would be no file
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(image(index), format="rgb24")
            frame.time_base = base
            frame.pts = index if times is None else times[index]
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def seen(pixels):
    """Which frame it is, by the grey of its middle: [3, H, W] or [H, W, 3] pixels."""
    return round((float(np.median(np.asarray(pixels))) - 20) / 10)


def write_sound_video(path, *, frames=20, rate=10, sound="aac"):
    """The same with a tone, as long as the frames."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 10**7
        tone = file.add_stream(sound, rate=44100, layout="mono")
        for index in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image(index), format="rgb24")))
        wave = np.sin(np.arange(44100 * frames // rate) / 20).astype(np.float32)
        for start in range(0, len(wave) - 1024, 1024):
            part = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
            part.sample_rate, part.pts = 44100, start
            file.mux(tone.encode(part))
        for each in (stream, tone):
            file.mux(each.encode())
    return path
