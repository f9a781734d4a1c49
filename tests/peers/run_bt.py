"""bt: one algo fills yesterday's decision at today's open, the next decides on today's close.

bt knows one price a day. `transact` at a price of its own books the difference to the day's close as a spread paid, and
wants a table of spreads for it, which is all zero.
"""

import bt
import numpy as np
import pandas as pd

import workload as w


class FillAtOpen(bt.Algo):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def __call__(self, target):
        day, orders = target.perm["day"], target.perm["orders"]
        due = np.flatnonzero(orders)
        for i in due:
            target.perm["securities"][i].transact(orders[i], update=False, price=self.work.opens[day, i])
        if due.size:
            target.perm["trades"] += due.size
            target.root.stale = True
        return True


class DecideAtClose(bt.Algo):
    def __init__(self, work):
        super().__init__()
        self.work, self.scaling = work, work.scaling()

    def __call__(self, target):
        day = target.perm["day"]
        target.perm["day"] += 1
        if day < w.FIRST_DECISION:
            return False
        nav = target.value
        held = np.array([security.position for security in target.perm["securities"]])
        target.perm["orders"] = self.work.wanted(self.scaling[day], nav, self.work.closes[day], held)
        return True


def prepare(work):
    closes = pd.DataFrame(work.closes, index=pd.DatetimeIndex(work.dates), columns=work.names)
    return work, closes, pd.DataFrame(0.0, index=closes.index, columns=closes.columns)


def run(ready):
    work, closes, spreads = ready
    strategy = bt.Strategy("W", [FillAtOpen(work), DecideAtClose(work)], [bt.Security(name) for name in work.names])
    test = bt.Backtest(
        strategy, closes, initial_capital=w.CAPITAL, commissions=lambda q, p: abs(q * p) * w.COMMISSION,
        additional_data={"bidoffer": spreads},
    )
    perm = test.strategy.perm
    perm.update(day=0, trades=0, orders=np.zeros(work.width))
    perm["securities"] = [test.strategy.children[name] for name in work.names]
    test.run()
    return test.strategy.values.iloc[-1], perm["trades"]


if __name__ == "__main__":
    w.main("bt", {"algos": w.Way("bt", prepare, run)}, reps=3)
