-- What is to be told to people, and up to which event of the journal it was put together. No part of any chain: a message
-- that is lost is lost, and history does not change.

CREATE TABLE outbox (
    account TEXT   NOT NULL,
    channel TEXT   NOT NULL,
    key     TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    body    TEXT   NOT NULL,
    tries   BIGINT NOT NULL,
    next_us BIGINT NOT NULL,
    done_us BIGINT,
    trouble TEXT,
    PRIMARY KEY (account, channel, key)
);

CREATE INDEX outbox_by_turn ON outbox (account, channel, seq);

CREATE TABLE courier (
    account TEXT   NOT NULL PRIMARY KEY,
    seq     BIGINT NOT NULL
);
