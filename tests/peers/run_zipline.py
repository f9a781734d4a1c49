"""zipline-reloaded: orders of one session, filled in the next at its open by a slippage model of our own.

Its own slippage models fill a daily order at the next close. The bundle is written to a folder that goes with the process.
"""

import datetime
import os
import tempfile
import zoneinfo

FOLDER = tempfile.TemporaryDirectory()
os.environ["ZIPLINE_ROOT"] = FOLDER.name

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from exchange_calendars import ExchangeCalendar, register_calendar_type  # noqa: E402
from zipline import run_algorithm  # noqa: E402
from zipline.api import order, set_commission, set_slippage, sid  # noqa: E402
from zipline.data.bundles import ingest, register  # noqa: E402
from zipline.finance.commission import PerDollar  # noqa: E402
from zipline.finance.slippage import EquitySlippageModel  # noqa: E402
from zipline.utils.calendar_utils import get_calendar  # noqa: E402

import workload as w  # noqa: E402

CALENDAR = "W"


class Weekdays(ExchangeCalendar):
    """Every weekday from nine to five; a calendar is made for the last twenty years unless it says otherwise."""

    name = CALENDAR
    tz = zoneinfo.ZoneInfo("UTC")
    open_times = ((None, datetime.time(9)),)
    close_times = ((None, datetime.time(17)),)

    @classmethod
    def default_start(cls):
        return pd.Timestamp("2003-12-01")


class NextOpen(EquitySlippageModel):
    def process_order(self, data, order):
        return data.current(order.asset, "open"), order.amount


def prepare(work):
    register_calendar_type(CALENDAR, Weekdays, force=True)
    sessions = pd.DatetimeIndex(work.dates)

    def write(_environ, assets, _minutes, bars, adjustments, *_rest):
        about = {"symbol": work.names, "asset_name": work.names, "exchange": "W"}
        life = {"start_date": sessions[0], "end_date": sessions[-1], "auto_close_date": sessions[-1] + pd.DateOffset(9)}
        assets.write(
            equities=pd.DataFrame({**about, **life}, index=range(work.width)),
            exchanges=pd.DataFrame({"exchange": ["W"], "canonical_name": ["W"], "country_code": ["US"]}),
        )
        bars.write((i, frame(i)) for i in range(work.width))
        adjustments.write()

    def frame(i):
        opens, closes = work.opens[:, i], work.closes[:, i]
        high, low = np.maximum(opens, closes), np.minimum(opens, closes)
        columns = {"open": opens, "high": high, "low": low, "close": closes, "volume": 1_000_000}
        return pd.DataFrame(columns, index=sessions)

    register("w", write, calendar_name=CALENDAR, start_session=sessions[0], end_session=sessions[-1])
    ingest("w", show_progress=False)
    return work, sessions


def run(ready):
    work, sessions = ready

    def initialize(context):
        context.assets = [sid(i) for i in range(work.width)]
        context.day, context.scaling = -1, work.scaling()
        set_slippage(NextOpen())
        set_commission(PerDollar(cost=w.COMMISSION))

    def handle_data(context, data):
        context.day += 1
        if context.day < w.FIRST_DECISION:
            return
        close = data.current(context.assets, "close").to_numpy()
        positions = context.portfolio.positions
        held = np.array([positions[asset].amount if asset in positions else 0 for asset in context.assets], dtype=float)
        nav = context.portfolio.portfolio_value
        orders = work.wanted(context.scaling[context.day], nav, close, held)
        for i in np.flatnonzero(orders):
            order(context.assets[i], int(orders[i]))

    daily = run_algorithm(
        start=sessions[0], end=sessions[-1], initialize=initialize, handle_data=handle_data, capital_base=w.CAPITAL,
        bundle="w", trading_calendar=get_calendar(CALENDAR), benchmark_returns=pd.Series(0.0, index=sessions),
    )
    return daily.portfolio_value.iloc[-1], daily.transactions.map(len).sum()


if __name__ == "__main__":
    w.main("zipline-reloaded", {"algorithm": w.Way("zipline-reloaded", prepare, run)}, reps=1)
