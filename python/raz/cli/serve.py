"""``raz serve``: count people in images that come by HTTP."""

from __future__ import annotations

import argparse
import logging
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import at_least, positive, set_threads, wrong_use
from raz.cli.model_options import add_model_options, make_predictor
from raz.errors import installs
from raz.training.interruption import Interruption, deferred_interrupts

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logging.getLogger(__name__)

_READING_SECONDS = 6
"""Longer than a body that is refused is read (`raz.serve.bodies`), and for clients to read."""

_DESCRIPTION = """\
Answer POST /predict with an image as its body, or as the file of a form: the JSON that
raz predict --json prints. GET /docs is a page with all routes and parameters.

Only programs of this machine reach the service, unless --host says otherwise; then a token is
needed, which requests send as "Authorization: Bearer TOKEN".
"""
_EPILOG = """\
examples:
  raz serve --port 8000
  curl --data-binary @photo.jpg http://127.0.0.1:8000/predict
  curl --form image=@photo.jpg 'http://127.0.0.1:8000/predict?quality=fast&points=false'
  RAZ_TOKEN=secret raz serve --host 0.0.0.0

SIGTERM, SIGINT and SIGHUP let requests that have begun finish; a second one ends at once.

exit codes: 2 wrong use; 3 --token-file holds no token; 4 weights; 130 ended by a signal; 1 any
other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "serve",
        help="count people in images that come by HTTP",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=at_least(0, 65535), default=8000, metavar="N",
        help="port to listen at; 0 takes a free one (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to listen at; any but that of this machine alone needs a token "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE",
        help="file with the token that requests must have (default: the environment variable "
        "RAZ_TOKEN, else none)",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=Path, action="append", default=[], metavar="DIR",
        help="folder with the images of Label Studio's tasks; may be given several times",
    )  # fmt: skip
    _add_limits(parser.add_argument_group("limits"))
    add_model_options(parser)
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-bytes", type=at_least(1), default=64 << 20, metavar="N",
        help="largest body of a request (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=positive, default=60.0, metavar="S",
        help="most seconds from a request to its answer (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--parallel", type=at_least(1, 256), default=1, metavar="N",
        help="images counted at the same time; one uses all --threads already "
        "(default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--waiting", type=at_least(0, 100_000), default=16, metavar="N",
        help="requests that may wait; the next one gets 503 (default: %(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes; return the exit code."""
    try:
        from raz.serve.app import create_app
        from raz.serve.authorization import is_loopback, read_token
        from raz.serve.limits import Limits
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "raz":
            raise
        raise ImportError(f"raz serve needs {error.name}: {installs('serve')}") from error

    with wrong_use(args):
        token = read_token(args.token_file)
    if token is None and not is_loopback(args.host):
        args.parser.error(
            f"--host: {args.host} is reached from other machines, so a token is needed "
            "(--token-file, or RAZ_TOKEN in the environment)"
        )
    for folder in args.images:
        if not folder.is_dir():
            args.parser.error(f"--images: {folder} is no folder")
    set_threads(args)
    limits = Limits(
        bytes=args.max_bytes,
        seconds=args.timeout,
        parallel=args.parallel,
        waiting=args.waiting,
    )
    with _listening(args.host, args.port) as listener:  # before the weights are loaded
        predictor = make_predictor(args)
        _warm_up(predictor)
        app = create_app(predictor, limits, token=token, loopback_only=True, folders=args.images)
        _serve(app, listener, limits.seconds)
    log.info("ended by a signal; requests that had begun have been answered")
    return 130


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno and not isinstance(error, socket.gaierror):  # whose numbers are others
            reason = os.strerror(error.errno)
        raise OSError(error.errno, reason, f"{host}:{port}") from None
    with listener:
        yield listener


def _warm_up(predictor: Any) -> None:
    """Count in an empty image, so that the first request is not slower than the others."""
    import numpy as np

    predictor(np.zeros((64, 64, 3), np.uint8))


def _end_at_once() -> None:
    """End without the threads that count: Python would wait for them."""
    log.error("interrupted")
    os._exit(130)


def _serve(app: FastAPI, listener: socket.socket, seconds: float) -> None:
    """Answer requests until a signal comes, and then those that have begun.

    Args:
        app: answers them.
        listener: where they come.
        seconds: in which each is answered. Who does not read the answer is not waited for.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Ends at the signals at which every command ends; a second one ends it at once."""

        interruption: Interruption

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            with deferred_interrupts(_end_at_once) as self.interruption:
                host, port = listener.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                log.info("listening on http://%s:%d (routes: /docs)", shown, port)
                yield

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or self.interruption.requested

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=math.ceil(seconds) + _READING_SECONDS,
    )
    Server(config).run(sockets=[listener])
