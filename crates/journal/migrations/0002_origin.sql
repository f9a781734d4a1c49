-- Where a chain begins that is only a part of one: the event before its first. A whole chain has no row.

CREATE TABLE origin (
    account TEXT   NOT NULL PRIMARY KEY,
    seq     BIGINT NOT NULL,
    hash    TEXT   NOT NULL
);
