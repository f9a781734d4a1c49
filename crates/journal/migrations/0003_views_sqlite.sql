-- Typed views for analysts. Amounts stay the exact text the engine wrote; statistics are REAL.

CREATE VIEW fills AS
SELECT fill.account,
       fill.trade_date,
       fill.seq,
       fill.body ->> '$.at'        AS executed_at,
       fill.body ->> '$.execution' AS execution,
       fill.order_ref,
       fill.body ->> '$.contract'  AS contract,
       fill.body ->> '$.side'      AS side,
       fill.body ->> '$.quantity'  AS quantity,
       fill.body ->> '$.price'     AS price,
       charge.body ->> '$.amount.amount'   AS commission,
       charge.body ->> '$.amount.currency' AS commission_currency
FROM event AS fill
LEFT JOIN event AS charge
       ON charge.account = fill.account
      AND charge.trade_date = fill.trade_date
      AND charge.kind = 'commission'
      AND charge.body ->> '$.execution' = fill.body ->> '$.execution'
WHERE fill.kind = 'execution';

CREATE VIEW orders AS
SELECT placed.account,
       placed.trade_date,
       placed.seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', placed.at_us / 1000000.0, 'unixepoch') AS placed_at,
       placed.order_ref,
       placed.body ->> '$.contract' AS contract,
       placed.body ->> '$.side'     AS side,
       placed.body ->> '$.quantity' AS quantity,
       placed.body ->> '$.limit'    AS limit_price,
       (SELECT said.body ->> '$.status' FROM event AS said
         WHERE said.account = placed.account AND said.trade_date = placed.trade_date
           AND said.kind = 'order_status' AND said.order_ref = placed.order_ref
         ORDER BY said.seq DESC LIMIT 1) AS status,
       (SELECT said.body ->> '$.filled' FROM event AS said
         WHERE said.account = placed.account AND said.trade_date = placed.trade_date
           AND said.kind = 'order_status' AND said.order_ref = placed.order_ref
         ORDER BY said.seq DESC LIMIT 1) AS filled
FROM event AS placed
WHERE placed.kind = 'command' AND placed.body ->> '$.command' = 'place';

CREATE VIEW nav_history AS
SELECT account,
       trade_date,
       seq,
       body ->> '$.report.nav'   AS nav,
       body ->> '$.report.nlv'   AS net_liquidation,
       body ->> '$.report.base'  AS currency,
       body ->> '$.report.gross' AS gross,
       body ->> '$.report.net'   AS net,
       CAST(body ->> '$.report.difference_bp' AS REAL) AS difference_bp,
       CAST(body ->> '$.report.drawdown' AS REAL)      AS drawdown,
       CAST(body ->> '$.report.vol' AS REAL)           AS volatility,
       CAST(body ->> '$.report.scale' AS REAL)         AS scale,
       body ->> '$.report.regime'    AS regime,
       body ->> '$.report.mode'      AS mode,
       body ->> '$.report.plan_hash' AS plan_hash
FROM event
WHERE kind = 'day_closed';

CREATE VIEW positions AS
SELECT event.account,
       event.trade_date,
       event.seq,
       held.value ->> '$.instrument' AS contract,
       held.value ->> '$.ours'       AS quantity,
       held.value ->> '$.broker'     AS quantity_at_broker,
       NULLIF(held.value ->> '$.mark', 'unknown') AS mark
FROM event, json_each(event.body, '$.report.positions') AS held
WHERE event.kind = 'day_closed';

CREATE VIEW targets AS
SELECT event.account,
       event.trade_date,
       event.seq,
       target.value ->> '$.instrument' AS contract,
       CAST(target.value ->> '$.weight' AS REAL)       AS weight,
       CAST(target.value ->> '$.target_value' AS REAL) AS target_value,
       target.value ->> '$.held'   AS held,
       target.value ->> '$.wanted' AS wanted,
       target.value ->> '$.today'  AS today
FROM event, json_each(event.body, '$.report.targets') AS target
WHERE event.kind = 'day_closed';

CREATE VIEW refusals AS
SELECT event.account,
       event.trade_date,
       event.seq,
       refused.value ->> '$.code'     AS code,
       refused.value ->> '$.sentence' AS sentence
FROM event, json_each(event.body, '$.report.refusals') AS refused
WHERE event.kind = 'day_closed';

CREATE VIEW modes AS
SELECT account,
       trade_date,
       seq,
       strftime('%Y-%m-%dT%H:%M:%fZ', at_us / 1000000.0, 'unixepoch') AS at,
       body ->> '$.mode'   AS mode,
       body ->> '$.reason' AS reason
FROM event
WHERE kind = 'mode';
