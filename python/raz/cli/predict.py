"""``raz predict``: count and locate the people in images."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from raz.cli.arguments import positive, set_threads, wrong_use
from raz.cli.model_options import add_model_options
from raz.progress import open_progress

if TYPE_CHECKING:
    from raz.result import Region, Result, SkippedRegion

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Count and locate the people in images: image files, folders of them, quoted patterns, or videos.
Print one line an image, or the results themselves, each as soon as it is there.
"""
_EPILOG = """\
exit codes: 0 ok; 2 wrong use; 3 no image could be read; 4 weights; 5 out of memory;
6 some of several images could not be read; 130 interrupted; 1 anything else
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "predict",
        help="count and locate the people in images",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="file, folder, pattern or video"
    )
    parser.add_argument(
        "--every", type=positive, metavar="S",
        help="seconds from one frame of a video to the next (all frames)",
    )  # fmt: skip
    add_model_options(parser)
    _add_output_options(parser)
    parser.set_defaults(run=run, parser=parser)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--plot", type=Path, metavar="OUT",
        help="draw the result: a .png or .jpg file, or a folder (needed for several images)",
    )  # fmt: skip
    group.add_argument(
        "--trace", action="store_true",
        help="show the regions zoomed into and those skipped, in text and plot",
    )  # fmt: skip
    group.add_argument(
        "--output", "--out", type=Path, metavar="FILE",
        help="write the results into a file, in the format that its suffix stands for",
    )  # fmt: skip
    group.add_argument(
        "--format", metavar="NAME",
        help="format of --output, whatever its suffix; without --output, printed: raz jsonl csv "
        "coco cvat label-studio nwpu, and for one image geojson; npz density plot are files",
    )  # fmt: skip
    group.add_argument(
        "--json", action="store_true",
        help="print JSON: an object for one file, an array for anything else",
    )  # fmt: skip
    group.add_argument(
        "--dry-run", action="store_true",
        help="decode nothing; print each image's tiles, most regions, memory and time, about",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Predict, print and write; return the exit code."""
    from raz.io.images import is_collection

    several = len(args.sources) > 1 or is_collection(args.sources[0])
    _check_outputs(args, several)
    set_threads(args)
    if args.dry_run:
        from raz.cli import dry_run

        return dry_run.run(args, several=several)
    return _run_several(args) if several else _run_one(args)


def _run_one(args: argparse.Namespace) -> int:
    from raz.io.formats import FORMATS

    _keep_sources(args, args.sources)
    [result] = _predict(args, args.sources, "raise")  # one source in a list: still an iterator
    if args.plot:
        plots = _PlotFolder(args.plot, args.sources) if args.plot.is_dir() else None
        file = plots.file_for(result) if plots else args.plot
        _save_plot(result, file, trace=args.trace)
    if args.output:
        result.save(args.output, format=args.format)
    printed = _printed(args)
    text = FORMATS[printed].text if printed else None
    sys.stdout.write(text(result) if text else _text(result, args.trace))
    return 0


def _run_several(args: argparse.Namespace) -> int:
    from raz.io.formats import FORMATS, CollectionWriter, open_collection
    from raz.io.images import expand_source
    from raz.io.video import is_video

    good = 0
    bad: list[str] = []
    images = list(expand_source(args.sources))
    _check_names(args, images)
    _keep_sources(args, images)
    results = _predict(args, images, lambda _, error: bad.append(str(error)))
    plots = _PlotFolder(args.plot, images) if args.plot else None
    videos = any(isinstance(image, str) and is_video(image) for image in images)
    total = None if videos else len(images)
    with ExitStack() as outputs:
        outputs.callback(_report_bad, bad, total)
        outputs.enter_context(closing(results))
        writers = []
        if args.output:
            file = open_collection(args.output, format=args.format)
            writers.append(outputs.enter_context(file))
        printed = _printed(args)
        collection = FORMATS[printed].collection if printed else None
        if collection:
            writers.append(CollectionWriter(sys.stdout, collection))
            outputs.callback(writers[-1].close)  # also when interrupted: what is there is whole
        progress = outputs.enter_context(open_progress(total, quiet=args.quiet))
        for result in results:
            good += 1
            if plots:
                _save_plot(result, plots.file_for(result), trace=args.trace)
            with progress.hidden():
                for writer in writers:
                    writer.write(result)
                if not collection:
                    sys.stdout.write(_text(result, args.trace))
                sys.stdout.flush()
                progress.update(good + len(bad))
    if bad:
        return 6 if good else 3
    return 0


def _report_bad(errors: list[str], images: int | None) -> None:
    """Name every image that could not be read, at the end, where it is not scrolled away."""
    for error in errors:
        log.error("%s", error)
    if errors and images is not None and images > 1:
        log.error("%d of %d images could not be read", len(errors), images)


def _predict(
    args: argparse.Namespace, images: list[Any], on_error: Any
) -> Generator[Result, None, None]:
    """Check the arguments and build the model at once; compute results as they are asked for."""
    from raz.prediction import predict

    with wrong_use(args):
        results = predict(
            images,
            model=args.model,
            weights=args.weights,
            device=args.device,
            depth=args.depth,
            max_regions=args.max_regions,
            max_zoom_pixels=args.max_zoom_pixels,
            max_seconds=args.max_seconds,
            tile=args.tile,
            overlap=args.overlap,
            max_pixels=args.max_pixels,
            every=args.every,
            seed=args.seed,
            on_error=on_error,
        )
    return cast("Generator[Result, None, None]", results)


def _check_outputs(args: argparse.Namespace, several: bool) -> None:
    """End as wrong use, before any work, when an output cannot be what was asked for."""
    from raz.io.formats import PLOT_SUFFIXES, format_of

    try:
        if args.output:
            format_of(args.output, args.format, several=several)
        elif args.format and format_of(None, args.format, several=several).text is None:
            args.parser.error(f"--format: {args.format} is no text; it needs --output")
    except ValueError as error:
        args.parser.error(f"{'--format' if args.format else '--output'}: {error}")
    if args.json and args.format and not args.output:
        args.parser.error("--format: it is for --output beside --json, and there is none")
    if not args.plot:
        return
    is_file_name = args.plot.suffix.lower() in PLOT_SUFFIXES and not args.plot.is_dir()
    if several and (is_file_name or args.plot.is_file()):
        args.parser.error(f"--plot: several images need a folder, {args.plot} names a file")
    if not several and not is_file_name and not args.plot.is_dir():
        args.parser.error(
            f"--plot: {args.plot} is no folder, and must end in {', '.join(PLOT_SUFFIXES)}"
        )


def _keep_sources(args: argparse.Namespace, images: list[Any]) -> None:
    """End as wrong use, before any work, when an output would take an image's place."""
    sources = _resolved(images)
    for option, file in (("--plot", args.plot), ("--output", args.output)):
        if file and file.resolve() in sources:
            args.parser.error(f"{option}: {file} is an image to count, and would be overwritten")


def _resolved(images: list[Any]) -> set[Path]:
    """Files of the images; an entry that stands for none has no file."""
    names = (image for image in images if isinstance(image, str))
    return {Path(name).resolve() for name in names if os.path.exists(name)}


def _check_names(args: argparse.Namespace, images: list[Any]) -> None:
    """End as wrong use, before any work, when a format has no words for an image's name."""
    from raz.io.formats import FORMATS, format_of

    chosen = [FORMATS[printed]] if (printed := _printed(args)) else []
    if args.output:
        chosen.append(format_of(args.output, args.format, several=True))
    with wrong_use(args):
        for check in filter(None, (known.check_name for known in chosen)):
            for image in images:
                if isinstance(image, str):
                    check(image)


def _printed(args: argparse.Namespace) -> str | None:
    """The format that results are printed in; None for a line that people read."""
    if args.json:
        return "raz"
    return None if args.output else cast("str | None", args.format)


def _text(result: Result, trace: bool) -> str:
    line = (
        f"{result.path}  count {result.count:.1f}  density {result.count_density:.1f}  "
        f"points {result.count_points}\n"
    )
    if not trace:
        return line
    return line + "".join([*_region_lines(result.regions), *_skipped_lines(result.skipped)])


def _region_lines(regions: tuple[Region, ...]) -> Iterator[str]:
    for region in regions:
        yield (
            f"{'  ' * (region.depth - 1)}{region.scale:g}x  box {_edges(region)}  "
            f"score {region.score:.2f}  points {region.points_before} to {region.points_after}\n"
        )
        yield from _region_lines(region.children)


def _skipped_lines(regions: tuple[SkippedRegion, ...]) -> Iterator[str]:
    for region in regions:
        yield (
            f"  skipped at depth {region.depth}  box {_edges(region)}  score {region.score:.2f}  "
            f"{region.reason}\n"
        )


def _edges(region: Region | SkippedRegion) -> str:
    return ",".join(f"{edge:.0f}" for edge in region.box)


def _save_plot(result: Result, file: Path, *, trace: bool) -> None:
    from raz.io.formats import save_plot

    save_plot(result.plot(trace=trace), file)
    log.info("%s: drawn in %s", result.path, file)


class _PlotFolder:
    """Name a plot for each image: images of one name in several folders stay apart.

    No plot takes the place of an image that is counted, where these lie in the folder too.
    """

    def __init__(self, folder: Path, images: list[Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        here = folder.resolve()
        sources = _resolved(images)
        self._taken = {source.name.lower() for source in sources if source.parent == here}

    def file_for(self, result: Result) -> Path:
        from raz.io.annotations import image_stem

        stem = image_stem(result.path or "image")
        name, number = f"{stem}.png", 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}-{number}.png"
        self._taken.add(name.lower())
        return self._folder / name
