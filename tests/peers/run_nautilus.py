"""NautilusTrader: market orders on a margin account, out of daily bars.

usage: run_nautilus.py FILE.bin [--way close|open] [--reps N]

An order decided on a bar is filled at that bar's close, the last price its exchange has seen. `--way open` gives each day
two bars, its open and its close, and hands in what was decided on the close when the next open is there: the right price for
twice the bars. Balances and commissions are rounded to cents.
"""

from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

import workload as w

VENUE = Venue("W")
OPENING, CLOSING = 14 * 3_600 * 10**9, 21 * 3_600 * 10**9
VOLUME = Quantity.from_int(1_000_000_000)


class VolatilityTarget(Strategy):
    def __init__(self, work, instruments, bar_types, at_open):
        super().__init__()
        self.work, self.instruments, self.bar_types, self.at_open = work, instruments, bar_types, at_open
        self.index = {bar_type: i for i, bar_type in enumerate(bar_types)}
        self.scaling, self.close = work.scaling(), np.zeros(work.width)
        self.day, self.seen, self.trades = 0, 0, 0
        self.orders = np.zeros(work.width)

    def on_start(self):
        self.account = self.portfolio.account(VENUE)
        for bar_type in self.bar_types:
            self.subscribe_bars(bar_type)

    def on_bar(self, bar):
        i = self.index[bar.bar_type]
        if self.at_open and bar.ts_event % (24 * 3_600 * 10**9) == OPENING:
            self.trade(i)
            return
        self.close[i] = bar.close.as_double()
        self.seen += 1
        if self.seen == self.work.width:
            self.decide()
            self.day, self.seen = self.day + 1, 0

    def nav(self):
        profits = self.portfolio.unrealized_pnls(VENUE)
        return self.account.balance_total(USD).as_double() + sum(money.as_double() for money in profits.values())

    def decide(self):
        last = self.day == self.work.days - 1
        if self.day < w.FIRST_DECISION or last:
            return
        held = np.array([float(self.portfolio.net_position(instrument.id)) for instrument in self.instruments])
        self.orders = self.work.wanted(self.scaling[self.day], self.nav(), self.close, held)
        if not self.at_open:
            for i in np.flatnonzero(self.orders):
                self.trade(i)

    def trade(self, i):
        quantity, self.orders[i] = int(self.orders[i]), 0.0
        if quantity:
            side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
            size = Quantity.from_int(abs(quantity))
            self.submit_order(self.order_factory.market(self.instruments[i].id, side, size))

    def on_order_filled(self, _event):
        self.trades += 1


def prepare(at_open):
    def make(work):
        engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id=TraderId("W-001"),
                logging=LoggingConfig(bypass_logging=True),
                risk_engine=RiskEngineConfig(bypass=True),
            )
        )
        engine.add_venue(
            venue=VENUE, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, base_currency=USD,
            starting_balances=[Money(w.CAPITAL, USD)], default_leverage=Decimal(10),
        )
        instruments = [equity(name) for name in work.names]
        bar_types = [BarType.from_str(f"{instrument.id}-1-DAY-LAST-EXTERNAL") for instrument in instruments]
        for instrument in instruments:
            engine.add_instrument(instrument)
        midnights = [date * 24 * 3_600 * 10**9 for date in work.dates.astype(int).tolist()]
        ordered = []
        for i, bar_type in enumerate(bar_types):
            bars = []
            for midnight, opened, closed in zip(midnights, work.opens[:, i].tolist(), work.closes[:, i].tolist()):
                opened, closed = Price(opened, 2), Price(closed, 2)
                if at_open:
                    bars.append(flat(bar_type, opened, midnight + OPENING))
                    bars.append(flat(bar_type, closed, midnight + CLOSING))
                else:
                    high, low, at = max(opened, closed), min(opened, closed), midnight + CLOSING
                    bars.append(Bar(bar_type, opened, high, low, closed, VOLUME, at, at))
            ordered.extend(bars)
        engine.add_data(sorted(ordered, key=lambda bar: bar.ts_init))
        strategy = VolatilityTarget(work, instruments, bar_types, at_open)
        engine.add_strategy(strategy)
        return engine, strategy

    return make


def flat(bar_type, price, at):
    return Bar(bar_type, price, price, price, price, VOLUME, at, at)


def equity(name):
    return Equity(
        instrument_id=InstrumentId(Symbol(name), VENUE), raw_symbol=Symbol(name), currency=USD, price_precision=2,
        price_increment=Price(0.01, 2), lot_size=Quantity.from_int(1), ts_event=0, ts_init=0,
        margin_init=Decimal(0), margin_maint=Decimal(0), maker_fee=Decimal("0.0005"), taker_fee=Decimal("0.0005"),
    )


def run(ready):
    engine, strategy = ready
    engine.run()
    result = strategy.nav(), strategy.trades
    engine.dispose()
    return result


if __name__ == "__main__":
    same_close = "fills at the close it decides on; balances and commissions in cents"
    ways = {
        "close": w.Way("NautilusTrader, fills at the same close", prepare(at_open=False), run, same_close),
        "open": w.Way("NautilusTrader, two bars a day", prepare(at_open=True), run, "balances and commissions in cents"),
    }
    w.main("nautilus_trader", ways, reps=1)
