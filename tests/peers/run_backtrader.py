"""backtrader: market orders, which its broker fills at the next bar's open."""

import backtrader as bt
import numpy as np

import workload as w


class Prices(bt.feed.DataBase):
    """A feed out of memory: opens and closes of one instrument."""

    params = (("days", None), ("opens", None), ("closes", None))

    def start(self):
        super().start()
        self.at = 0

    def _load(self):
        if self.at == len(self.p.days):
            return False
        lines, opened, closed = self.lines, self.p.opens[self.at], self.p.closes[self.at]
        lines.datetime[0], lines.open[0], lines.close[0] = self.p.days[self.at], opened, closed
        lines.high[0], lines.low[0] = max(opened, closed), min(opened, closed)
        lines.volume[0] = lines.openinterest[0] = 0.0
        self.at += 1
        return True


class VolatilityTarget(bt.Strategy):
    params = (("work", None),)

    def __init__(self):
        self.scaling, self.trades = self.p.work.scaling(), 0

    def notify_order(self, order):
        self.trades += order.status == order.Completed

    def next(self):
        day = len(self) - 1
        if day < w.FIRST_DECISION:
            return
        work, nav = self.p.work, self.broker.getvalue()
        held = np.array([self.broker.getposition(data).size for data in self.datas])
        close = np.array([data.close[0] for data in self.datas])
        orders = work.wanted(self.scaling[day], nav, close, held)
        for i in np.flatnonzero(orders):
            if orders[i] > 0:
                self.buy(self.datas[i], size=orders[i])
            else:
                self.sell(self.datas[i], size=-orders[i])


def prepare(work):
    cerebro = bt.Cerebro(stdstats=False)
    days = [bt.date2num(date) for date in work.dates.tolist()]
    for i, name in enumerate(work.names):
        feed = Prices(days=days, opens=work.opens[:, i].tolist(), closes=work.closes[:, i].tolist())
        cerebro.adddata(feed, name=name)
    cerebro.broker.setcash(w.CAPITAL)
    cerebro.broker.setcommission(commission=w.COMMISSION)
    cerebro.broker.set_checksubmit(False)
    cerebro.addstrategy(VolatilityTarget, work=work)
    return cerebro


def run(cerebro):
    (strategy,) = cerebro.run()
    return cerebro.broker.getvalue(), strategy.trades


if __name__ == "__main__":
    w.main("backtrader", {"strategy": w.Way("backtrader", prepare, run)}, reps=1)
