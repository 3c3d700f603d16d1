"""A page on which to drop an image: its count, heads and density (Gradio, extra ``demo``).

Nothing is fetched from other hosts, and nothing is told to them: Gradio's analytics are off, and so
are its sharing and its fonts. Importing this module imports nothing heavy.
"""

from __future__ import annotations

import importlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.errors import RazError, installs

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.prediction import Predictor
    from raz.result import Result

__all__ = ["build_demo", "open_demo"]

_TITLE = "How many people are in this image?"
_LEVEL = 0.9
_WAITING = 16
_SESSIONS = 16
_SECONDS_KEPT = 3600
_BUTTONS = ["download", "fullscreen"]  # and none that shares the image
_FONT = ["system-ui", "sans-serif"]


def build_demo(predictor: Predictor) -> Any:
    """Make the page.

    Args:
        predictor: counts in the images; one image at a time.

    Returns:
        gradio.Blocks. Other programs may launch it; :func:`open_demo` does so.

    Raises:
        ImportError: Gradio is not installed.

    Example:
        >>> from raz.prediction import Predictor
        >>> build_demo(Predictor()).title  # doctest: +SKIP
        'How many people are in this image?'
    """
    gradio = _import_gradio()
    with gradio.Blocks(
        title=_TITLE, analytics_enabled=False, delete_cache=(_SECONDS_KEPT, _SECONDS_KEPT)
    ) as page:
        gradio.Markdown(f"# {_TITLE}")
        counted = gradio.State(None, time_to_live=_SECONDS_KEPT)
        with gradio.Row():
            with gradio.Column():
                image = gradio.Image(
                    label="Image", type="filepath", image_mode=None, sources=["upload"]
                )
                least = gradio.Slider(0, 1, 0, step=0.01, label="Least score of a head")
                summary = gradio.Markdown(elem_id="summary")
            with gradio.Column():
                kind = {"format": "jpeg", "interactive": False, "buttons": _BUTTONS}
                heads = gradio.Image(label="Heads", **kind)
                density = gradio.Image(label="Density", **kind)

        def count(file: str | None) -> tuple[Any, ...]:
            if file is None:
                return None, None
            try:
                # As bytes, so that the result keeps the pixels when the file has been deleted.
                result = predictor(io.BytesIO(Path(file).read_bytes()))
            except RazError as error:
                raise gradio.Error(str(error), print_exception=False) from None
            return result, result.plot(points=False, density=True, caption=False)

        def show(result: Result | None, score: float) -> tuple[str, Image | None]:
            return ("", None) if result is None else _shown(result, score)

        image.change(count, image, [counted, density]).then(
            show, [counted, least], [summary, heads]
        )
        least.release(show, [counted, least], [summary, heads])
    page.queue(max_size=_WAITING, default_concurrency_limit=1)
    return page


def _shown(result: Result, score: float) -> tuple[str, Image]:
    """What is said of a result, and its heads of at least a score on the image."""
    located = result.filtered(min_score=score)
    lines = [f"**{result.count:.0f} people**"]
    if result.spread.highest_level >= _LEVEL:
        low, high = result.interval(_LEVEL)
        lines.append(f"with a probability of {_LEVEL:.0%} between {low:.0f} and {high:.0f}")
    lines.append(f"{len(located)} heads located with a score of {score:.2f} or more")
    return "\n\n".join([*lines, *result.warnings]), located.plot(caption=False)


def open_demo(predictor: Predictor, *, port: int) -> str:
    """Serve the page on this machine, in a thread, until the process ends.

    Args:
        predictor: counts in the images.
        port: to listen at.

    Returns:
        the page's address.

    Raises:
        ImportError: Gradio is not installed.
        OSError: the port is taken.

    Example:
        >>> from raz.prediction import Predictor
        >>> open_demo(Predictor(), port=7860)  # doctest: +SKIP
        'http://127.0.0.1:7860/'
    """
    page, gradio = build_demo(predictor), _import_gradio()
    _, address, _ = page.launch(
        server_name="127.0.0.1",
        server_port=port,
        theme=gradio.themes.Default(font=_FONT, font_mono=["monospace"]),
        footer_links=[],
        share=False,
        ssr_mode=False,  # it would need Node.js
        inbrowser=False,
        quiet=True,
        prevent_thread_lock=True,
        state_session_capacity=_SESSIONS,
    )
    return str(address)


def _import_gradio() -> Any:
    # They are read when Gradio, and what it imports, is imported.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module("gradio")
    except ImportError as error:
        raise ImportError(f"raz demo needs gradio: {installs('demo')}") from error
