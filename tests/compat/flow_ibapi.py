"""IB's own Python API, protobuf codec, against the simulated gateway: everything a trading program does in a day.

In: a port on this machine. Out: a transcript; exit code 1 at the first answer that is missing or wrong.
Invariant: nothing is asserted that a real gateway would not also do; quantities and prices come from the answers.
"""

import sys
import threading
import time
from decimal import Decimal

from ibapi.client import EClient
from ibapi.contract import ComboLeg, Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.wrapper import EWrapper

PATIENCE = 15.0
# Notices that say a connection to a data farm is well, and that an order was cancelled as asked.
EXPECTED_CODES = {202, 2104, 2106, 2158}


class Client(EWrapper, EClient):
    """Keeps every callback as (name, arguments)."""

    RECORDED = """
        managedAccounts nextValidId currentTime accountSummary accountSummaryEnd position positionEnd updateAccountValue
        updatePortfolio updateAccountTime accountDownloadEnd accountUpdateMulti accountUpdateMultiEnd contractDetails
        contractDetailsEnd marketRule tickPrice tickSize tickGeneric tickString tickReqParams tickSnapshotEnd marketDataType historicalData
        historicalDataEnd headTimestamp realtimeBar symbolSamples securityDefinitionOptionParameter
        securityDefinitionOptionParameterEnd tickOptionComputation openOrder
        openOrderEnd orderStatus execDetails execDetailsEnd commissionAndFeesReport completedOrder completedOrdersEnd
        pnl pnlSingle connectionClosed
    """.split()

    def __init__(self):
        EClient.__init__(self, self)
        self.heard = []
        self.changed = threading.Condition()
        for name in self.RECORDED:
            setattr(self, name, self.recorder(name))

    def recorder(self, name):
        def record(*arguments):
            with self.changed:
                self.heard.append((name, arguments))
                self.changed.notify_all()

        return record

    def error(self, reqId, errorTime, errorCode, errorString, advancedOrderRejectJson=""):
        self.recorder("error")(reqId, errorCode, errorString)

    def all(self, name, matches=lambda *_: True):
        with self.changed:
            return [arguments for heard, arguments in self.heard if heard == name and matches(*arguments)]

    def await_one(self, name, matches=lambda *_: True, count=1):
        """The last of at least `count` such callbacks."""
        with self.changed:
            def arrived():
                return sum(1 for heard, arguments in self.heard if heard == name and matches(*arguments)) >= count

            if not self.changed.wait_for(arrived, PATIENCE):
                tail = "\n  ".join(str(line)[:300] for line in self.heard[-25:])
                raise AssertionError(f"no {name} within {PATIENCE} s; heard last:\n  {tail}")
            return [arguments for heard, arguments in self.heard if heard == name and matches(*arguments)][-1]

    def forget(self):
        with self.changed:
            self.heard.clear()


def say(*words):
    print("  ", *words, flush=True)


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def connect(port, client_id):
    client = Client()
    client.connect("127.0.0.1", port, client_id)
    check(client.isConnected(), "not connected")
    threading.Thread(target=client.run, daemon=True).start()
    (accounts,) = client.await_one("managedAccounts")
    (order_id,) = client.await_one("nextValidId")
    say("connected, server version", client.serverVersion(), "accounts", accounts, "next id", order_id)
    return client, accounts.split(",")[0], order_id


def fund(symbol="CSPX", currency="USD"):
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = symbol, "STK", "SMART", currency
    return contract


def order(account, action, quantity, limit, kind="LMT", ref="compat"):
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.lmtPrice = action, Decimal(quantity), kind, limit
    made.tif, made.account, made.orderRef = "DAY", account, ref
    return made


def account_questions(client, account):
    client.reqAccountSummary(1, "All", "NetLiquidation,ExcessLiquidity,$LEDGER:ALL")
    client.await_one("accountSummaryEnd", lambda req: req == 1)
    rows = {(tag, currency): value for _, _, tag, value, currency in client.all("accountSummary")}
    value = next(value for (tag, _), value in rows.items() if tag == "NetLiquidation")
    say("net liquidation", value, "rows", len(rows))
    check(Decimal(value) > 0 and len(rows) > 15, rows)
    client.cancelAccountSummary(1)
    client.reqPositions()
    client.await_one("positionEnd")
    client.cancelPositions()
    client.reqAccountUpdates(True, account)
    client.await_one("accountDownloadEnd")
    ready = client.all("updateAccountValue", lambda key, *_: key == "AccountReady")
    check(ready and ready[0][1] == "true", "account is not ready", ready)
    client.reqAccountUpdates(False, account)
    client.reqAccountUpdatesMulti(2, account, "", True)
    client.await_one("accountUpdateMultiEnd", lambda req: req == 2)
    client.cancelAccountUpdatesMulti(2)
    client.reqCurrentTime()
    (now,) = client.await_one("currentTime")
    say("time", time.strftime("%F %T", time.gmtime(now)))


def contract_questions(client):
    client.reqContractDetails(10, fund())
    client.await_one("contractDetailsEnd", lambda req: req == 10)
    (_, details), = client.all("contractDetails", lambda req, _: req == 10)
    say("CSPX", details.contract.conId, details.longName, "tick", details.minTick, details.validExchanges)
    check(details.contract.conId > 0 and details.minTick > 0 and "LOC" in details.orderTypes, details)
    client.reqMarketRule(int(details.marketRuleIds.split(",")[0]))
    _, steps = client.await_one("marketRule")
    check(steps[0].increment == details.minTick, steps)
    client.reqContractDetails(11, fund("NOSUCH"))
    client.await_one("error", lambda req, code, _: req == 11 and code == 200)
    client.reqMatchingSymbols(12, "CSP")
    _, found = client.await_one("symbolSamples")
    check(any(one.contract.symbol == "CSPX" for one in found), found)
    client.reqSecDefOptParams(13, "CSPX", "", "STK", details.contract.conId)
    client.await_one("securityDefinitionOptionParameterEnd")
    return details.contract


def other(kind, symbol, exchange, **terms):
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = symbol, kind, exchange, "USD"
    for name, value in terms.items():
        setattr(contract, name, value)
    return contract


def details_of(client, number, contract):
    client.reqContractDetails(number, contract)
    client.await_one("contractDetailsEnd", lambda req: req == number)
    return [details for _, details in client.all("contractDetails", lambda req, _: req == number)]


def options(client):
    (index,) = details_of(client, 40, other("IND", "SPX", "CBOE"))
    client.reqSecDefOptParams(41, "SPX", "", "IND", index.contract.conId)
    client.await_one("securityDefinitionOptionParameterEnd", lambda req: req == 41)
    rows = client.all("securityDefinitionOptionParameter", lambda req, *_: req == 41)
    _, _, underlying, kind, multiplier, expiries, strikes = next(row for row in rows if row[1] == "SMART")
    say("chain", kind, len(expiries), "expiries,", len(strikes), "strikes")
    check(underlying == index.contract.conId and multiplier == "100" and kind == "SPX", rows[0][:5])
    expiry, strike = sorted(expiries)[3], sorted(strikes)[len(strikes) // 2]
    terms = {"lastTradeDateOrContractMonth": expiry, "right": "P", "multiplier": "100"}
    found = details_of(client, 42, other("OPT", "SPX", "SMART", **terms))
    check(len(found) == len(strikes), len(found), "of", len(strikes))
    (put,) = [each.contract for each in found if each.contract.strike == strike]
    client.reqMarketDataType(2)
    client.reqMktData(43, put, "100,101", False, False, [])
    model = client.await_one("tickOptionComputation", lambda req, kind, *_: req == 43 and kind == 13)
    _, _, _, volatility, delta, value, _, _, _, _, spot = model
    say("put", put.localSymbol, "volatility", volatility, "delta", delta)
    check(-1 < delta < 0 and 0.03 < volatility < 2 and value > 0 and spot > 0, model)
    client.await_one("tickSize", lambda req, kind, size: req == 43 and kind == 28 and size > 0)
    client.cancelMktData(43)
    client.reqMarketDataType(1)


def calendar_spread(client, account, number):
    futures = details_of(client, 44, other("FUT", "M6E", "CME"))
    near, far = sorted((each.contract for each in futures), key=lambda one: one.lastTradeDateOrContractMonth)[:2]
    bag = other("BAG", "M6E", "CME")
    bag.comboLegs = []
    for leg, action in ((far, "BUY"), (near, "SELL")):
        made = ComboLeg()
        made.conId, made.ratio, made.action, made.exchange = leg.conId, 1, action, "CME"
        bag.comboLegs.append(made)
    client.placeOrder(number, bag, order(account, "BUY", 2, 0.05, ref="roll"))
    client.await_one("orderStatus", lambda req, word, *_: req == number and word == "Filled")
    told = client.all("execDetails", lambda _, __, execution: execution.orderId == number)
    kinds = sorted((contract.secType, execution.side, execution.shares) for _, contract, execution in told)
    say("spread", kinds)
    check(kinds == [("BAG", "BOT", 2), ("FUT", "BOT", 2), ("FUT", "SLD", 2)], kinds)


def market_data(client, contract):
    client.reqMarketDataType(1)
    client.reqMktData(20, contract, "", False, False, [])
    _, _, bid, _ = client.await_one("tickPrice", lambda req, kind, *_: req == 20 and kind == 1)
    _, _, ask, _ = client.await_one("tickPrice", lambda req, kind, *_: req == 20 and kind == 2)
    say("bid", bid, "ask", ask)
    check(0 < bid < ask < bid * 1.05, bid, ask)
    client.await_one("tickPrice", lambda req, kind, *_: req == 20 and kind in (1, 2), count=6)
    say("ticks go on arriving")
    client.cancelMktData(20)
    client.reqMktData(25, contract, "236", False, False, [])
    client.await_one("tickGeneric", lambda req, kind, level: req == 25 and kind == 46 and level > 2.5)
    client.await_one("tickSize", lambda req, kind, shares: req == 25 and kind == 89 and shares > 1000)
    client.await_one("tickString", lambda req, kind, seconds: req == 25 and kind == 45 and int(seconds) > 1_700_000_000)
    client.cancelMktData(25)
    client.reqMktData(21, contract, "", True, False, [])
    client.await_one("tickSnapshotEnd", lambda req: req == 21)
    client.reqRealTimeBars(22, contract, 5, "MIDPOINT", True, [])
    bar = client.await_one("realtimeBar")
    say("five seconds", bar[1:6])
    client.cancelRealTimeBars(22)
    client.reqHistoricalData(23, contract, "", "20 D", "1 day", "TRADES", 1, 1, False, [])
    client.await_one("historicalDataEnd", lambda req, *_: req == 23)
    bars = [bar for _, bar in client.all("historicalData", lambda req, _: req == 23)]
    say("history", len(bars), "bars,", bars[0].date, "to", bars[-1].date, "close", bars[-1].close)
    check(len(bars) == 20 and all(bar.low <= bar.close <= bar.high for bar in bars), bars)
    client.reqHeadTimeStamp(24, contract, "TRADES", 1, 1)
    _, head = client.await_one("headTimestamp")
    check(head[:8] <= bars[0].date, head)
    return client.all("tickPrice", lambda req, kind, *_: req == 21 and kind == 2)[-1][2]


def trade(client, contract, account, first_id, ask):
    partial, rest, auction = first_id, first_id + 1, first_id + 2
    what_if = order(account, "BUY", 10, ask)
    what_if.whatIf = True
    client.placeOrder(first_id + 9, contract, what_if)
    _, _, _, state = client.await_one("openOrder", lambda number, *_: number == first_id + 9)
    say("what-if: initial margin", state.initMarginChange)
    check(float(state.initMarginChange) > 0, state)

    client.placeOrder(partial, contract, order(account, "BUY", 20000, ask, ref="partial"))
    client.await_one("execDetails", lambda _, __, execution: execution.orderId == partial)
    status = client.await_one("orderStatus", lambda number, _, filled, *__: number == partial and filled > 0)
    say("partial fill:", status[2], "of", status[2] + status[3], "at", status[4])
    check(status[1] == "Submitted" and status[3] > 0, status)
    execution = client.all("execDetails")[0][2]
    client.await_one("commissionAndFeesReport", lambda report: report.execId == execution.execId)
    client.cancelOrder(partial, OrderCancel())
    client.await_one("error", lambda number, code, _: number == partial and code == 202)

    low = round(ask * 0.9, 2)
    client.placeOrder(rest, contract, order(account, "BUY", 10, low, ref="rests"))
    client.await_one("orderStatus", lambda number, word, *_: number == rest and word == "Submitted")
    client.placeOrder(rest, contract, order(account, "BUY", 20, low, ref="rests"))
    client.await_one("openOrder", lambda number, _, terms, __: number == rest and terms.totalQuantity == 20)
    client.placeOrder(auction, contract, order(account, "BUY", 5, low, kind="LOC", ref="auction"))
    client.await_one("openOrder", lambda number, _, terms, __: number == auction and terms.orderType == "LOC")
    client.forget()
    client.reqOpenOrders()
    client.await_one("openOrderEnd")
    check({arguments[0] for arguments in client.all("openOrder")} == {rest, auction}, client.all("openOrder"))
    client.reqAllOpenOrders()
    client.await_one("openOrderEnd", count=2)
    say("open orders", sorted({arguments[0] for arguments in client.all("openOrder")}))
    return partial, rest, auction


def after(client, account, contract, numbers):
    partial, rest, auction = numbers
    client.reqExecutions(30, ExecutionFilter())
    client.await_one("execDetailsEnd", lambda req: req == 30)
    executions = [execution for _, _, execution in client.all("execDetails") if execution.orderRef != "roll"]
    say("executions", len(executions), "of", sum(execution.shares for execution in executions))
    check(executions and all(execution.orderRef == "partial" for execution in executions), executions)
    client.await_one("commissionAndFeesReport", count=len(executions))
    client.reqPositions()
    client.await_one("positionEnd")
    held = [(held, cost) for _, contract, held, cost in client.all("position") if contract.symbol == "CSPX"]
    say("position", held)
    check(held[0][0] == sum(execution.shares for execution in executions), held)
    client.reqPnL(31, account, "")
    _, daily, unrealized, realized = client.await_one("pnl")
    say("profit", daily, unrealized, realized)
    check(abs(daily - unrealized) < 0.02 and realized == 0, "everything was bought today", daily, unrealized, realized)
    client.reqPnLSingle(32, account, "", contract.conId)
    check(client.await_one("pnlSingle")[1] == held[0][0], "position of pnlSingle")
    client.cancelPnL(31)
    client.cancelPnLSingle(32)
    client.reqGlobalCancel(OrderCancel())
    for number in (rest, auction):
        client.await_one("error", lambda req, code, _: req == number and code == 202)
    client.reqCompletedOrders(True)
    client.await_one("completedOrdersEnd")
    ended = {terms.orderRef: state.status for _, terms, state in client.all("completedOrder")}
    say("completed", ended)
    check(ended == {"partial": "Cancelled", "rests": "Cancelled", "auction": "Cancelled", "roll": "Filled"}, ended)


def main(port):
    client, account, first_id = connect(port, 11)
    account_questions(client, account)
    contract = contract_questions(client)
    ask = market_data(client, contract)
    options(client)
    numbers = trade(client, contract, account, first_id, ask)
    calendar_spread(client, account, first_id + 20)
    client.disconnect()
    # The client's reader lets go of its socket after a second; a client id is taken as long as its connection is.
    time.sleep(2)
    again, account, next_id = connect(port, 11)
    check(next_id > max(numbers), "ids go on after a reconnect", next_id)
    again.reqAllOpenOrders()
    again.await_one("openOrderEnd")
    check({arguments[0] for arguments in again.all("openOrder")} == set(numbers[1:]), "orders survive a reconnect")
    after(again, account, contract, numbers)
    unexpected = [error for error in again.all("error") if error[1] not in EXPECTED_CODES]
    check(not unexpected, unexpected)
    again.disconnect()
    print("ok", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
