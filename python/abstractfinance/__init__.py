"""Backtests and sweeps of the engine, as Arrow tables.

In: arguments of the command line as keywords, settings by their dotted key. Out: pyarrow tables, which pandas and polars
read without copies, and the program's own JSON. Invariant: every number is the program's; this module only calls it, on
this machine or on the workers of a Ray cluster.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import Any, Iterable, Mapping, NamedTuple

import pyarrow
import pyarrow.parquet

__all__ = ["Failed", "Run", "Sweep", "backtest", "sweep", "sweep_on_ray"]

#: Tables a backtest writes.
TABLES = ("days", "orders", "fills", "attribution")


class Failed(RuntimeError):
    """The program ended with an error; the text is what it said, and what to do."""


class Run(NamedTuple):
    """A backtest: its summary, and its tables by name."""

    summary: dict[str, Any]
    days: pyarrow.Table
    orders: pyarrow.Table
    fills: pyarrow.Table
    attribution: pyarrow.Table


class Sweep(NamedTuple):
    """A sweep: a row for every run, how far the best may be believed, and the daily returns of each run."""

    runs: pyarrow.Table
    verdict: dict[str, Any]
    returns: list[list[float]]


def backtest(*, program: str | None = None, **options: Any) -> Run:
    """Runs a backtest. Options are those of the command line with underscores: ``scenario="crash"``, ``to="2026-06-30"``."""
    with tempfile.TemporaryDirectory() as out:
        told = _call(program, ["backtest", "--json", "--out", out, *_words(options)])
        tables = {name: pyarrow.parquet.read_table(pathlib.Path(out, f"{name}.parquet")) for name in TABLES}
    return Run(summary=json.loads(told), **tables)


def sweep(
    settings: Mapping[str, Any],
    *,
    random: Mapping[str, int] | None = None,
    out: str | os.PathLike[str] | None = None,
    program: str | None = None,
    **options: Any,
) -> Sweep:
    """Runs every combination of ``settings`` (a list of values for each dotted key), or as many as ``random`` says, on all
    cores of this machine. With ``out`` the runs stay in a folder, and a sweep that was cut off goes on there."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(out or temporary)
        search = _search(settings, random, temporary)
        told = json.loads(_call(program, ["sweep", search, "--json", "--out", str(folder), *_words(options)]))
        runs = pyarrow.parquet.read_table(folder / "runs.parquet")
    return Sweep(runs=runs, verdict=told["verdict"], returns=[trial["returns"] for trial in told["trials"]])


def sweep_on_ray(
    settings: Mapping[str, Any],
    *,
    out: str | os.PathLike[str],
    random: Mapping[str, int] | None = None,
    per_task: int = 4,
    retries: int = 3,
    program: str | None = None,
    **options: Any,
) -> Sweep:
    """The same over a Ray cluster: a task makes ``per_task`` runs on one core of any node, and a task whose worker died is
    made again. Finished runs are kept in ``out`` as they come, so that a cluster that was lost costs what was running.

    The program has to be on every node (``program``, or ``abstractfinance`` on its PATH), the same one: a run made by
    another is not taken. Ray has to be initialised, or is started here.
    """
    import ray

    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        listed = json.loads(_call(program, ["sweep", _search(settings, random, temporary), "--list"]))
    task = ray.remote(num_cpus=1, max_retries=retries)(_part)
    parts = [(first, min(first + per_task - 1, len(listed))) for first in range(1, len(listed) + 1, per_task)]
    done = {line for line in _lines(folder / "runs.jsonl")}
    waiting = [task.remote(dict(settings), random, f"{first}-{last}", program, options) for first, last in parts]
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1)
        with open(folder / "runs.jsonl", "a", encoding="utf-8") as runs:
            for line in ray.get(ready[0]):
                if line not in done:
                    done.add(line)
                    runs.write(line + "\n")
    return sweep(settings, random=random, out=folder, program=program, **options)


def _part(
    settings: Mapping[str, Any],
    random: Mapping[str, int] | None,
    only: str,
    program: str | None,
    options: Mapping[str, Any],
) -> list[str]:
    """One task: some runs of a search, as lines of runs.jsonl."""
    with tempfile.TemporaryDirectory() as temporary:
        search = _search(settings, random, temporary)
        out = pathlib.Path(temporary, "out")
        words = ["sweep", search, "--json", "--threads", "1", "--only", only, "--out", str(out), *_words(options)]
        _call(program, words)
        return list(_lines(out / "runs.jsonl"))


def _lines(file: pathlib.Path) -> Iterable[str]:
    if not file.exists():
        return []
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line]


def _search(settings: Mapping[str, Any], random: Mapping[str, int] | None, folder: str) -> str:
    """The file of a search: JSON is YAML."""
    file = pathlib.Path(folder, "search.yaml")
    search: dict[str, Any] = {"settings": dict(settings)}
    if random is not None:
        search["random"] = dict(random)
    file.write_text(json.dumps(search), encoding="utf-8")
    return str(file)


def _words(options: Mapping[str, Any]) -> list[str]:
    """Keywords as options of the command line."""
    words: list[str] = []
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [option, str(value)]
    return words


def _call(program: str | None, words: list[str]) -> str:
    path = program or os.environ.get("ABSTRACTFINANCE") or shutil.which("abstractfinance")
    if path is None:
        raise Failed("the program `abstractfinance` is not on the PATH; name it with program= or in $ABSTRACTFINANCE")
    ended = subprocess.run([path, *words], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise Failed(ended.stderr.strip() or f"exit code {ended.returncode}")
    return ended.stdout
