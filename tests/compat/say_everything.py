"""Every request the gateway serves, as IB's own Python API and ib_async write it; for the golden files.

In: a server version. Out: a line a frame, in hexadecimal without its length, in the order they were written.
Invariant: nothing is connected; the frames are what the clients' own encoders put on their socket.
"""

import asyncio
import sys
from decimal import Decimal

import ib_async
from ibapi.client import EClient
from ibapi.contract import ComboLeg, Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.wrapper import EWrapper

TEXT_MAX = 200


class Wire:
    """Stands where the socket would be."""

    def isConnected(self):
        return True

    def sendMsg(self, message):
        print(message[4:].hex())


def contract(kind):
    made = kind()
    made.symbol, made.secType, made.exchange, made.currency = "CSPX", "STK", "SMART", "USD"
    made.primaryExchange = "LSEETF"
    return made


def by_isin(kind):
    made = contract(kind)
    made.symbol, made.secIdType, made.secId, made.includeExpired = "", "ISIN", "IE00B5BMR087", True
    return made


def option(kind):
    made = kind()
    made.symbol, made.secType, made.exchange, made.currency = "SPX", "OPT", "SMART", "USD"
    made.lastTradeDateOrContractMonth, made.strike, made.right = "20260417", 6200.0, "P"
    made.multiplier, made.tradingClass = "100", "SPX"
    return made


def spread(kind, leg):
    """A roll: the near contract is sold, the far one bought."""
    made = kind()
    made.symbol, made.secType, made.exchange, made.currency, made.comboLegs = "ES", "BAG", "CME", "USD", []
    for con_id, action in [(495512563, "SELL"), (515416632, "BUY")]:
        one = leg()
        one.conId, one.ratio, one.action, one.exchange = con_id, 1, action, "CME"
        made.comboLegs.append(one)
    return made


def order(kind, **terms):
    made = kind()
    made.action, made.totalQuantity, made.orderType, made.lmtPrice = "BUY", Decimal("12.5"), "LMT", 728.91
    made.tif, made.account, made.orderRef, made.outsideRth = "DAY", "DU1234567", "intent-0001", True
    for name, value in terms.items():
        setattr(made, name, value)
    return made


def orders(kind, tag):
    """Orders whose optional blocks are used one at a time."""
    return [
        order(kind),
        order(kind, orderType="LOC", totalQuantity=5, whatIf=True, transmit=False),
        order(kind, algoStrategy="Adaptive", algoParams=[tag("adaptivePriority", "Normal")], whatIf=True),
        order(kind, scalePriceIncrement=0.5, scaleInitLevelSize=10, whatIf=True),
        order(kind, deltaNeutralOrderType="MKT", whatIf=True),
        order(kind, hedgeType="D", hedgeParam="1", goodTillDate="20260302 16:00:00 UTC", ocaGroup="one", whatIf=True),
    ]


def official(version):
    from ibapi.tag_value import TagValue

    client = EClient(EWrapper())
    client.conn, client.serverVersion_, client.clientId = Wire(), version, 7
    client.setConnState(EClient.CONNECTED)
    client.startApi()
    client.reqIds(1)
    client.setServerLogLevel(2)
    client.reqManagedAccts()
    client.reqCurrentTime()
    client.reqMarketDataType(3)
    client.reqPositions()
    client.cancelPositions()
    client.reqAccountSummary(1, "All", "NetLiquidation,$LEDGER:ALL")
    client.cancelAccountSummary(1)
    client.reqAccountUpdates(True, "DU1234567")
    client.reqAccountUpdates(False, "DU1234567")
    client.reqAccountUpdatesMulti(2, "DU1234567", "", True)
    client.cancelAccountUpdatesMulti(2)
    client.reqContractDetails(3, contract(Contract))
    client.reqContractDetails(4, by_isin(Contract))
    client.reqMarketRule(26)
    client.reqMktData(5, contract(Contract), "236", False, False, [])
    client.cancelMktData(5)
    client.reqHistoricalData(6, by_isin(Contract), "20260302 16:00:00 UTC", "20 D", "1 day", "TRADES", 1, 2, False, [])
    client.cancelHistoricalData(6)
    client.reqHeadTimeStamp(7, contract(Contract), "TRADES", 1, 2)
    client.cancelHeadTimeStamp(7)
    client.reqRealTimeBars(8, contract(Contract), 5, "MIDPOINT", True, [])
    client.cancelRealTimeBars(8)
    client.reqSecDefOptParams(9, "CSPX", "", "STK", 870480723)
    client.reqMatchingSymbols(10, "CSP")
    client.reqContractDetails(14, option(Contract))
    client.reqMktData(15, option(Contract), "100,101", False, False, [])
    client.cancelMktData(15)
    client.reqMktData(16, spread(Contract, ComboLeg), "", False, False, [])
    client.cancelMktData(16)
    client.placeOrder(30, option(Contract), order(Order, orderRef="tail", lmtPrice=12.4, totalQuantity=3))
    client.placeOrder(31, spread(Contract, ComboLeg), order(Order, orderRef="roll", lmtPrice=-1.25, totalQuantity=2))
    client.placeOrder(32, spread(Contract, ComboLeg), order(Order, lmtPrice=0.0, totalQuantity=2, whatIf=True))
    client.reqPnL(11, "DU1234567", "")
    client.cancelPnL(11)
    client.reqPnLSingle(12, "DU1234567", "", 870480723)
    client.cancelPnLSingle(12)
    for number, one in enumerate(orders(Order, TagValue), 20):
        client.placeOrder(number, contract(Contract), one)
    client.cancelOrder(20, OrderCancel())
    client.reqGlobalCancel(OrderCancel())
    client.reqOpenOrders()
    client.reqAllOpenOrders()
    client.reqAutoOpenOrders(True)
    client.reqCompletedOrders(True)
    wanted = ExecutionFilter()
    wanted.symbol, wanted.side, wanted.time = "CSPX", "BUY", "20260302-00:00:00"
    client.reqExecutions(13, wanted)
    client.reqScannerParameters()
    client.reqFamilyCodes()
    client.reqMktDepthExchanges()
    client.reqNewsProviders()
    client.requestFA(1)
    if version > TEXT_MAX:
        client.reqCurrentTimeInMillis()
        client.cancelContractData(3)


def community(version):
    async def say():
        ib = ib_async.IB()
        client = ib.client
        client.conn, client._serverVersion, client.connState, client.MaxRequests = Wire(), version, client.CONNECTED, 0
        stock = contract(ib_async.Contract)
        client.startApi()
        client.reqContractDetails(3, by_isin(ib_async.Contract))
        client.reqMktData(5, stock, "", True, False, [])
        client.reqHistoricalData(6, stock, "", "20 D", "1 day", "TRADES", True, 1, False, [])
        client.reqExecutions(13, ib_async.ExecutionFilter())
        for number, one in enumerate(orders(ib_async.Order, ib_async.TagValue), 40):
            client.placeOrder(number, stock, one)
        client.cancelOrder(40)
        put, roll = option(ib_async.Contract), spread(ib_async.Contract, ib_async.ComboLeg)
        client.reqContractDetails(14, put)
        client.reqMktData(15, put, "100,101", False, False, [])
        client.reqMktData(16, roll, "", False, False, [])
        client.placeOrder(50, put, order(ib_async.Order, orderRef="tail", lmtPrice=12.4, totalQuantity=3))
        client.placeOrder(51, roll, order(ib_async.Order, orderRef="roll", lmtPrice=-1.25, totalQuantity=2))
        client.placeOrder(52, roll, order(ib_async.Order, lmtPrice=0.0, totalQuantity=2, whatIf=True))
        client.reqCompletedOrders(False)
        client.connState = client.DISCONNECTED

    asyncio.run(say())


if __name__ == "__main__":
    announced = int(sys.argv[1])
    official(announced)
    if announced < TEXT_MAX:
        community(announced)
