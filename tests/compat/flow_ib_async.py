"""ib_async, text codec, against the simulated gateway: everything a trading program does in a day.

In: a port on this machine. Out: a transcript; exit code 1 at the first answer that is missing or wrong.
Invariant: nothing is asserted that a real gateway would not also do; quantities and prices come from the answers.
"""

import logging
import sys
import time

from ib_async import IB, Bag, ComboLeg, ExecutionFilter, Future, Index, LimitOrder, Option, Order, Stock

PATIENCE = 15.0
EXPECTED_CODES = {200, 202, 2104, 2106, 2158}


class Loud(logging.Handler):
    """Whatever the decoder complains of is a failure."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.said = []

    def emit(self, record):
        text = record.getMessage()
        if not any(f"Error {code}," in text for code in EXPECTED_CODES):
            self.said.append(text)


def say(*words):
    print("  ", *words, flush=True)


def check(condition, *words):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in words))


def until(ib, condition, what):
    for _ in range(int(PATIENCE * 20)):
        if condition():
            return
        ib.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def connect(port):
    ib = IB()
    ib.RequestTimeout = PATIENCE
    ib.connect("127.0.0.1", port, clientId=12, timeout=PATIENCE)
    say("connected, server version", ib.client.serverVersion(), "accounts", ib.managedAccounts())
    return ib


def account_questions(ib, account):
    summary = {(row.tag, row.currency): row.value for row in ib.accountSummary()}
    say("net liquidation", next(value for (tag, _), value in summary.items() if tag == "NetLiquidation"))
    check(len(summary) > 15, summary)
    check(any(row.tag == "AccountReady" and row.value == "true" for row in ib.accountValues(account)), "not ready")
    say("time", ib.reqCurrentTime())


def contract_questions(ib):
    (details,) = ib.reqContractDetails(Stock("CSPX", "SMART", "USD"))
    contract = details.contract
    say("CSPX", contract.conId, details.longName, "tick", details.minTick, details.validExchanges)
    check(contract.primaryExchange == "LSEETF" and details.minTick > 0 and "LOC" in details.orderTypes, details)
    rule = ib.reqMarketRule(int(details.marketRuleIds.split(",")[0]))
    check(rule[0].increment == details.minTick, rule)
    (pence,) = ib.reqContractDetails(Stock("ISF", "SMART", "GBP"))
    say("ISF magnifier", pence.priceMagnifier)
    check(ib.reqContractDetails(Stock("NOSUCH", "SMART", "USD")) == [], "a contract that does not exist")
    check(any(found.contract.symbol == "CSPX" for found in ib.reqMatchingSymbols("CSP")), "symbol search")
    check(isinstance(ib.reqSecDefOptParams("CSPX", "", "STK", contract.conId), list), "option parameters")
    return contract


def market_data(ib, contract):
    ib.reqMarketDataType(1)
    ticker = ib.reqMktData(contract)
    until(ib, lambda: ticker.bid > 0 and ticker.ask > 0, "a quote")
    say("bid", ticker.bid, "ask", ticker.ask)
    check(ticker.bid < ticker.ask < ticker.bid * 1.05, ticker)
    first = (ticker.bid, ticker.ask)
    until(ib, lambda: (ticker.bid, ticker.ask) != first, "another quote")
    ib.cancelMktData(contract)
    borrow = ib.reqMktData(contract, "236")
    until(ib, lambda: borrow.shortableShares > 1000 and borrow.shortable > 2.5, "shares to borrow")
    ib.cancelMktData(contract)
    (snapshot,) = ib.reqTickers(contract)
    bars = ib.reqRealTimeBars(contract, 5, "MIDPOINT", True)
    until(ib, lambda: len(bars) > 0, "a bar of five seconds")
    ib.cancelRealTimeBars(bars)
    history = ib.reqHistoricalData(contract, "", "20 D", "1 day", "TRADES", True)
    say("history", len(history), "bars,", history[0].date, "to", history[-1].date, "close", history[-1].close)
    check(len(history) == 20 and all(bar.low <= bar.close <= bar.high for bar in history), history)
    head = ib.reqHeadTimeStamp(contract, "TRADES", True, 1)
    check(head.date() <= history[0].date, head)
    return snapshot.ask


def options(ib):
    (index,) = ib.reqContractDetails(Index("SPX", "CBOE", "USD"))
    chains = ib.reqSecDefOptParams("SPX", "", "IND", index.contract.conId)
    (chain,) = [chain for chain in chains if chain.exchange == "SMART"]
    say("chain", chain.tradingClass, len(chain.expirations), "expiries,", len(chain.strikes), "strikes")
    check(chain.multiplier == "100" and chain.tradingClass == "SPX", chain)
    strike = chain.strikes[len(chain.strikes) // 2]
    put = Option("SPX", sorted(chain.expirations)[3], strike, "P", "SMART", "100", "USD")
    (details,) = ib.reqContractDetails(put)
    contract = details.contract
    check(contract.strike == strike and contract.right == "P" and details.underConId == index.contract.conId, details)
    ib.reqMarketDataType(2)
    ticker = ib.reqMktData(contract, "100,101")
    until(ib, lambda: ticker.modelGreeks and ticker.putOpenInterest > 0, "greeks and open interest")
    greeks = ticker.modelGreeks
    say("put", contract.localSymbol, "volatility", greeks.impliedVol, "delta", greeks.delta)
    check(-1 < greeks.delta < 0 and 0.03 < greeks.impliedVol < 2 and greeks.undPrice > 0, greeks)
    ib.cancelMktData(contract)
    ib.reqMarketDataType(1)


def calendar_spread(ib, account):
    futures = ib.reqContractDetails(Future("M6E", exchange="CME", currency="USD"))
    near, far = sorted((each.contract for each in futures), key=lambda one: one.lastTradeDateOrContractMonth)[:2]
    legs = [ComboLeg(conId=far.conId, ratio=1, action="BUY", exchange="CME"), ComboLeg(conId=near.conId, ratio=1, action="SELL", exchange="CME")]
    bag = Bag(symbol="M6E", exchange="CME", currency="USD", comboLegs=legs)
    roll = ib.placeOrder(bag, LimitOrder("BUY", 2, 0.05, account=account, tif="DAY", orderRef="roll"))
    until(ib, lambda: roll.orderStatus.status == "Filled" and len(roll.fills) == 3, "the spread with its legs")
    told = {(fill.contract.secType, fill.execution.side, fill.execution.shares) for fill in roll.fills}
    say("spread at", roll.orderStatus.avgFillPrice, "legs", sorted(told))
    check(told == {("BAG", "BOT", 2.0), ("FUT", "BOT", 2.0), ("FUT", "SLD", 2.0)}, told)
    held = {position.contract.conId: position.position for position in ib.positions(account)}
    check(held[far.conId] == 2 and held[near.conId] == -2, held)


def trade(ib, contract, account, ask):
    state = ib.whatIfOrder(contract, LimitOrder("BUY", 10, ask, account=account))
    say("what-if: initial margin", state.initMarginChange)
    check(float(state.initMarginChange) > 0, state)
    partial = ib.placeOrder(contract, LimitOrder("BUY", 20000, ask, account=account, tif="DAY", orderRef="partial"))
    until(ib, lambda: partial.fills and all(fill.commissionReport.execId for fill in partial.fills), "a fill with its cost")
    filled = partial.filled()
    say("partial fill:", filled, "of 20000 at", partial.orderStatus.avgFillPrice)
    check(0 < filled < 20000, partial)
    check(sum(fill.commissionReport.commission for fill in partial.fills) > 0, partial.fills)
    ib.cancelOrder(partial.order)
    until(ib, lambda: partial.orderStatus.status == "Cancelled", "the cancellation")

    low = round(ask * 0.9, 2)
    rests = ib.placeOrder(contract, LimitOrder("BUY", 10, low, account=account, tif="DAY", orderRef="rests"))
    until(ib, lambda: rests.orderStatus.status == "Submitted", "the order at work")
    rests.order.totalQuantity = 20
    ib.placeOrder(contract, rests.order)
    until(ib, lambda: rests.orderStatus.remaining == 20, "the changed order")
    auction = Order(action="BUY", totalQuantity=5, orderType="LOC", lmtPrice=low, tif="DAY", account=account, orderRef="auction")
    closing = ib.placeOrder(contract, auction)
    until(ib, lambda: closing.orderStatus.status in ("PreSubmitted", "Submitted"), "the order for the auction")
    opened = {trade.order.orderRef: trade.order.totalQuantity for trade in ib.reqAllOpenOrders()}
    opened = {ref: quantity for ref, quantity in opened.items() if ref in ("rests", "auction")}
    say("open orders", opened)
    check(opened == {"rests": 20, "auction": 5}, opened)
    return partial.filled()


def after(ib, account, contract, filled):
    opened = {trade.order.orderRef for trade in ib.openTrades()}
    check(opened == {"rests", "auction"}, "orders survive a reconnect", opened)
    ib.reqExecutions(ExecutionFilter(clientId=12))
    fills = [fill for fill in ib.fills() if fill.execution.clientId == 12 and fill.execution.orderRef == "partial"]
    say("executions", len(fills), "of", sum(fill.execution.shares for fill in fills), "first at", fills[0].execution.time)
    check(sum(fill.execution.shares for fill in fills) == filled, fills)
    check(all(fill.commissionReport.commission > 0 for fill in fills), fills)
    held = {position.contract.symbol: position.position for position in ib.positions(account)}
    say("position", held)
    check(held["CSPX"] >= filled, held)
    profit = ib.reqPnL(account)
    until(ib, lambda: profit.dailyPnL == profit.dailyPnL, "profit and loss")
    single = ib.reqPnLSingle(account, "", contract.conId)
    until(ib, lambda: single.position == held["CSPX"], "profit of a contract")
    say("profit", profit.dailyPnL, profit.unrealizedPnL)
    check(abs(profit.dailyPnL - profit.unrealizedPnL) < 0.02, "everything was opened today", profit)
    ib.reqGlobalCancel()
    until(ib, lambda: not ib.openTrades(), "the end of every order")
    ended = {trade.order.orderRef: trade.orderStatus.status for trade in ib.reqCompletedOrders(True) if trade.order.orderRef}
    say("completed", ended)
    check({ended[ref] for ref in ("partial", "rests", "auction")} == {"Cancelled"}, ended)


def main(port):
    loud = Loud()
    logging.getLogger().addHandler(loud)
    ib = connect(port)
    account = ib.managedAccounts()[0]
    account_questions(ib, account)
    contract = contract_questions(ib)
    ask = market_data(ib, contract)
    options(ib)
    filled = trade(ib, contract, account, ask)
    calendar_spread(ib, account)
    ib.disconnect()
    time.sleep(0.5)  # until the gateway has seen it; a client id is taken as long as its connection is
    ib = connect(port)
    after(ib, account, contract, filled)
    ib.disconnect()
    check(not loud.said, "the client complained:", *loud.said)
    print("ok", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
