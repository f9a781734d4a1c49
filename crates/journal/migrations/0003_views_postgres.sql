-- Typed views for analysts: the columns of the SQLite views, amounts as NUMERIC, times as TIMESTAMPTZ.

CREATE VIEW fills AS
SELECT fill.account,
       CAST(fill.trade_date AS DATE) AS trade_date,
       fill.seq,
       CAST(fill.body::jsonb ->> 'at' AS TIMESTAMPTZ) AS executed_at,
       fill.body::jsonb ->> 'execution' AS execution,
       fill.order_ref,
       fill.body::jsonb ->> 'contract' AS contract,
       fill.body::jsonb ->> 'side' AS side,
       CAST(fill.body::jsonb ->> 'quantity' AS NUMERIC) AS quantity,
       CAST(fill.body::jsonb ->> 'price' AS NUMERIC) AS price,
       CAST(charge.body::jsonb #>> '{amount,amount}' AS NUMERIC) AS commission,
       charge.body::jsonb #>> '{amount,currency}' AS commission_currency
FROM event AS fill
LEFT JOIN event AS charge
       ON charge.account = fill.account
      AND charge.trade_date = fill.trade_date
      AND charge.kind = 'commission'
      AND charge.body::jsonb ->> 'execution' = fill.body::jsonb ->> 'execution'
WHERE fill.kind = 'execution';

CREATE VIEW orders AS
SELECT placed.account,
       CAST(placed.trade_date AS DATE) AS trade_date,
       placed.seq,
       to_timestamp(placed.at_us / 1000000.0) AS placed_at,
       placed.order_ref,
       placed.body::jsonb ->> 'contract' AS contract,
       placed.body::jsonb ->> 'side' AS side,
       CAST(placed.body::jsonb ->> 'quantity' AS NUMERIC) AS quantity,
       CAST(placed.body::jsonb ->> 'limit' AS NUMERIC) AS limit_price,
       (SELECT said.body::jsonb ->> 'status' FROM event AS said
         WHERE said.account = placed.account AND said.trade_date = placed.trade_date
           AND said.kind = 'order_status' AND said.order_ref = placed.order_ref
         ORDER BY said.seq DESC LIMIT 1) AS status,
       (SELECT CAST(said.body::jsonb ->> 'filled' AS NUMERIC) FROM event AS said
         WHERE said.account = placed.account AND said.trade_date = placed.trade_date
           AND said.kind = 'order_status' AND said.order_ref = placed.order_ref
         ORDER BY said.seq DESC LIMIT 1) AS filled
FROM event AS placed
WHERE placed.kind = 'command' AND placed.body::jsonb ->> 'command' = 'place';

CREATE VIEW nav_history AS
SELECT account,
       CAST(trade_date AS DATE) AS trade_date,
       seq,
       CAST(body::jsonb #>> '{report,nav}' AS NUMERIC) AS nav,
       CAST(body::jsonb #>> '{report,nlv}' AS NUMERIC) AS net_liquidation,
       body::jsonb #>> '{report,base}' AS currency,
       CAST(body::jsonb #>> '{report,gross}' AS NUMERIC) AS gross,
       CAST(body::jsonb #>> '{report,net}' AS NUMERIC) AS net,
       CAST(body::jsonb #>> '{report,difference_bp}' AS DOUBLE PRECISION) AS difference_bp,
       CAST(body::jsonb #>> '{report,drawdown}' AS DOUBLE PRECISION) AS drawdown,
       CAST(body::jsonb #>> '{report,vol}' AS DOUBLE PRECISION) AS volatility,
       CAST(body::jsonb #>> '{report,scale}' AS DOUBLE PRECISION) AS scale,
       body::jsonb #>> '{report,regime}' AS regime,
       body::jsonb #>> '{report,mode}' AS mode,
       body::jsonb #>> '{report,plan_hash}' AS plan_hash
FROM event
WHERE kind = 'day_closed';

CREATE VIEW positions AS
SELECT event.account,
       CAST(event.trade_date AS DATE) AS trade_date,
       event.seq,
       held.value ->> 'instrument' AS contract,
       CAST(held.value ->> 'ours' AS NUMERIC) AS quantity,
       CAST(held.value ->> 'broker' AS NUMERIC) AS quantity_at_broker,
       CAST(NULLIF(held.value ->> 'mark', 'unknown') AS NUMERIC) AS mark
FROM event, jsonb_array_elements(event.body::jsonb #> '{report,positions}') AS held
WHERE event.kind = 'day_closed';

CREATE VIEW targets AS
SELECT event.account,
       CAST(event.trade_date AS DATE) AS trade_date,
       event.seq,
       target.value ->> 'instrument' AS contract,
       CAST(target.value ->> 'weight' AS DOUBLE PRECISION) AS weight,
       CAST(target.value ->> 'target_value' AS DOUBLE PRECISION) AS target_value,
       CAST(target.value ->> 'held' AS NUMERIC) AS held,
       CAST(target.value ->> 'wanted' AS NUMERIC) AS wanted,
       CAST(target.value ->> 'today' AS NUMERIC) AS today
FROM event, jsonb_array_elements(event.body::jsonb #> '{report,targets}') AS target
WHERE event.kind = 'day_closed';

CREATE VIEW refusals AS
SELECT event.account,
       CAST(event.trade_date AS DATE) AS trade_date,
       event.seq,
       refused.value ->> 'code' AS code,
       refused.value ->> 'sentence' AS sentence
FROM event, jsonb_array_elements(event.body::jsonb #> '{report,refusals}') AS refused
WHERE event.kind = 'day_closed';

CREATE VIEW modes AS
SELECT account,
       CAST(trade_date AS DATE) AS trade_date,
       seq,
       to_timestamp(at_us / 1000000.0) AS at,
       body::jsonb ->> 'mode' AS mode,
       body::jsonb ->> 'reason' AS reason
FROM event
WHERE kind = 'mode';
