"""Run the commands and examples of docs/ as they are printed; README's are readme_commands.py's.

They run in a folder of their own, which holds the files that they take for granted, in small
(docs_stage.py): the commands of a page one block after the other, two pages at a time, then the
Python examples of all pages in one process, each page with names of its own.

A block that cannot run here has a comment on the line before it: `<!-- not run: REASON -->`.
`--list` prints those. Needs the environment that `make test` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from readme_commands import ROOT, SCRIPTS, SHELLS

BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```(?P<language>bash|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"^<!-- not run\b", re.MULTILINE)
STAGE = [str(SCRIPTS / "python"), str(ROOT / ".ci" / "docs_stage.py")]
OPENCV = "OpenCV:UserWarning"
"""What supervision says of a package that it can do without."""

LIMIT = 300
"""Seconds that one block may take: a command that waits for somebody does not stop CI."""


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page; a mark that belongs to no block is an error."""
    name, text = os.path.relpath(page, ROOT), page.read_text("utf-8")
    blocks = [
        Block(name, text.count("\n", 0, m.start()) + 1, m["language"], m["text"], m["reason"])
        for m in BLOCK.finditer(text)
    ]
    marked = sum(block.reason is not None for block in blocks)
    if len(MARK.findall(text)) != marked:
        raise SystemExit(f'{name}: "<!-- not run: REASON -->" must be the line before a block')
    return blocks


def run_page(blocks: list[Block], folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the commands of one page; returns what failed."""
    failed = []
    for block in blocks:
        began = time.monotonic()
        try:
            done = subprocess.run(
                [*SHELLS["bash"], block.text],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT,
                check=False,
            )
            code, output = done.returncode, done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            code, output = 1, f"took more than {LIMIT} s"
        print(
            f"{block} {'FAILED' if code else 'ran'} in {time.monotonic() - began:.1f} s", flush=True
        )
        if code:
            failed.append(f"--- {block}\n{block.text}--- printed\n{output}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print what does not run, and why")
    parser.add_argument("pages", nargs="*", type=Path, help="only these pages")
    arguments = parser.parse_args()
    pages = [page.resolve() for page in arguments.pages] or sorted((ROOT / "docs").rglob("*.md"))
    blocks = [block for page in pages for block in blocks_of(page)]
    left = [block for block in blocks if block.reason is not None]
    for block in left:
        print(f"{block} is not run: {block.reason}")
    if arguments.list:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        failed = run_all([block for block in blocks if block.reason is None], Path(folder))
    print("\n".join(failed))
    ran = len(blocks) - len(left)
    print(f"{ran} blocks of {len(pages)} pages, {len(failed)} failures; {len(left)} not run")
    return 1 if failed else 0


def run_all(blocks: list[Block], folder: Path) -> list[str]:
    """Run commands, then examples; returns what failed."""
    environment = os.environ | {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        # The pages show real settings; here they are smaller.
        "LIMIT": "1",
        "STEPS": "1",
        "RAZ_DATA": str(folder / "data"),
    }
    subprocess.run([*STAGE, str(folder)], env=environment, check=True)
    pages: dict[str, list[Block]] = {}
    for block in blocks:
        if block.language == "bash":
            pages.setdefault(block.page, []).append(block)
    with ThreadPoolExecutor(2) as pool:
        failures = pool.map(lambda page: run_page(page, folder, environment), pages.values())
        failed = [failure for page in failures for failure in page]
    examples = [
        (block.page, str(block), block.text) for block in blocks if block.language == "python"
    ]
    began = time.monotonic()
    done = subprocess.run(
        [STAGE[0], "-W", "error", "-W", f"ignore:{OPENCV}", *STAGE[1:], str(folder), "--run"],
        input=json.dumps(examples).encode(),
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    print(f"{len(examples)} Python blocks in {time.monotonic() - began:.1f} s", flush=True)
    return failed if done.returncode == 0 else [*failed, done.stdout.decode(errors="replace")]


if __name__ == "__main__":
    sys.exit(main())
