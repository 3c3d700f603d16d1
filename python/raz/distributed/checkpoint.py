"""What a folder of results holds already: files, and what Ray noted of them in the checkpoint.

Ray notes the paths of ``results/NAME-0.parquet`` in ``NAME.parquet`` in a folder of the checkpoint
that is named after the settings; while the file is written it is ``NAME.pending.parquet``. Ray
believes its notes, whatever has become of the files.
"""

from __future__ import annotations

import os

from raz.errors import InputError

from .storage import Place, place_of

__all__ = ["checkpoint_of"]

_PENDING = ".pending"


def checkpoint_of(results: Place, asked: str | os.PathLike[str] | None, fingerprint: str) -> Place:
    """Return where it is noted what is done; notes of files that are gone are removed.

    Args:
        results: the folder of the output.
        asked: folder of the checkpoint; by default beside the output.
        fingerprint: of what the results depend on.

    Raises:
        InputError: the checkpoint is inside the output, or the output holds a file that it tells
            nothing of.

    Example:
        >>> checkpoint_of(place_of("/missing/results"), None, "5ee09a").name
        '/missing/results.checkpoint/5ee09a'
    """
    folder = place_of(asked) if asked is not None else None
    if folder is None:
        path, name = f"{results.path}.checkpoint", f"{results.name}.checkpoint"
        folder = Place(results.filesystem, path, name)
    if f"{folder.name}/".startswith(f"{results.name}/"):
        raise InputError(f"{folder.name}: the checkpoint must lie outside of the output")
    done = Place(folder.filesystem, f"{folder.path}/{fingerprint}", f"{folder.name}/{fingerprint}")
    notes = {_stem(path).removesuffix(_PENDING): path for path in _files(done)}
    written = {_stem(path).rpartition("-")[0]: path for path in _files(results)}
    if unknown := sorted(written.keys() - notes.keys()):
        raise InputError(
            f"{results.name}: holds files already, and {folder.name} does not tell that "
            f"{os.path.basename(written[unknown[0]])} has results of this model, these weights "
            "and these settings; choose another folder"
        )
    for stem in notes.keys() - written.keys():
        done.filesystem.delete_file(notes[stem])
    return done


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _files(place: Place) -> list[str]:
    """Paths of the files in a folder, without those that readers of Parquet pass over."""
    from pyarrow.fs import FileSelector, FileType

    entries = place.filesystem.get_file_info(
        FileSelector(place.path, allow_not_found=True, recursive=True)
    )
    files = [entry.path for entry in entries if entry.type == FileType.File]
    return [path for path in files if not os.path.basename(path).startswith((".", "_"))]
