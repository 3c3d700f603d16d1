"""Options of ``raz predict`` for videos: which frames, counts over time, and an annotated video."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from raz.cli.arguments import positive
from raz.cli.overwriting import Output
from raz.cli.sources import add_stream_options
from raz.errors import ResourceError

if TYPE_CHECKING:
    from raz.io.counts_chart import CountSeries
    from raz.result import Result

__all__ = [
    "add_video_options",
    "check_video_options",
    "video_files",
    "video_output_files",
]

log = logging.getLogger(__name__)


class Writer(Protocol):
    """Takes results in turn."""

    def write(self, result: Result) -> None:
        """Take the next result."""


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Add what the functions below read.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_video_options(parser)
        >>> parser.parse_args(["--every", "0.5"]).every
        0.5
    """
    group = parser.add_argument_group("videos")
    add_stream_options(group)
    group.add_argument(
        "--every", type=positive, metavar="S",
        help="count one frame every S seconds (default: all frames)",
    )  # fmt: skip
    group.add_argument(
        "--save-video", type=Path, metavar="OUT",
        help="write the video with heads, count and zones drawn on it, and its sound: .mp4, .mkv "
        "or .mov",
    )  # fmt: skip
    group.add_argument(
        "--plot-counts", type=Path, metavar="OUT",
        help="draw the counts over time: .png, .svg or .pdf",
    )  # fmt: skip
    group.add_argument(
        "--smooth", type=positive, metavar="S",
        help="add to tables, JSON and --plot-counts the median of the counts from S/2 seconds "
        "before to S/2 after each frame; these outputs then come that much later",
    )  # fmt: skip


def check_video_options(args: argparse.Namespace, images: list[Any]) -> None:
    """End as wrong use if what is asked for is of a video, and there is none, or several.

    Args:
        args: of a parser that has :func:`add_video_options`, with ``parser`` and ``verbose``.
        images: what will be counted.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_video_options(parser)
        >>> check_video_options(parser.parse_args([]), ["photo.jpg"])
    """
    from raz.io.chart import require_matplotlib
    from raz.io.counts_chart import CHART_SUFFIXES
    from raz.io.formats import suffix_of
    from raz.io.video_stream import VideoStream
    from raz.io.video_writer import SAVED_VIDEO_SUFFIXES

    for image in images:
        if isinstance(image, VideoStream) and len(images) > 1:  # it may have no end
            args.parser.error(f"{image.name}: a camera or stream must be the only source")
    alone = len(images) == 1 and bool(video_files(images))
    for option, file, suffixes in (
        ("--save-video", args.save_video, SAVED_VIDEO_SUFFIXES),
        ("--plot-counts", args.plot_counts, CHART_SUFFIXES),
    ):
        if file is None:
            continue
        if not alone:
            args.parser.error(f"{option}: is for one video, and nothing else")
        try:
            suffix_of(file, suffixes)
        except ValueError as error:
            args.parser.error(f"{option}: {error}")
    if args.smooth is not None and not video_files(images):
        args.parser.error("--smooth: is for videos, and there is none")
    if args.plot_counts is not None:
        try:
            require_matplotlib()
        except ImportError as error:
            args.parser.error(f"--plot-counts: {error}")


def video_files(images: list[Any]) -> list[Any]:
    """Return the videos among the images, cameras and streams included.

    Example:
        >>> video_files(["photo.jpg", "clip.mp4"])
        ['clip.mp4']
    """
    from raz.io.video import is_video
    from raz.io.video_stream import VideoStream

    return [
        image
        for image in images
        if isinstance(image, VideoStream) or (isinstance(image, str) and is_video(image))
    ]


def video_output_files(args: argparse.Namespace) -> list[Output]:
    """Return the files that :func:`open_video_outputs` writes, whole or interrupted.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_video_options(parser)
        >>> len(video_output_files(parser.parse_args(["--save-video", "out.mp4"])))
        2
    """
    from raz.io.formats import partial_file

    outputs = []
    for option, file in (("--save-video", args.save_video), ("--plot-counts", args.plot_counts)):
        if file is not None:
            outputs += [Output(option, file), Output(option, partial_file(file))]
    return outputs


@contextmanager
def open_video_outputs(
    args: argparse.Namespace,
    images: list[Any],
    writers: Sequence[Writer],
    report: Writer | None = None,
) -> Iterator[Writer]:
    """Open all that results are written to, as one.

    Args:
        args: of a parser that has :func:`add_video_options`, with ``trace``.
        images: what will be counted.
        writers: of tables and JSON; with ``--smooth`` they get smoothed results.
        report: gets results at once: smoothed ones have lost their frame.

    Raises:
        OSError: a file cannot be written.
    """
    with ExitStack() as opened:
        if args.plot_counts is not None:
            writers = [*writers, opened.enter_context(_open_chart(args.plot_counts, images))]
        video = None
        if args.save_video is not None:
            from raz.io.video_writer import write_video

            source = images[0] if isinstance(images[0], str) else None
            video = opened.enter_context(write_video(args.save_video, source=source))
        outputs = _Outputs(args, writers, report, video)
        try:
            yield outputs
        except BaseException:
            outputs.finish(interrupted=True)
            raise
        outputs.finish()


class _Outputs:
    """Gives each result to the writers, smoothed or at once, and the frame to the others."""

    def __init__(
        self,
        args: argparse.Namespace,
        writers: Sequence[Writer],
        report: Writer | None,
        video: Any,
    ) -> None:
        from raz.smoothing import Smoothing

        self._writers, self._report, self._video = writers, report, video
        self._trace = args.trace
        self._smoothing = None if args.smooth is None else Smoothing(args.smooth)
        self._writing = False

    def write(self, result: Result) -> None:
        self._pass_on([result] if self._smoothing is None else self._smoothing.add(result))
        if self._report is not None:
            self._report.write(result)
        if self._video is not None and result.time is not None:
            from raz.io.annotated import annotated_frame

            self._video.write(annotated_frame(result, trace=self._trace), result.time)

    def finish(self, *, interrupted: bool = False) -> None:
        """Write what waits for the end of its window; not after half a result."""
        if self._smoothing is not None and not (interrupted and self._writing):
            self._pass_on(self._smoothing.rest())

    def _pass_on(self, results: list[Result]) -> None:
        for result in results:
            self._writing = True
            for writer in self._writers:
                writer.write(result)
            self._writing = False


class _Chart:
    """Collects counts for ``--plot-counts``."""

    def __init__(self, series: CountSeries) -> None:
        self._series = series

    def write(self, result: Result) -> None:
        self._series.add(result)


@contextmanager
def _open_chart(file: Path, images: list[Any]) -> Iterator[_Chart]:
    """Draw the counts at the end; after an interruption beside the file, as other outputs."""
    from raz.io.counts_chart import CountSeries, save_figure
    from raz.io.encoded import named
    from raz.io.formats import partial_file

    series = CountSeries()
    title = named(images[0]) or "counts"
    try:
        yield _Chart(series)
    except (KeyboardInterrupt, MemoryError, OSError, ResourceError):
        if len(series):
            save_figure(series.figure(title), partial_file(file))
            log.warning("%s: holds the first %d results", partial_file(file), len(series))
        raise
    if len(series):  # else a chart that is there stays
        save_figure(series.figure(title), file)
