"""A day loop over numpy vectors: the decision is vectorised over instruments, the days are Python's."""

import numpy as np

import workload as w


def run(work):
    scaling = work.scaling()
    held, orders, cash, trades = np.zeros(work.width), np.zeros(work.width), w.CAPITAL, 0
    for day in range(w.FIRST_DECISION, work.days):
        count = np.count_nonzero(orders)
        if count:
            value = orders * work.opens[day]
            cash -= value.sum() + w.COMMISSION * np.abs(value).sum()
            held += orders
            trades += count
        close = work.closes[day]
        nav = cash + held @ close
        orders = work.wanted(scaling[day], nav, close, held)
    return nav, trades


if __name__ == "__main__":
    w.main("numpy", {"loop": w.Way("numpy day loop", lambda work: work, run)}, reps=15, warm=1)
