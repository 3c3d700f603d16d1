"""Formats of files: one module per format, with its writer and its reader.

:data:`FORMATS` lists them by name, :data:`SUFFIXES` the suffixes that stand for them, and
:data:`COLLECTIONS` how several results go into one file. ``docs/outputs.md`` says what each holds.
Readers are offered by :func:`raz.io.points.read_points`, which tells formats by their content.

Example:
    >>> sorted(FORMATS)[:4], FORMATS["cvat"].suffixes
    (['coco', 'csv', 'cvat', 'density'], ('.xml',))
    >>> ".geojson" in SUFFIXES, ".geojson" in COLLECTIONS, PLOT_SUFFIXES
    (True, False, ('.png', '.jpg', '.jpeg'))
"""

from raz.io.formats.coco import coco_document, coco_text
from raz.io.formats.csv import csv_text
from raz.io.formats.cvat import cvat_text
from raz.io.formats.format import Collection, CollectionWriter, Format
from raz.io.formats.geojson import geojson_text
from raz.io.formats.label_studio import label_studio_text
from raz.io.formats.nwpu import nwpu_line
from raz.io.formats.plot import PLOT_SUFFIXES, save_plot
from raz.io.formats.raz_json import json_text
from raz.io.formats.registry import (
    COLLECTIONS,
    FORMATS,
    SUFFIXES,
    format_of,
    open_collection,
    partial_file,
    save,
    save_all,
)
from raz.io.formats.suffix import suffix_of
from raz.io.formats.values import shortest

__all__ = [
    "COLLECTIONS",
    "FORMATS",
    "PLOT_SUFFIXES",
    "SUFFIXES",
    "Collection",
    "CollectionWriter",
    "Format",
    "coco_document",
    "coco_text",
    "csv_text",
    "cvat_text",
    "format_of",
    "geojson_text",
    "json_text",
    "label_studio_text",
    "nwpu_line",
    "open_collection",
    "partial_file",
    "save",
    "save_all",
    "save_plot",
    "shortest",
    "suffix_of",
]
