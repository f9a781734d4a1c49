"""Backtests and sweeps of the engine, in this process or over a Ray cluster, with Arrow tables in and out.

>>> import abstractfinance
>>> run = abstractfinance.backtest(scenario="crash", start="2026-03-02", end="2026-06-30")
>>> print(run)                          # the page of the command line
>>> run.summary["statistics"]["sharpe"]
>>> polars.DataFrame(run.days)          # the same memory; so do pyarrow.table(...) and pandas.DataFrame.from_arrow(...)

The runs are those of the command line to the last digit, made by the same code, which is compiled into this package. Other
threads go on meanwhile, Ctrl-C ends a run before its next trade date, and what cannot be done raises `Failed` with the
sentence the command line would print.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypedDict, Unpack

from . import _native
from ._native import Failed, Run, Sweep, Table

__all__ = ["Failed", "Options", "Run", "Sweep", "Table", "backtest", "import_bars", "sweep", "sweep_on_ray"]


class Arrow(Protocol):
    """Any table with the Arrow PyCapsule interface: of pyarrow, polars, pandas 2.2 or newer, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None, /) -> object: ...


#: Is told how many trade dates, or runs of a sweep, are done, and of how many.
Progress = Callable[[int, int], object]

_Path = str | os.PathLike[str]
_Settings = Mapping[str, Sequence[Any] | Mapping[str, float]]


class Options(TypedDict, total=False):
    """What a run is asked over. Nothing has to be given: a year of a calm simulated market, as configured by default."""

    #: First trade date, 2026-03-02 without it.
    start: datetime.date | str
    #: Last trade date, a year after the first without it.
    end: datetime.date | str
    #: How orders are filled: whole at the next session, or worked at the simulated exchange every 15 seconds.
    depth: Literal["next-session", "order-level"]
    #: What the simulated market does.
    scenario: Literal["calm", "decline", "crash", "spike"]
    #: Seed of the simulated market, and of the paths inside the days of a real one.
    seed: int
    #: Real history instead: a folder `import_bars` or ``abstractfinance data import`` made.
    catalogue: _Path
    #: Real history instead: a table with columns symbol (a name in instruments.yaml, of a future with its month, such as
    #: M6E_202603), date and close; open, high, low and volume are used when they are there. See `import_bars`.
    bars: Arrow
    #: What happens to the account outside of orders.
    account_events: Literal["none", "unattended", "realistic"]
    #: IB's price list.
    commissions: Literal["fixed", "tiered"]
    #: After how many trade dates a person resumes an engine that stopped; nobody does without it.
    resume_after: int
    #: A folder with settings.yaml, and instruments.yaml if it differs; the built-in configuration without it.
    config: _Path
    #: Settings that are set otherwise, by their dotted key: ``{"volatility.ewma_span": 40}``.
    settings: Mapping[str, Any]


def backtest(*, progress: Progress | None = None, **options: Unpack[Options]) -> Run:
    """Runs every trade date as it would be run live, and gives back what the engine did.

    >>> run = backtest(start="2026-03-02", end="2026-12-31", settings={"vol_target_annual": 0.08})
    >>> run.summary["nav_last"], len(run.fills)
    """
    with _study(options) as study:
        return _native.backtest(study, progress)


def sweep(
    search: _Settings,
    *,
    random: Mapping[str, int] | None = None,
    out: _Path | None = None,
    threads: int | None = None,
    folds: int = 4,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Sweep:
    """Runs every combination of ``search``, a list of values for each dotted key, on all cores of this machine.

    With ``random={"runs": 50, "seed": 1}`` so many are drawn, and a key may have a range, ``{"from": 0.08, "to": 0.16}``.
    With ``out`` the runs stay in a folder, and a sweep that was cut off goes on there. ``folds`` is how many parts are judged
    by choices made before them. Settings that are refused are a row that says why.

    >>> found = sweep({"vol_target_annual": [0.08, 0.12], "volatility.ewma_span": [10, 20, 40]}, scenario="decline")
    >>> print(found)
    >>> found.verdict["deflated"]       # how much of the best Sharpe ratio is luck
    """
    with _study(options) as study:
        asked = _search(study, search, random, out=out, threads=threads)
        found = _native.sweep(asked, folds, progress)
    if out is not None:
        found.write(out)
    return found


def sweep_on_ray(
    search: _Settings,
    *,
    out: _Path,
    random: Mapping[str, int] | None = None,
    per_task: int = 4,
    retries: int = 3,
    folds: int = 4,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Sweep:
    """The same over a Ray cluster: a task makes ``per_task`` runs on one core of any node.

    A task whose worker or node died is made again, up to ``retries`` times. Finished runs are kept in ``out``, on this machine,
    as they come: asked again, only what is missing is made. The same version of this package has to be on every node; a run
    made by another is not taken. ``config`` and ``catalogue`` are folders every node can read; ``bars`` are sent to them.
    Ray has to be initialised, or is started here.

    >>> ray.init("auto")
    >>> found = sweep_on_ray({"vol_target_annual": [0.08, 0.10, 0.12]}, out="found", scenario="decline")
    """
    import ray

    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with _study(options) as study:
        missing = _native.missing(_search(study, search, random, out=folder))
    task = ray.remote(num_cpus=1, max_retries=retries)(_part)
    shared = ray.put(dict(options))
    parts = [missing[first : first + per_task] for first in range(0, len(missing), per_task)]
    waiting = {task.remote(dict(search), random, part, shared): len(part) for part in parts}
    done = 0
    try:
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1)
            lines = ray.get(ready[0])
            with open(folder / _RUNS, "a", encoding="utf-8") as runs:
                runs.write("".join(f"\n{line}" for line in lines) + "\n")  # ends a line that was cut off
            done += waiting.pop(ready[0])
            if progress is not None:
                progress(done, len(missing))
    finally:
        for ref in waiting:  # what was asked for is not wanted any more
            ray.cancel(ref, force=True)
    return sweep(search, random=random, out=folder, folds=folds, **options)


def import_bars(
    bars: Arrow | Mapping[str, Arrow],
    out: _Path,
    *,
    map: Mapping[str, Any] | _Path | None = None,
    config: _Path | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Builds the catalogue ``out`` from price history in Arrow, as ``abstractfinance data import`` does from files.

    One table says by itself what it holds: ``symbol`` is the name of an instrument in instruments.yaml, and prices count whole
    units of its currency (pounds, never pence), points of an index, or dollars per euro of EUR.USD. Several tables need a
    ``map``, a dictionary or a YAML file in the form of config/maps/real-series.yaml, whose ``files`` are the tables' names.

    A catalogue that is there already is left alone, and refused, unless ``replace`` says that all of it may go.

    Gives back the report: every series with what it stands for, and every row that was left out, by reason.

    >>> report = import_bars(polars.read_csv("prices.csv", try_parse_dates=True), "catalogue")
    >>> backtest(catalogue="catalogue", start="2015-01-05", end="2015-12-30")
    """
    tables = dict(bars) if isinstance(bars, Mapping) else {"bars": bars}
    if isinstance(map, Mapping):
        map_text: str | None = _json(map)
    else:
        map_text = pathlib.Path(map).read_text(encoding="utf-8") if map is not None else None
    return _native.import_bars(tables, map_text, config, out, replace)


#: Finished runs of a folder, a line each.
_RUNS = "runs.jsonl"


def _part(
    search: _Settings, random: Mapping[str, int] | None, only: list[int], options: Options
) -> list[str]:
    """One task: some runs of a search, as lines of runs.jsonl."""
    with tempfile.TemporaryDirectory() as out, _study(options) as study:
        numbers = ",".join(str(number) for number in only)
        _native.sweep(_search(study, search, random, out=out, only=numbers, threads=1), 1)
        return pathlib.Path(out, _RUNS).read_text(encoding="utf-8").splitlines()


@contextmanager
def _study(options: Options) -> Iterator[dict[str, Any]]:
    """What the native module is asked over; bars become a catalogue that lasts as long as the question."""
    words: dict[str, object] = {
        "from": options.get("start"),
        "to": options.get("end"),
        "depth": options.get("depth"),
        "scenario": options.get("scenario"),
        "seed": options.get("seed"),
        "catalogue": options.get("catalogue"),
        "account-events": options.get("account_events"),
        "commissions": options.get("commissions"),
        "resume-after": options.get("resume_after"),
    }
    unknown = set(options) - Options.__optional_keys__
    if unknown:
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}; there are {', '.join(sorted(Options.__optional_keys__))}")
    study: dict[str, Any] = {
        "config": options.get("config"),
        "settings": _json(dict(options.get("settings", {}))),
        "market": None,
        "code": _native.__file__,
    }
    with tempfile.TemporaryDirectory() as temporary:
        if "bars" in options:
            if options.get("catalogue") is not None:
                raise TypeError("bars and catalogue are two histories; give one of them")
            folder = pathlib.Path(temporary, "bars")
            _warn(import_bars(options["bars"], folder, config=options.get("config")))
            words["catalogue"], study["market"] = folder, "bars handed over"
        study["words"] = [f"--{name}={value}" for name, value in words.items() if value is not None]
        yield study


def _warn(report: Mapping[str, Any]) -> None:
    """Says what an import left out or changed: nothing of a history is dropped in silence."""
    for series in report["imported"]:
        told = [f"{len(dates)} rows left out, {reason.replace('_', ' ')}" for reason, dates in series["left_out"].items()]
        if series["widened"]:
            told.append(f"{series['widened']} bars whose high or low did not hold their open and close were widened")
        if told:
            warnings.warn(f"bars of {series['instrument']}: {'; '.join(told)}", stacklevel=5)


def _search(
    study: Mapping[str, Any],
    search: _Settings,
    random: Mapping[str, int] | None,
    *,
    out: _Path | None,
    only: str | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """A search, in the form of its file."""
    asked: dict[str, Any] = {"settings": dict(search)}
    if random is not None:
        asked["random"] = dict(random)
    return {"study": study, "search": _json(asked), "only": only, "threads": threads, "out": out}


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """Numbers and arrays of NumPy and dates, as a file would have them."""
    for plain in ("tolist", "isoformat"):
        if hasattr(value, plain):
            return getattr(value, plain)()
    raise TypeError(f"{value!r} is no number, text, list or date")
