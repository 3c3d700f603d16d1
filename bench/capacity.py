"""What a stream of images needs: processors, network, storage and money, from measured times.

    OMP_NUM_THREADS=1 python bench/capacity.py measure --data DIR [--images 70]   # some minutes
    python bench/capacity.py table                                               # docs/capacity.md
    python bench/capacity.py plot                                                # simulates

`measure` counts evenly spaced images of a folder in one process with one thread and writes
bench/results/capacity.json: bytes, pixels and milliseconds of each image. The others only read it.
Prices are examples to be replaced by one's own (--core-hour, --gigabyte-month).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import schedule
import torch

import raz
from raz.distributed.rows import result_row, table_of
from raz.zoom import ZoomSettings

Plain = argparse.RawDescriptionHelpFormatter
FIGURE = Path(__file__).parents[1] / "docs" / "capacity.jpg"
MEASURED = Path(__file__).parent / "results" / "capacity.json"
DEFAULT = "balanced, float32"
SETTINGS = {
    "fast, float32": ZoomSettings(quality="fast", dtype="float32"),
    "fast, bfloat16": ZoomSettings(quality="fast", dtype="bfloat16"),
    DEFAULT: ZoomSettings(),
    "balanced, bfloat16": ZoomSettings(dtype="bfloat16"),
}
DAY = 86_400
PER_DAY = 1_000_000_000
"""Images per day that the tables are about."""

BUSY = 0.85
"""Share of the time that a processor can be kept at work; the simulation shows what that costs."""


@dataclass(frozen=True)
class Prices:
    """In any currency: examples, not quotes."""

    core_hour: float = 0.04
    gigabyte_month: float = 0.02


@dataclass(frozen=True)
class Load:
    """What one image costs on average, in one setting.

    Attributes:
        decode, count, write: milliseconds of one processor core.
        read_bytes: of the file.
        row_bytes: of its row in a Parquet file.
    """

    decode: float
    count: float
    write: float
    read_bytes: float
    row_bytes: float

    @property
    def core_seconds(self) -> float:
        return (self.decode + self.count + self.write) / 1000

    def cores(self, per_day: float) -> float:
        """Cores that count so many images per day, `BUSY` of the time."""
        return per_day / DAY * self.core_seconds / BUSY

    def gigabits(self, per_day: float) -> float:
        """Gigabits per second that are read."""
        return per_day / DAY * self.read_bytes * 8 / 1e9

    def money(self, prices: Prices) -> tuple[float, float, float]:
        """Of a million images: decoding, counting with writing, and a month of their rows."""
        core_second = 1e6 / BUSY * prices.core_hour / 3600
        return (
            core_second * self.decode / 1000,
            core_second * (self.count + self.write) / 1000,
            1e6 * self.row_bytes / 1e9 * prices.gigabyte_month,
        )


def measure(folder: Path, number: int) -> dict[str, Any]:
    """Count evenly spaced images of a folder in every setting; settings alternate."""
    torch.set_num_threads(1)
    files = sorted(folder.rglob("*.jpg"))
    if not files:
        raise SystemExit(f"{folder} holds no .jpg")
    files = [files[len(files) * k // number] for k in range(min(number, len(files)))]
    default = raz.Predictor(settings=SETTINGS[DEFAULT])
    predictors = {name: default.with_settings(settings) for name, settings in SETTINGS.items()}
    for predictor in predictors.values():
        predictor(files[0])
    images, rows = [], []
    for path in files:
        times = {}
        for name, predictor in predictors.items():
            result = predictor(path)
            decode = result.speed["decode"]
            times[name] = {"decode": decode, "count": sum(result.speed.values()) - decode}
            if name == DEFAULT:
                rows.append(result_row(str(path), result))
        width, height = result.image_size
        images.append({"bytes": path.stat().st_size, "pixels": width * height, "times": times})
    return {
        "processor": processor(),
        "torch": torch.__version__,
        "model": result.model,
        **written(rows),
        "images": images,
    }


def written(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Bytes and milliseconds of a row in a Parquet file, as raz.distributed writes it."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(table_of(rows), path)  # the first loads what the others have
        started = time.perf_counter()
        pq.write_table(table_of(rows), path)
        milliseconds = 1000 * (time.perf_counter() - started)
        return {
            "row_bytes": path.stat().st_size / len(rows),
            "row_milliseconds": milliseconds / len(rows),
        }


def processor() -> str:
    """The processor's name, as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))


def decoding(image: Mapping[str, Any]) -> float:
    """Milliseconds to decode an image: the median of all settings, of which the first reads it."""
    return median(times["decode"] for times in image["times"].values())


def load_of(measured: Mapping[str, Any], setting: str) -> Load:
    """The mean image in one setting."""
    images = measured["images"]
    return Load(
        decode=fmean(map(decoding, images)),
        count=fmean(image["times"][setting]["count"] for image in images),
        write=measured["row_milliseconds"],
        read_bytes=fmean(image["bytes"] for image in images),
        row_bytes=measured["row_bytes"],
    )


def table(measured: Mapping[str, Any], prices: Prices) -> list[str]:
    """The arithmetic for `PER_DAY` images, as Markdown."""
    loads = {name: load_of(measured, name) for name in SETTINGS}
    one = loads[DEFAULT]
    images = measured["images"]
    per_second = PER_DAY / DAY
    lines = [
        f"{len(images)} images of {fmean(i['pixels'] for i in images) / 1e6:.2f} megapixels and "
        f"{one.read_bytes / 1000:.0f} kB on average; {measured['processor']}, one thread, "
        f"{measured['model']}, torch {measured['torch']}.",
        "",
        f"| of {PER_DAY:,} images a day | |",
        "|---|---|",
        f"| images per second | {per_second:,.0f} |",
        f"| read over the network | {one.gigabits(PER_DAY):.1f} Gbit/s |",
        f"| images, if they are kept | {PER_DAY * one.read_bytes / 1e12:,.0f} TB a day |",
        f"| results in Parquet | {PER_DAY * one.row_bytes / 1e12:.2f} TB a day |",
        f"| cores that only decode | {per_second * one.decode / 1000 / BUSY:,.0f} |",
        "",
        "| setting | decode, ms | count, ms | write, ms | cores | of a million images: decode "
        "| count | a month of results |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, load in loads.items():
        decoded, counted, kept = load.money(prices)
        lines.append(
            f"| {name} | {load.decode:.1f} | {load.count:.0f} | {load.write:.2f} | "
            f"{load.cores(PER_DAY):,.0f} | {decoded:.3f} | {counted:.2f} | {kept:.3f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=Plain)
    parser.add_argument("what", choices=["measure", "table", "plot"])
    parser.add_argument("--data", type=Path, metavar="DIR", help="of measure: a folder of .jpg")
    parser.add_argument("--images", type=int, default=70, metavar="N", help="of measure (70)")
    parser.add_argument("--file", type=Path, default=MEASURED, help="what measure writes")
    parser.add_argument("--output", type=Path, default=FIGURE, help="of plot")
    parser.add_argument("--core-hour", type=float, default=Prices.core_hour)
    parser.add_argument("--gigabyte-month", type=float, default=Prices.gigabyte_month)
    args = parser.parse_args()
    if args.what == "measure":
        if args.data is None:
            parser.error("measure needs --data")
        args.file.parent.mkdir(exist_ok=True)
        args.file.write_text(json.dumps(measure(args.data, args.images), indent=1) + "\n")
        return
    measured = json.loads(args.file.read_text())
    if args.what == "table":
        print("\n".join(table(measured, Prices(args.core_hour, args.gigabyte_month))))
    else:
        images = measured["images"]
        decode = [decoding(image) / 1000 for image in images]
        whole = [sum(image["times"][DEFAULT].values()) / 1000 for image in images]
        schedule.plot(decode, whole, args.output)


if __name__ == "__main__":
    main()
