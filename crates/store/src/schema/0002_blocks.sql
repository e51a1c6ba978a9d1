-- Addresses that are kept out for a while: by whom, and why.
CREATE TABLE block (
    address TEXT PRIMARY KEY NOT NULL,
    since   INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    made_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX block_until ON block (until);
