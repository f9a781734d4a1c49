"""Loops compiled by numba, in one thread, without any books."""

import numpy as np
from numba import njit

import workload as w


@njit(cache=True)
def loops(weights, opens, closes, capital, commission, first):
    days, width = closes.shape
    keep, band = 1.0 - 2.0 / 21.0, 0.19 / width
    s1 = s2 = m1 = m2 = 0.0
    recent, held, orders = np.zeros(first), np.zeros(width), np.zeros(width)
    cash, nav, trades = capital, capital, 0
    for day in range(1, days):
        nav, r = 0.0, 0.0
        for i in range(width):
            if orders[i] != 0.0:
                value = orders[i] * opens[day, i]
                cash -= value + abs(value) * commission
                held[i] += orders[i]
                orders[i] = 0.0
                trades += 1
            nav += held[i] * closes[day, i]
            r += weights[i] * (closes[day, i] / closes[day - 1, i] - 1.0)
        nav += cash
        s1, s2 = 1.0 + keep * s1, 1.0 + keep * keep * s2
        m1, m2 = r + keep * m1, r * r + keep * m2
        recent[(day - 1) % first] = r
        if day < first or day == days - 1:
            continue
        mean = m1 / s1
        ewma = np.sqrt((m2 / s1 - mean * mean) * s1 * s1 / (s1 * s1 - s2))
        average = recent.sum() / first
        square = 0.0
        for x in recent:
            square += (x - average) ** 2
        volatility = max((0.7 * ewma + 0.3 * np.sqrt(square / (first - 1))) * np.sqrt(252.0), 0.08)
        scale = min(0.12 / volatility, 2.0)
        for i in range(width):
            target = scale * weights[i] * nav
            if held[i] == 0.0 or abs(target - held[i] * closes[day, i]) > band * nav:
                orders[i] = np.trunc(target / closes[day, i]) - held[i]
    return nav, trades


def run(work):
    return loops(work.weights, work.opens, work.closes, w.CAPITAL, w.COMMISSION, w.FIRST_DECISION)


if __name__ == "__main__":
    w.main("numba", {"loops": w.Way("numba loops", lambda work: work, run)}, reps=200, warm=1)
