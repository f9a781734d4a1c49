"""Runs through Python, on this machine and on a Ray cluster with a worker that is killed.

In: a built program, named by $ABSTRACTFINANCE. Out: tables. Invariant: a sweep comes to the same rows wherever and
however often its runs were made.
"""

import os
import pathlib
import signal
import subprocess
import threading
import time

import pyarrow
import pytest

import abstractfinance

SPAN = {"scenario": "decline", "from_": "2026-03-02", "to": "2026-03-13"}
SETTINGS = {"vol_target_annual": [0.06, 0.09, 0.12], "volatility.ewma_span": [10, 20]}


def test_a_backtest_is_its_tables():
    run = abstractfinance.backtest(**SPAN)
    assert isinstance(run.days, pyarrow.Table) and run.days.num_rows == run.summary["days"] == 10
    assert run.fills.num_rows == run.summary["fills"] > 0


def test_pandas_and_polars_read_the_same_memory():
    days = abstractfinance.backtest(**SPAN).days
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    frame = polars.from_arrow(days)
    assert frame["nav"].to_list() == days["nav"].to_pylist()
    assert days.to_pandas(zero_copy_only=False)["nav"].tolist() == days["nav"].to_pylist()
    assert isinstance(days["unit_value"].chunk(0).to_numpy(zero_copy_only=True).sum(), float)
    assert pandas is not None


def test_what_the_program_says_is_the_error():
    with pytest.raises(abstractfinance.Failed, match="lies before"):
        abstractfinance.backtest(from_="2026-03-02", to="2026-03-01")


def test_a_sweep_on_ray_survives_a_killed_worker(tmp_path: pathlib.Path):
    ray = pytest.importorskip("ray")
    here = abstractfinance.sweep(SETTINGS, **SPAN)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    killed = []

    def kill_one():
        """Ends the first worker that is seen running a part of the sweep."""
        for _ in range(600):
            listed = subprocess.run(["pgrep", "-f", "ray::_part"], capture_output=True, text=True, check=False)
            for pid in listed.stdout.split():
                if _is_child_of_this(int(pid)):
                    os.kill(int(pid), signal.SIGKILL)
                    killed.append(int(pid))
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        there = abstractfinance.sweep_on_ray(SETTINGS, out=tmp_path, per_task=2, **SPAN)
    finally:
        killer.join()
        ray.shutdown()
    assert killed, "a worker was killed while it ran a part"
    assert there.runs.equals(here.runs)
    assert there.returns == here.returns and there.verdict == here.verdict
    lines = [line for line in (tmp_path / "runs.jsonl").read_text().splitlines() if line]
    assert len(lines) == 6, "every run is there once"


def _is_child_of_this(pid: int) -> bool:
    """Whether a process descends from this one: others may have a cluster of their own."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False
