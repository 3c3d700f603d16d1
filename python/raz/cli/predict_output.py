"""What ``raz predict`` prints and writes: checks before any work, lines of text, and plots."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from raz.cli.arguments import wrong_use
from raz.cli.overwriting import Names, Output, check_overwriting, weights_files
from raz.cli.sources import STDIN
from raz.cli.video_options import video_output_files
from raz.cli.wording import printable
from raz.cli.zone_options import zone_lines
from raz.files import file_identity

if TYPE_CHECKING:
    from raz.result import Region, Result, SkippedRegion

log = logging.getLogger(__name__)

_STDIN_FILE = "/dev/stdin"  # leads to the file that standard input is redirected from


def check_outputs(args: argparse.Namespace, *, several: bool) -> None:
    """End as wrong use if an output cannot be what was asked for."""
    from raz.io.formats import PLOT_SUFFIXES, format_of

    try:
        if args.output:
            format_of(args.output, args.format, several=several)
        elif args.format and format_of(None, args.format, several=several).text is None:
            args.parser.error(f"--format: {args.format} is no text; it needs --output")
    except ValueError as error:
        args.parser.error(f"{'--format' if args.format else '--output'}: {error}")
    if args.json and args.format and not args.output:
        args.parser.error("--format: beside --json it is for --output, which is not given")
    if not args.plot:
        return
    is_file_name = args.plot.suffix.lower() in PLOT_SUFFIXES and not args.plot.is_dir()
    if several and (is_file_name or args.plot.is_file()):
        args.parser.error(f"--plot: several images need a folder; {args.plot} names a file")
    if not several and not is_file_name and not args.plot.is_dir():
        args.parser.error(
            f"--plot: {args.plot} is no folder; a file must end in {', '.join(PLOT_SUFFIXES)}"
        )


def keep_inputs(args: argparse.Namespace, images: list[Any], *, several: bool) -> None:
    """End as wrong use if an output would overwrite an input, or another output."""
    from raz.io.formats import partial_file

    outputs = []
    if args.plot and not args.plot.is_dir() and not several:
        outputs.append(Output("--plot", args.plot))
    if args.output:
        outputs.append(Output("--output", args.output))
    if args.report:
        outputs.append(Output("--report", args.report))
    if several:  # where results go that are not all
        for option, file in (("--output", args.output), ("--report", args.report)):
            outputs += [Output(option, partial_file(file))] if file else []
    outputs += video_output_files(args)
    if not outputs:
        return
    read: dict[str, Names] = {
        "an image to count": _paths(images),
        "the file of --zones": [args.zones] if args.zones else [],
        "the file of --files-from": [args.files_from] if args.files_from else [],
        "standard input": [_STDIN_FILE] if STDIN in (*args.sources, args.files_from) else [],
        "the model's file": weights_files(args.model, args.weights),
    }
    check_overwriting(args.parser, outputs, read)


def check_names(args: argparse.Namespace, images: list[Any]) -> None:
    """End as wrong use if a format cannot express an image's name."""
    from raz.io.encoded import named
    from raz.io.formats import FORMATS, format_of

    chosen = [FORMATS[printed]] if (printed := printed_format(args)) else []
    if args.output:
        chosen.append(format_of(args.output, args.format, several=True))
    with wrong_use(args):
        for check in filter(None, (known.check_name for known in chosen)):
            for image in images:
                if (name := named(image)) is not None:
                    check(name)


def printed_format(args: argparse.Namespace) -> str | None:
    """Return the format in which results are printed; None for lines that people read."""
    if args.json:
        return "raz"
    return None if args.output else cast("str | None", args.format)


def result_text(result: Result, *, trace: bool) -> str:
    """Describe a result in one line, and with ``trace`` each region in one more."""
    from raz.io.count_text import count_text

    heads = "1 head" if result.count_points == 1 else f"{result.count_points} heads"
    line = (
        f"{printable(str(result.path))}  {count_text(result)}  "
        f"(density {result.count_density:.1f}, {heads} located)\n"
    )
    line += zone_lines(result)
    if not trace:
        return line
    return line + "".join([*_region_lines(result.regions), *_skipped_lines(result.skipped)])


def _region_lines(regions: tuple[Region, ...]) -> Iterator[str]:
    for region in regions:
        yield (
            f"{'  ' * (region.depth - 1)}{region.scale:.3g}x  box {_edges(region)}  "
            f"score {region.score:.2f}  points {region.points_before} to {region.points_after}  "
            f"density {region.count_before:.1f} to {region.count_after:.1f}  "
            f"too dense {region.crowded:.1f}\n"
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


def write_plot(result: Result, file: Path, *, trace: bool) -> None:
    """Draw a result into a file."""
    from raz.io.formats import save_plot

    save_plot(result.plot(trace=trace), file)
    log.info("%s: drawn in %s", result.path, file)


def tell_written(args: argparse.Namespace, files: Iterable[Path]) -> None:
    """Say on stderr where the outputs are, once they are written."""
    if not args.quiet:
        for file in files:
            sys.stderr.write(f"raz: wrote {printable(str(file))}\n")


class PlotFolder:
    """Names a plot for each image, so that images of one name in several folders stay apart.

    No plot overwrites what is read, nor another output, if these are in the folder too.
    """

    def __init__(self, args: argparse.Namespace, images: list[Any]) -> None:
        args.plot.mkdir(parents=True, exist_ok=True)
        self._folder: Path = args.plot
        others: list[str | Path] = [*_paths(images), *weights_files(args.model, args.weights)]
        others += [file for file in (args.output, args.report, args.plot_counts) if file]
        others += [_STDIN_FILE] if STDIN in (*args.sources, args.files_from) else []
        others += [args.zones] if args.zones else []
        others += [args.files_from] if args.files_from else []
        self._taken: set[Hashable] = {file_identity(other) for other in others}
        self._last: dict[str, int] = {}  # number of the last plot of a stem: those below are taken

    def file_for(self, result: Result) -> Path:
        """Return the file for a result's plot; no other result gets it."""
        from raz.io.annotations import image_stem

        stem = image_stem(result.path or "image")
        number = self._last.get(stem, 1)
        name = f"{stem}.png" if number == 1 else f"{stem}-{number}.png"
        while (identity := file_identity(self._folder / name)) in self._taken or (
            name.casefold() in self._taken
        ):
            number += 1
            name = f"{stem}-{number}.png"
        self._last[stem] = number
        self._taken |= {identity, name.casefold()}
        return self._folder / name


def _paths(images: list[Any]) -> list[str]:
    """Paths among the images; the others are errors of patterns that match nothing."""
    return [image for image in images if isinstance(image, str)]
