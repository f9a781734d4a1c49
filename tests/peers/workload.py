"""Workload W for other engines: its file, its volatility, its answers, and the way a run is timed.

In: FILE.bin (`docs/research.md`, "Workload W"). Out: one line of JSON. Invariant: an engine that says it follows the
rules exactly and comes to another result ends with exit code 1.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

CAPITAL = 10_000_000.0
COMMISSION = 0.0005
FIRST_DECISION = 60
ANSWERS = {(76, 5040): (12_800_586.163155, 23_941), (76, 1260): (11_545_887.173555, 5_736)}


@dataclass(frozen=True)
class Workload:
    """Prices are time-major; the band is a share of NAV."""

    weights: np.ndarray
    opens: np.ndarray
    closes: np.ndarray

    @property
    def days(self):
        return self.closes.shape[0]

    @property
    def width(self):
        return self.closes.shape[1]

    @property
    def band(self):
        return 0.19 / self.width

    @property
    def names(self):
        return [f"W{i:03}" for i in range(self.width)]

    @property
    def dates(self):
        return np.busday_offset("2004-01-05", np.arange(self.days), roll="forward").astype("datetime64[D]")

    def scaling(self):
        """Volatility scaling at each close, not a number before the first decision. It depends on prices alone."""
        daily = np.full(self.days, np.nan)
        daily[1:] = (self.closes[1:] / self.closes[:-1] - 1.0) @ self.weights
        keep = 1.0 - 2.0 / 21.0
        ewma, s1, s2, m1, m2 = np.full(self.days, np.nan), 0.0, 0.0, 0.0, 0.0
        for day, r in enumerate(daily.tolist()[1:], start=1):
            s1, s2 = 1.0 + keep * s1, 1.0 + keep * keep * s2
            m1, m2 = r + keep * m1, r * r + keep * m2
            if day >= FIRST_DECISION:
                ewma[day] = ((m2 / s1 - (m1 / s1) ** 2) * s1 * s1 / (s1 * s1 - s2)) ** 0.5
        rolling = np.full(self.days, np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(daily[1:], FIRST_DECISION)
        rolling[FIRST_DECISION:] = windows.std(axis=1, ddof=1)
        volatility = np.maximum((0.7 * ewma + 0.3 * rolling) * 252.0**0.5, 0.08)
        return np.minimum(0.12 / volatility, 2.0)

    def wanted(self, scale, nav, close, held):
        """Shares to trade at the next open, decided on a close: zero inside the band."""
        target = scale * self.weights * nav
        beyond = (held == 0.0) | (np.abs(target - held * close) > self.band * nav)
        return np.where(beyond, np.trunc(target / close) - held, 0.0)


def read(path):
    with open(path, "rb") as file:
        width, days = (int(n) for n in np.frombuffer(file.read(16), dtype="<u8"))
        rest = np.frombuffer(file.read(), dtype="<f8")
    if rest.size != width * (2 * days + 1):
        sys.exit(f"{path}: {rest.size} numbers for N = {width}, T = {days}")
    prices = rest[width:].reshape(2, days, width)
    return Workload(rest[:width].copy(), prices[0].copy(), prices[1].copy())


@dataclass(frozen=True)
class Way:
    """One way of an engine: `prepare(workload)` makes what a single run needs and is not part of it; `run` of that gives NAV
    and trades. `deviation` says which rule cannot be followed; then the result is shown and not judged."""

    engine: str
    prepare: Callable
    run: Callable
    deviation: str | None = None


def main(package, ways, reps, warm=0):
    """Measures one of the ways, the first of them unless told otherwise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--way", choices=list(ways), default=next(iter(ways)))
    parser.add_argument("--reps", type=int, default=reps)
    arguments = parser.parse_args()
    way = ways[arguments.way]
    workload = read(arguments.file)
    walls, cpus, setups, results = [], [], [], set()
    for rep in range(warm + arguments.reps):
        begin = time.perf_counter()
        ready = way.prepare(workload)
        wall, cpu = time.perf_counter(), time.process_time()
        nav, trades = way.run(ready)
        took = time.perf_counter() - wall, time.process_time() - cpu
        results.add((round(float(nav), 6), int(trades)))
        if rep >= warm:
            setups.append(wall - begin)
            walls.append(took[0])
            cpus.append(took[1])
    nav, trades = min(results)
    expected = ANSWERS.get((workload.width, workload.days))
    agrees = None
    if expected and not way.deviation:
        agrees = len(results) == 1 and abs(nav - expected[0]) < 1e-3 and trades == expected[1]
    report = {
        "engine": way.engine,
        "version": version(package),
        "python": platform.python_version(),
        "n": workload.width,
        "t": workload.days,
        "nav": f"{nav:.6f}",
        "trades": trades,
        "agrees": agrees,
        "deviation": way.deviation,
        "reps": arguments.reps,
        "cpu_s": round(min(cpus), 6),
        "run_s": round(min(walls), 6),
        "run_median_s": round(statistics.median(walls), 6),
        "prepare_s": round(min(setups), 6),
    }
    if expected:
        report["nav_off"] = round(nav - expected[0], 6)
        report["trades_off"] = trades - expected[1]
    print(json.dumps(report))
    sys.exit(1 if agrees is False else 0)
