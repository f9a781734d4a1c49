"""The package beside the program it is compiled from.

In: the package, and a program named by $ABSTRACTFINANCE. Out: runs of both. Invariant: a number of one is the number of the
other; a table is read where it lies.
"""

import contextlib
import datetime
import doctest
import io
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

import abstractfinance
from abstractfinance import Failed

PROGRAM = os.environ["ABSTRACTFINANCE"]
SPAN = {"scenario": "decline", "start": "2026-03-02", "end": "2026-03-13"}
WORDS = ["--scenario", "decline", "--from", "2026-03-02", "--to", "2026-03-13"]
SEARCH = {"vol_target_annual": [0.06, 0.09, 0.12], "volatility.ewma_span": [10, 20]}
TABLES = ["days", "orders", "fills", "attribution"]


def program(*words: object) -> str:
    ended = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def same_run(run: abstractfinance.Run, told: str, folder: pathlib.Path) -> None:
    """A run is the program's, but for the code's own hash."""
    ours, theirs = run.summary, json.loads(told)
    assert len(ours["origin"].pop("program")) == len(theirs["origin"].pop("program")) == 64
    ours.pop("market"), theirs.pop("market")
    assert ours == theirs
    for name in TABLES:
        assert pyarrow.table(getattr(run, name)).equals(pyarrow.parquet.read_table(folder / f"{name}.parquet")), name


@pytest.fixture(scope="module")
def run() -> abstractfinance.Run:
    return abstractfinance.backtest(**SPAN)


def test_a_backtest_is_the_program_s_to_the_last_digit(run, tmp_path):
    told = program("backtest", *WORDS, "--json", "--out", tmp_path / "cli")
    same_run(run, told, tmp_path / "cli")
    assert run.summary["fills"] == len(run.fills) > 0
    run.write(tmp_path / "own")
    for name in [*(f"{table}.parquet" for table in TABLES), "tear-sheet.html"]:
        ours, theirs = ((tmp_path / folder / name).read_bytes() for folder in ("own", "cli"))
        assert ours == theirs or name == "tear-sheet.html" and len(ours) == len(theirs), name
    assert run.tear_sheet().startswith("<!doctype html>") and "Sharpe" in run.tear_sheet()
    assert str(run) == program("backtest", *WORDS)


def test_the_order_level_depth_and_settings_of_one_s_own_are_the_program_s_too(tmp_path):
    config = pathlib.Path(__file__).parents[2] / "config/examples/core-pair"
    words = ["backtest", "--config", config, "--from", "2026-03-02", "--to", "2026-03-04", "--depth", "order-level"]
    told = program(*words, "--commissions", "tiered", "--seed", 7, "--json", "--out", tmp_path)
    span = {"start": datetime.date(2026, 3, 2), "end": datetime.date(2026, 3, 4), "depth": "order-level"}
    run = abstractfinance.backtest(config=config, commissions="tiered", seed=7, **span)
    same_run(run, told, tmp_path)
    other = abstractfinance.backtest(config=config, seed=7, settings={"vol_target_annual": 0.05}, resume_after=20, **span)
    assert other.summary["resume_after"] == 20 and "resume_after" not in run.summary
    assert other.summary["vol_target"] == 0.05 and other.summary["origin"]["config"] != run.summary["origin"]["config"]


def addresses(array: pyarrow.Array) -> list[int]:
    """Where the values of an array are; the bitmap of a column without a gap is nowhere."""
    return [buffer.address for buffer in array.buffers() if buffer is not None]


@pytest.mark.parametrize("name", TABLES)
def test_pyarrow_polars_and_pandas_read_the_same_memory(run, name):
    table = getattr(run, name)
    arrow, again = pyarrow.table(table), pyarrow.table(table)
    frame = polars.DataFrame(table)
    series = arrow.to_pandas(types_mapper=pandas.ArrowDtype)
    assert len(frame) == len(series) == len(table) == table.num_rows
    compared = 0
    for column in table.column_names:
        there = addresses(arrow[column].chunk(0))
        assert there == addresses(again[column].chunk(0)), "each reader gets the table itself"
        assert there == addresses(series[column].array.__arrow_array__().chunk(0)), "pandas keeps Arrow's memory"
        if arrow[column].type != pyarrow.string():  # polars lays texts out in another way
            read = frame[column].to_physical().to_arrow()
            assert there[-1] == addresses(read)[-1], f"polars copied {column}"
            compared += 1
    assert compared >= 2
    assert frame.equals(polars.DataFrame(pandas.DataFrame.from_arrow(table)).cast(frame.schema))


def test_a_table_outlives_its_run_and_says_what_it_holds():
    fills = polars.DataFrame(abstractfinance.backtest(**SPAN).fills)
    assert fills["quantity"].sum() > 0
    days = abstractfinance.backtest(start="2026-03-02", end="2026-03-03").days
    assert repr(days).splitlines()[:2] == ["abstractfinance.Table of 2 rows:", "  date: date"]
    assert pyarrow.schema(days) == pyarrow.table(days).schema


def history() -> list[dict]:
    """Walks of eight series over the sessions of two years: weekdays."""
    chance = random.Random(1)
    levels = {"CSPX": 180.0, "CS51": 90.0, "EUR.USD": 1.2, "SPX": 2000.0, "SX5E": 3100.0, "VIX": 14.0}
    levels |= {"M6E_201509": 1.2, "M6E_201512": 1.201}
    rows = []
    for number in range(420):
        date = datetime.date(2014, 5, 1) + datetime.timedelta(days=number)
        for symbol in levels if date.weekday() < 5 else ():
            opened = levels[symbol]
            levels[symbol] = close = round(opened * (1 + chance.gauss(0, 0.004)), 6)
            high, low = round(max(opened, close) * 1.001, 6), round(min(opened, close) * 0.999, 6)
            row = {"symbol": symbol, "date": date, "open": opened, "high": high, "low": low, "close": close}
            rows.append(row | {"volume": 5_000_000})
    return rows


UNITS = {"CSPX": "USD", "CS51": "EUR", "EUR.USD": "USD per EUR", "SPX": "points", "SX5E": "points", "VIX": "points"}
UNITS |= {"M6E_201509": "USD", "M6E_201512": "USD"}
CORE_PAIR = pathlib.Path(__file__).parents[2] / "config/examples/core-pair"
OVER_BARS = {"start": "2015-05-01", "end": "2015-06-19", "config": CORE_PAIR}


def test_a_history_in_arrow_is_the_history_in_files(tmp_path):
    frame = polars.DataFrame(history())
    (tmp_path / "source").mkdir()
    frame.write_csv(tmp_path / "source/bars.csv")
    rule = {"files": {"bars": "bars.csv"}, "columns": "ohlcv", "adjustment": "as handed over", "stamp": "close"}
    series = {name: rule | {"stands_for": name, "symbol": name, "unit": unit} for name, unit in UNITS.items()}
    segments = {"bars": {"from": str(frame["date"].min()), "to": str(frame["date"].max())}}
    (tmp_path / "map.yaml").write_text(json.dumps({"segments": segments, "series": series}))
    program("data", "import", "--map", tmp_path / "map.yaml", tmp_path / "source", "--out", tmp_path / "catalogue")
    span = ["--from", OVER_BARS["start"], "--to", OVER_BARS["end"], "--config", CORE_PAIR]
    told = program("backtest", "--catalogue", tmp_path / "catalogue", *span, "--json", "--out", tmp_path / "cli")
    assert json.loads(told)["fills"] > 0
    dates = frame.to_pandas().assign(date=lambda rows: pandas.to_datetime(rows["date"]), symbol=lambda rows: rows["symbol"].astype("category"))
    for bars in (frame, frame.to_arrow(), dates):
        run = abstractfinance.backtest(bars=bars, **OVER_BARS)
        same_run(run, told, tmp_path / "cli")
    assert run.summary["market"] == "bars handed over, paths inside the day by seed 1"
    renamed = rule | {"files": {"bars": "mine"}}
    series = {name: row | renamed for name, row in series.items()}
    report = abstractfinance.import_bars({"mine": frame}, tmp_path / "own", map={"segments": segments, "series": series}, config=CORE_PAIR)
    assert {one["series"][0]["unit"] for one in report["imported"]} == set(UNITS.values())
    assert abstractfinance.backtest(catalogue=tmp_path / "own", **OVER_BARS).summary["nav_last"] == json.loads(told)["nav_last"]


def test_a_history_is_checked_like_a_file_and_what_is_left_out_is_told(tmp_path):
    frame = polars.DataFrame(history())

    def refusal(bars: object, kind: type[Exception] = Failed) -> str:
        with pytest.raises(kind) as refused:
            abstractfinance.import_bars(bars, tmp_path / "refused", config=CORE_PAIR)
        assert not (tmp_path / "refused").exists()
        return str(refused.value)

    unsorted = polars.concat([frame, frame.head(1)])
    assert refusal(unsorted) == f"bars, line {len(frame) + 2}: 2014-05-01 does not come after 2015-06-24; sort the rows and remove doubles"
    assert refusal(frame.with_columns(symbol=polars.lit("XYZ"))).startswith("`XYZ` in column `symbol` of bars is not in instruments.yaml")
    assert refusal(frame.drop("close")).startswith("bars has no column `close`; it has symbol, date")
    assert refusal(frame.with_columns(close=polars.lit("much"))).startswith("bars, line 3: `much` in column `close` is not a number")
    zoned = frame.with_columns(polars.col("date").cast(polars.Datetime("us")).dt.replace_time_zone("Europe/London"))
    assert refusal(zoned) == "bars: column `date` has instants in zone Europe/London, and a bar has a date; give the date of its session"
    assert refusal(frame.with_columns(volume=polars.lit(True))) == "bars: column `volume` holds Boolean, which is no text, number or date"
    assert "has no __arrow_c_stream__" in refusal([1, 2], TypeError)
    assert refusal({"a": frame, "b": frame}) == "several tables need a map that says what each stands for"
    holes = frame.with_columns(
        close=polars.when(polars.int_range(polars.len()) == 0).then(None).otherwise(polars.col("close")),
        high=polars.when(polars.int_range(polars.len()) == 9).then(0.01).otherwise(polars.col("high")),
    )
    with pytest.warns(UserWarning) as told:
        abstractfinance.backtest(bars=holes, **OVER_BARS)
    assert [str(one.message) for one in told] == [
        "bars of CS51: 1 bars whose high or low did not hold their open and close were widened",
        "bars of CSPX: 1 rows left out, blank",
    ]


def test_what_cannot_be_done_says_what_the_program_says():
    def refusal(**options: object) -> str:
        with pytest.raises(Failed) as refused:
            abstractfinance.backtest(**options)
        return str(refused.value)

    def told(*words: str) -> str:
        ended = subprocess.run([PROGRAM, "backtest", *words], capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        return ended.stderr.removeprefix("abstractfinance: ").removeprefix("error: ").split("\n\n")[0].strip()

    assert refusal(start="2026-03-02", end="2026-03-01") == told("--from", "2026-03-02", "--to", "2026-03-01")
    assert refusal(scenario="mad") == told("--scenario", "mad")
    assert refusal(config="/nowhere") == told("--config", "/nowhere")
    assert refusal(catalogue="/nowhere", start="2026-03-02") == told("--catalogue", "/nowhere", "--from", "2026-03-02")
    assert refusal(start="1970-01-01") == told("--from", "1970-01-01")
    assert refusal(settings={"vol_targets": 1}).startswith("cannot set `vol_targets`: settings.yaml (built in) has no")
    unlikely = refusal(settings={"vol_target_annual": 12})
    assert "`vol_target_annual` is 12, but 1 is the most it may be" in unlikely and len(unlikely) < 600
    assert refusal(settings={"vol_target_annual": float("nan")}).startswith("settings: ")
    with pytest.raises(TypeError, match="is no number, text, list or date"):
        abstractfinance.backtest(settings={"vol_target_annual": object()})
    with pytest.raises(TypeError, match="there is no option scenari; there are"):
        abstractfinance.backtest(scenari="crash")
    with pytest.raises(Failed, match="the search: a: an empty list; give it a value"):
        abstractfinance.sweep({"a": []})
    with pytest.raises(Failed, match="lies before"):
        abstractfinance.sweep(SEARCH, start="2026-03-02", end="2026-03-01")


def test_threads_of_python_go_on_and_progress_is_told():
    told, ticks, over = [], [], threading.Event()

    def tick() -> None:
        while not over.wait(0.001):
            ticks.append(time.monotonic())

    other = threading.Thread(target=tick)
    other.start()
    began = time.monotonic()
    abstractfinance.backtest(**SPAN, progress=lambda done, total: told.append((done, total)))
    ended = time.monotonic()
    over.set()
    other.join()
    inside = [at for at in ticks if began + 0.1 * (ended - began) < at < ended - 0.1 * (ended - began)]
    assert len(inside) > 5, "another thread ran while the backtest did"
    assert told[-1] == (10, 10) and told == sorted(told)


def test_an_exception_of_the_one_who_is_told_ends_the_run():
    class Enough(Exception):
        pass

    def enough(done: int, total: int) -> None:
        raise Enough

    years = {"start": "2016-01-04", "end": "2025-12-31"}
    with pytest.raises(Enough):
        abstractfinance.backtest(**years, progress=enough)
    with pytest.raises(Enough):
        abstractfinance.sweep({"vol_target_annual": [0.06, 0.12]}, start="2026-03-02", end="2026-03-06", progress=enough)


def test_ctrl_c_ends_a_long_run():
    script = (
        "import abstractfinance, sys\n"
        "told = lambda done, total: print('going', flush=True)\n"
        "abstractfinance.backtest(start='2006-01-02', end='2025-12-31', progress=told)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "going\n", process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGINT and complaint.rstrip().endswith("KeyboardInterrupt"), complaint


def test_a_sweep_is_the_program_s_and_goes_on_where_it_was_cut_off(tmp_path):
    (tmp_path / "search.yaml").write_text(json.dumps({"settings": SEARCH}))
    told = json.loads(program("sweep", tmp_path / "search.yaml", *WORDS, "--out", tmp_path / "cli", "--json"))
    found = abstractfinance.sweep(SEARCH, out=tmp_path / "own", **SPAN)
    assert pyarrow.table(found.runs).equals(pyarrow.parquet.read_table(tmp_path / "cli/runs.parquet"))
    assert found.verdict == told["verdict"] and found.returns == [trial["returns"] for trial in told["trials"]]
    assert (tmp_path / "own/runs.parquet").read_bytes() == (tmp_path / "cli/runs.parquet").read_bytes()
    assert str(found) in program("sweep", tmp_path / "search.yaml", *WORDS, "--out", tmp_path / "cli")
    runs = (tmp_path / "own/runs.jsonl").read_text().splitlines()
    assert len(runs) == len(found) == 6
    (tmp_path / "own/runs.jsonl").write_text("\n".join(runs[:4]) + "\n")
    again = abstractfinance.sweep(SEARCH, out=tmp_path / "own", **SPAN)
    assert again.returns == found.returns
    kept = [line for line in (tmp_path / "own/runs.jsonl").read_text().splitlines() if line]
    assert kept[:4] == runs[:4] and sorted(kept) == sorted(runs)
    drawn = abstractfinance.sweep({"vol_target_annual": {"from": 0.05, "to": 0.15}}, random={"runs": 2, "seed": 3}, **SPAN)
    assert len(drawn) == 2 and all(0.05 <= value < 0.15 for value in polars.DataFrame(drawn.runs)["vol_target_annual"])
    refused = abstractfinance.sweep({"vol_target_annual": numpy.array([12])}, **SPAN)
    assert "is 12, but 1 is the most" in polars.DataFrame(refused.runs)["failure"][0] and refused.returns == [[]]


def test_a_sweep_on_ray_survives_a_killed_worker_and_goes_on(tmp_path):
    import ray

    here = abstractfinance.sweep(SEARCH, **SPAN)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    killed = []

    def kill_one() -> None:
        """Ends the first worker that is seen running a part of the sweep."""
        for _ in range(1200):
            listed = subprocess.run(["pgrep", "-f", "ray::_part"], capture_output=True, text=True, check=False)
            for pid in map(int, listed.stdout.split()):
                if is_child_of_this(pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        told = []
        there = abstractfinance.sweep_on_ray(
            SEARCH, out=tmp_path, per_task=2, progress=lambda done, total: told.append((done, total)), **SPAN
        )
        killer.join()
        assert killed, "a worker was killed while it ran a part"
        assert pyarrow.table(there.runs).equals(pyarrow.table(here.runs))
        assert there.returns == here.returns and there.verdict == here.verdict
        assert told[-1] == (6, 6)
        lines = [line for line in (tmp_path / "runs.jsonl").read_text().splitlines() if line]
        assert len(lines) == 6, "every run is there once"
        (tmp_path / "runs.jsonl").write_text("\n".join(lines[:3]) + "\n")
        told.clear()
        again = abstractfinance.sweep_on_ray(
            SEARCH, out=tmp_path, progress=lambda done, total: told.append((done, total)), **SPAN
        )
        assert told == [(3, 3)] and again.returns == here.returns, "what is there is not made again"
        bars = polars.DataFrame(history())
        search = {"vol_target_annual": [0.06, 0.12]}
        sent = abstractfinance.sweep_on_ray(search, out=tmp_path / "bars", bars=bars, **OVER_BARS)
        assert sent.returns == abstractfinance.sweep(search, bars=bars, **OVER_BARS).returns and sent.returns[0]
        with pytest.raises(ray.exceptions.RayTaskError, match="lies before"):
            ray.get(ray.remote(lambda: abstractfinance.backtest(start="2026-03-02", end="2026-03-01")).remote())
    finally:
        ray.shutdown()


def is_child_of_this(pid: int) -> bool:
    """Whether a process descends from this one: others may have a cluster of their own."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def test_types_are_those_of_the_module_and_of_the_package():
    run = lambda *words: subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    stubs = run("mypy.stubtest", "abstractfinance._native", "--ignore-disjoint-bases")
    assert stubs.returncode == 0, stubs.stdout + stubs.stderr
    package = run("mypy", "--strict", "--follow-imports", "skip", "--package", "abstractfinance", "--cache-dir", os.devnull)
    assert package.returncode == 0, package.stdout + package.stderr


def test_the_page_of_the_book_is_what_python_says(tmp_path, monkeypatch):
    """With $UPDATE_BOOK the page is written anew; read what changed."""
    page = pathlib.Path(__file__).parents[2] / "docs/python.md"
    monkeypatch.chdir(tmp_path)
    written, names = page.read_text(), {"core_pair": CORE_PAIR}
    played = re.sub(r"(?<=```python\n)>>> .*?(?=```)", lambda block: play(block[0], names), written, flags=re.DOTALL)
    if os.environ.get("UPDATE_BOOK"):
        page.write_text(played)
    else:
        assert played == written


def play(block: str, names: dict) -> str:
    """The lines of a session, with what each says."""
    said = io.StringIO()
    for example in doctest.DocTestParser().get_examples(block):
        said.write("".join(f"{'...' if number else '>>>'} {line}" for number, line in enumerate(example.source.splitlines(True))))
        try:
            with contextlib.redirect_stdout(said):
                exec(compile(example.source, "<page>", "single"), names)
        except Exception as error:
            said.write("Traceback (most recent call last):\n  ...\n" + "".join(traceback.format_exception_only(error)))
    return said.getvalue()
