"""Draw results on their images, with Pillow alone.

`plot_result` draws one result, `plot_matches` a result against the truth, `plot_difference` two
results. What is written stands below the image, so it hides nobody.
"""

from raz.io.plot.matches import plot_difference, plot_matches
from raz.io.plot.result import plot_result

__all__ = ["plot_difference", "plot_matches", "plot_result"]
