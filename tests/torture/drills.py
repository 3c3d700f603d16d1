"""Every drill, in the order in which they run. A module that has some defines `DRILLS`, a tuple."""

from __future__ import annotations

import calls
import faults
import files_annotations
import files_images
import files_paths
import files_uploads
import files_videos
import files_weights
import kernels
import load_images
import load_imports
import load_processes
import load_serve
import load_threads
import readers
import weights
from drill import Drill

DRILLS: tuple[Drill, ...] = (
    *calls.DRILLS,
    *faults.DRILLS,
    *files_images.DRILLS,
    *files_uploads.DRILLS,
    *files_annotations.DRILLS,
    *files_weights.DRILLS,
    *files_videos.DRILLS,
    *files_paths.DRILLS,
    *weights.DRILLS,
    *readers.DRILLS,
    *kernels.DRILLS,
    *load_images.DRILLS,
    *load_threads.DRILLS,
    *load_processes.DRILLS,
    *load_imports.DRILLS,
    *load_serve.DRILLS,
)
