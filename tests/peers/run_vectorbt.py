"""vectorbt: `Portfolio.from_orders` on its Rust and its numba engine, and `Portfolio.from_order_func`.

usage: run_vectorbt.py FILE.bin [--way rust|numba|func] [--reps N]

`from_orders` is handed every order before it begins, and the band asks for the NAV that the orders before have made. So a
compiled loop finds the orders first, and vectorbt fills and books them. `from_order_func` follows the rules by itself.
"""

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb

import workload as w


def prepare(work):
    frame = lambda prices: pd.DataFrame(prices, index=pd.DatetimeIndex(work.dates), columns=work.names)
    return work, frame(work.opens), frame(work.closes)


@njit(cache=True)
def orders_ahead(scaling, weights, opens, closes, capital, commission, band):
    """Shares for each day's open; a day without an order is not a number."""
    days, width = closes.shape
    orders, held, cash = np.full((days, width), np.nan), np.zeros(width), capital
    for day in range(days - 1):
        nav = cash
        for i in range(width):
            change = orders[day, i]
            if not np.isnan(change):
                value = change * opens[day, i]
                cash -= value + abs(value) * commission
                held[i] += change
        nav = cash
        for i in range(width):
            nav += held[i] * closes[day, i]
        if np.isnan(scaling[day]):
            continue
        for i in range(width):
            target = scaling[day] * weights[i] * nav
            if held[i] == 0.0 or abs(target - held[i] * closes[day, i]) > band * nav:
                change = np.trunc(target / closes[day, i]) - held[i]
                if change != 0.0:
                    orders[day + 1, i] = change
    return orders


def from_orders(engine):
    def run(ready):
        work, opens, closes = ready
        size = orders_ahead(
            work.scaling(), work.weights, work.opens, work.closes, w.CAPITAL, w.COMMISSION, work.band
        )
        portfolio = vbt.Portfolio.from_orders(
            closes, size, price=opens, fees=w.COMMISSION, init_cash=w.CAPITAL, cash_sharing=True, group_by=True,
            freq="1D", engine=engine,
        )
        return portfolio.final_value(), portfolio.orders.count()

    return run


@njit
def decided_at_the_close(c, orders, scaling, weights, closes, band):
    """Before a day's open: what follows from the close before it."""
    day = c.i - 1
    orders[:] = 0.0
    if day < 0 or np.isnan(scaling[day]):
        return (orders,)
    nav = c.last_cash[c.group]
    for i in range(c.from_col, c.to_col):
        nav += c.last_position[i] * closes[day, i]
    for i in range(c.from_col, c.to_col):
        held, close = c.last_position[i], closes[day, i]
        target = scaling[day] * weights[i] * nav
        if held == 0.0 or abs(target - held * close) > band * nav:
            orders[i] = np.trunc(target / close) - held
    return (orders,)


@njit
def order_at_the_open(c, orders, opens, commission):
    if orders[c.col] == 0.0:
        return nb.order_nothing_nb()
    return nb.order_nb(size=orders[c.col], price=opens[c.i, c.col], fees=commission)


def from_order_func(ready):
    work, opens, closes = ready
    portfolio = vbt.Portfolio.from_order_func(
        closes, order_at_the_open, work.opens, w.COMMISSION,
        pre_segment_func_nb=decided_at_the_close,
        pre_segment_args=(np.zeros(work.width), work.scaling(), work.weights, work.closes, work.band),
        init_cash=w.CAPITAL, cash_sharing=True, group_by=True, freq="1D",
    )
    return portfolio.final_value(), portfolio.orders.count()


if __name__ == "__main__":
    ways = {
        "rust": w.Way("vectorbt from_orders, Rust engine", prepare, from_orders("rust")),
        "numba": w.Way("vectorbt from_orders, numba engine", prepare, from_orders("numba")),
        "func": w.Way("vectorbt from_order_func", prepare, from_order_func),
    }
    w.main("vectorbt", ways, reps=9, warm=1)
