"""One HTML file that shows results: images, heads, density, zoom trace, areas. See docs/report.md.

The file needs no other file and no network. It is a template (``template.html``), ``report.css``
and the scripts of ``scripts/``, joined as they are, around the results as JSON.
"""

from raz.io.report.collection import report_collection, report_text, save_report
from raz.io.report.contents import Contents

__all__ = ["Contents", "report_collection", "report_text", "save_report"]
