-- One text for SQLite and PostgreSQL: TEXT, BIGINT and BYTEA only. SQLite has no BYTEA type and
-- gives the column no conversion, so bytes stay bytes.

CREATE TABLE event (
    account    TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    trade_date TEXT   NOT NULL,
    run        TEXT   NOT NULL,
    fence      BIGINT NOT NULL,
    at_us      BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    order_ref  TEXT,
    body       TEXT   NOT NULL,
    prev       TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    PRIMARY KEY (account, seq)
);

CREATE INDEX event_by_day ON event (account, trade_date, seq);
CREATE INDEX event_by_kind ON event (account, kind, seq);

CREATE TABLE blob (
    hash TEXT  NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL
);

CREATE TABLE lease (
    account  TEXT   NOT NULL PRIMARY KEY,
    holder   TEXT   NOT NULL,
    fence    BIGINT NOT NULL,
    until_us BIGINT NOT NULL
);

CREATE TABLE inbox (
    id       BIGINT NOT NULL PRIMARY KEY,
    account  TEXT   NOT NULL,
    at_us    BIGINT NOT NULL,
    who      TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    done_seq BIGINT
);

CREATE INDEX inbox_by_account ON inbox (account, id);
