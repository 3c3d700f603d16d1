"""Every drill, in the order in which they run. A module that has some defines `DRILLS`, a tuple."""

from __future__ import annotations

import faults
import files_images
import readers
import weights
from drill import Drill

DRILLS: tuple[Drill, ...] = (
    *files_images.DRILLS,
    *faults.DRILLS,
    *weights.DRILLS,
    *readers.DRILLS,
)
