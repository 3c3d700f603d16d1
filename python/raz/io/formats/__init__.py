"""Write Results in every form that users of crowd counting read; a module a format.

:data:`FORMATS` lists them by name. ``docs/outputs.md`` says what each holds, and by which reader of
others it was read back.
"""

from raz.io.formats.coco import LabelledImage, coco_document, coco_text
from raz.io.formats.csv import csv_text
from raz.io.formats.cvat import cvat_text
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
    save,
    save_all,
)
from raz.io.formats.result_format import Collection, CollectionWriter, Format
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
    "LabelledImage",
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
    "save",
    "save_all",
    "save_plot",
    "shortest",
    "suffix_of",
]
