"""``raz predict``: count and locate the people in images."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from raz.cli.arguments import set_threads
from raz.cli.cluster_options import (
    add_cluster_options,
    check_cluster,
    count_into_folder,
    has_bucket,
    path_or_address,
    tiles_shared,
)
from raz.cli.ground import add_ground_options, check_ground, named_ground
from raz.cli.image_progress import image_progress, images_progress
from raz.cli.live import until_interrupted
from raz.cli.model_options import add_model_options, make_predictor
from raz.cli.predict_output import (
    PlotFolder,
    check_names,
    check_outputs,
    keep_inputs,
    printed_format,
    result_text,
    tell_written,
    write_plot,
)
from raz.cli.sources import add_source_options, check_sources, is_stream, named_sources
from raz.cli.video_options import (
    add_video_options,
    check_video_options,
    open_video_outputs,
    video_files,
)
from raz.cli.wording import shown
from raz.cli.zone_options import SizeWatch, add_zone_options, chosen_zones

if TYPE_CHECKING:
    from raz.io.images import ImageReader
    from raz.io.zones import Zones

log = logging.getLogger(__name__)

_USAGE = "raz predict SOURCE [SOURCE ...] [options]"

_DESCRIPTION = """\
Count the people in images, and locate each of them.

Prints one line per image, as soon as it is counted: the count with its interval, and the two
estimates that it is made from, the sum of the density map and the number of located heads. "363
people, 340 to 385 with 90 % probability" says that of images like those that the weights were
calibrated on, nine of ten have their true count within the interval.
"""
_EPILOG = """\
examples:
  raz predict photo.jpg                               print the count
  raz predict photo.jpg --plot plot.jpg --trace       draw heads and regions on the image
  raz predict photos --output heads.csv               a folder: every head of every image
  raz predict 'photos/**/*.jpg' --format jsonl        a pattern: print one JSON object per image
  raz predict photos --report report.html             a page to look at, for any browser
  raz predict clip.mp4 --every 5 --plot frames        a video: a frame every five seconds
  raz predict clip.mp4 --zones zones.geojson --format counts   counts in named zones, as a table
  raz predict rtsp://10.0.0.2/front --every 10 --format counts  a camera, until Ctrl-C
  raz predict huge.tif --dry-run                      estimate memory and time first
  curl -L ADDRESS | raz predict -                     an image on standard input
  find . -name '*.jpg' | raz predict --files-from -   a list of names on standard input
  raz predict photos --cluster local --output results  many images by several workers, as Parquet

exit codes: 0 ok; 2 wrong use; 3 no image could be read; 4 weights; 5 out of memory; 6 some of
several images could not be read; 130 interrupted; 1 any other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "predict",
        help="count and locate the people in images",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source_options(parser)
    _add_output_options(parser)
    add_zone_options(parser)
    add_video_options(parser)
    add_model_options(parser)
    add_cluster_options(parser)
    parser.set_defaults(run=run, parser=parser)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--output", "--out", type=path_or_address, metavar="FILE",
        help="write the results to a file; its suffix chooses the format",
    )  # fmt: skip
    group.add_argument(
        "--format", metavar="NAME",
        help="format of --output, whatever its suffix; without --output, print the results in it: "
        "raz, jsonl, csv, counts, coco, cvat, label-studio, nwpu, and of one image geojson (npz, "
        "density and plot need --output)",
    )  # fmt: skip
    group.add_argument(
        "--json", action="store_true",
        help="print JSON: an object for one image file, an array for anything else",
    )  # fmt: skip
    group.add_argument(
        "--plot", type=Path, metavar="OUT",
        help="draw heads and count on the image: a .png or .jpg file, or a folder (several images "
        "need one)",
    )  # fmt: skip
    group.add_argument(
        "--report", type=Path, metavar="FILE",
        help="write one HTML file to look at: images, heads, density, zoom trace, counts in areas; "
        "it needs no network (docs/report.md)",
    )  # fmt: skip
    add_ground_options(group)
    group.add_argument(
        "--trace", action="store_true",
        help="also show the regions that were zoomed into, and those that were skipped",
    )  # fmt: skip
    group.add_argument(
        "--dry-run", action="store_true",
        help="count nothing; print each image's size, tiles and regions, and about how much memory "
        "and time it will take",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Predict, print and write; return the exit code."""
    from raz.io.images import expand_source, is_collection

    check_sources(args)
    several = (
        len(args.sources) != 1
        or args.files_from is not None
        or is_collection(args.sources[0])
        or is_stream(args, args.sources[0])
        or has_bucket(args)
    )
    check_cluster(args, several=several)
    if several and args.cluster is not None:
        return count_into_folder(args)
    check_outputs(args, several=several)
    check_ground(args)
    set_threads(args)
    zones = chosen_zones(args)
    images = named_sources(args)
    if several:
        images = list(expand_source(images))
    check_video_options(args, images)
    if args.dry_run:
        from raz.cli import dry_run

        return dry_run.run(args, images, several=several)
    if several:
        check_names(args, images)
    keep_inputs(args, images, several=several)
    if not several:
        return _run_one(args, images, zones)
    with until_interrupted(images) as images:
        return _run_several(args, images, zones)


def _run_one(args: argparse.Namespace, images: list[Any], zones: Zones) -> int:
    from raz.io.formats import FORMATS

    predictor = make_predictor(args, zones)
    opened = predictor.reader.open(images[0])
    with image_progress(quiet=args.quiet), tiles_shared(args):
        result = predictor.count(opened)
    written: list[Path] = []
    if args.plot:
        plot = PlotFolder(args, images).file_for(result) if args.plot.is_dir() else args.plot
        write_plot(result, plot, trace=args.trace)
        written.append(plot)
    if args.report:
        result.report(args.report, ground=named_ground(args))
        written.append(args.report)
    if args.output:
        result.save(args.output, format=args.format)
        written.append(args.output)
    printed = printed_format(args)
    text = FORMATS[printed].text if printed else None
    sys.stdout.write(shown(text(result)) if text else result_text(result, trace=args.trace))
    sys.stdout.flush()
    tell_written(args, written)
    return 0


def _run_several(args: argparse.Namespace, images: list[Any], zones: Zones) -> int:
    from raz.io.formats import FORMATS, CollectionWriter, open_collection
    from raz.io.report import Contents, report_collection

    good = 0
    bad: list[str] = []
    predictor = make_predictor(args, zones)
    sizes = SizeWatch(zones)
    plots = PlotFolder(args, images) if args.plot else None
    with ExitStack() as outputs:
        outputs.callback(_report_bad, bad, images)
        results = predictor.stream(
            images, every=args.every, on_error=lambda _, error: bad.append(str(error))
        )
        outputs.enter_context(closing(results))
        writers, report = [], None
        if args.output:
            file = open_collection(args.output, format=args.format)
            writers.append(outputs.enter_context(file))
        if args.report:
            contents = Contents(ground=named_ground(args))
            file = open_collection(args.report, collection=lambda: report_collection(contents))
            report = outputs.enter_context(file)
        printed = printed_format(args)
        collection = FORMATS[printed].collection if printed else None
        if collection:
            writers.append(CollectionWriter(cast("IO[str]", _Stdout()), collection))
            # Also when it is interrupted, so that what has been printed is whole.
            outputs.callback(writers[-1].close)
        everything = outputs.enter_context(open_video_outputs(args, images, writers, report))
        total = _frames(predictor.reader, images, args.every)
        progress = outputs.enter_context(images_progress(total, quiet=args.quiet))
        for result in results:
            good += 1
            sizes.see(result)
            if plots:
                write_plot(result, plots.file_for(result), trace=args.trace)
            with progress.hidden():
                everything.write(result)
                if not collection:
                    sys.stdout.write(result_text(result, trace=args.trace))
                sys.stdout.flush()
                progress.update(good + len(bad))
    if good:
        written = (args.plot, args.report, args.output, args.save_video, args.plot_counts)
        tell_written(args, filter(None, written))
    if bad:
        return 6 if good else 3
    return 0


class _Stdout(io.TextIOBase):
    """Takes the text of a format; see :func:`raz.cli.wording.shown`."""

    def write(self, text: str) -> int:
        return sys.stdout.write(shown(text))


def _report_bad(errors: list[str], images: list[Any]) -> None:
    """Name every image that could not be read, at the end, where it does not scroll away."""
    for error in errors:
        log.error("%s", error)
    if errors and len(images) > 1 and not video_files(images):
        log.error("%d of %d images could not be read", len(errors), len(images))


def _frames(reader: ImageReader, images: list[Any], every: float | None) -> int | None:
    """Count the images, and about how many frames the videos among them have; None if unknown."""
    from raz.errors import InputError
    from raz.io.video_stream import VideoStream

    if any(isinstance(image, VideoStream) for image in images):
        return None
    total = len(images)
    for video in video_files(images):
        with suppress(InputError):  # counting it will say so
            total += reader.examine(video, every=every).frames - 1
    return total
