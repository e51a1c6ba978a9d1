-- Deliveries may be given up without being tried: the receiver wants nothing any more.
CREATE TABLE webhook_delivery_new (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    webhook_id TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event_id   TEXT NOT NULL,
    stream     TEXT,
    body       TEXT NOT NULL,
    attempt    INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'delivered', 'failed', 'given_up', 'dropped')),
    status     INTEGER,
    error      TEXT,
    answer     TEXT,
    created_at INTEGER NOT NULL,
    done_at    INTEGER
) STRICT;
INSERT INTO webhook_delivery_new
    SELECT seq, id, webhook_id, event_id, stream, body, attempt, next_at, state, status, error,
           answer, created_at, done_at
    FROM webhook_delivery;
DROP TABLE webhook_delivery;
ALTER TABLE webhook_delivery_new RENAME TO webhook_delivery;
CREATE INDEX webhook_delivery_pending ON webhook_delivery (webhook_id, stream, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_delivery_of ON webhook_delivery (webhook_id, seq);
