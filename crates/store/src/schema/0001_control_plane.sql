-- 1: accounts, streams, destinations, webhooks, events, audit.
--
-- Times are milliseconds since the Unix epoch. Ids are UUID v7 as 32 hexadecimal digits. Columns whose
-- name ends in `_sealed` hold what only the vault can read; columns whose name ends in `_hash` hold digests.
-- Lists are JSON arrays of text.

CREATE TABLE user (
    id             TEXT PRIMARY KEY NOT NULL,
    name           TEXT NOT NULL COLLATE NOCASE UNIQUE,
    password_hash  TEXT NOT NULL,
    role           TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer')),
    totp_sealed    BLOB,
    totp_last_step INTEGER,
    recovery       TEXT NOT NULL DEFAULT '[]',
    disabled       INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    last_seen_at   INTEGER,
    version        INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE invite (
    id         TEXT PRIMARY KEY NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer')),
    token_hash BLOB NOT NULL UNIQUE,
    created_by TEXT REFERENCES user (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX invite_created_by ON invite (created_by);

CREATE TABLE session (
    token_hash BLOB PRIMARY KEY NOT NULL,
    user_id    TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user_id ON session (user_id);
CREATE INDEX session_expires_at ON session (expires_at);

CREATE TABLE token (
    id           TEXT PRIMARY KEY NOT NULL,
    name         TEXT NOT NULL,
    user_id      TEXT REFERENCES user (id) ON DELETE CASCADE,
    role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer')),
    scopes       TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    token_hash   BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    last_address TEXT,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX token_user_id ON token (user_id);

CREATE TABLE stream (
    id                  TEXT PRIMARY KEY NOT NULL,
    name                TEXT NOT NULL UNIQUE,
    title               TEXT NOT NULL,
    start               TEXT NOT NULL CHECK (start IN ('auto', 'manual')),
    play                INTEGER NOT NULL,
    takeover            TEXT NOT NULL CHECK (takeover IN ('when_silent', 'always')),
    reconnect_window_ms INTEGER NOT NULL CHECK (reconnect_window_ms >= 0),
    hold_on_stop        INTEGER NOT NULL,
    notes               TEXT NOT NULL,
    position            INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    version             INTEGER NOT NULL DEFAULT 1
) STRICT;

-- By the name of the stream, since the streams of the configuration file have keys here too.
CREATE TABLE stream_key (
    id              TEXT PRIMARY KEY NOT NULL,
    stream          TEXT NOT NULL,
    label           TEXT NOT NULL,
    prefix          TEXT NOT NULL,
    key_hash        BLOB NOT NULL UNIQUE,
    addresses       TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    last_used_at    INTEGER,
    last_address    TEXT,
    known_addresses TEXT NOT NULL DEFAULT '[]',
    version         INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX stream_key_stream ON stream_key (stream);

CREATE TABLE destination (
    id                     TEXT PRIMARY KEY NOT NULL,
    stream_id              TEXT NOT NULL REFERENCES stream (id) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    service                TEXT,
    url                    TEXT NOT NULL,
    key_sealed             BLOB,
    user                   TEXT,
    password_sealed        BLOB,
    backup_url             TEXT,
    backup_key_sealed      BLOB,
    backup_user            TEXT,
    backup_password_sealed BLOB,
    backup_mode            TEXT NOT NULL CHECK (backup_mode IN ('failover', 'both')),
    config_change          TEXT NOT NULL CHECK (config_change IN ('headers', 'redial')),
    announce               TEXT NOT NULL CHECK (announce IN ('auto', 'none', 'full')),
    video_track            TEXT,
    audio_track            TEXT,
    enabled                INTEGER NOT NULL,
    position               INTEGER NOT NULL,
    notes                  TEXT NOT NULL,
    created_at             INTEGER NOT NULL,
    version                INTEGER NOT NULL DEFAULT 1,
    UNIQUE (stream_id, name)
) STRICT;

-- What is chosen while it runs, for what the configuration file defines; '' is the stream itself.
CREATE TABLE runtime (
    stream      TEXT NOT NULL,
    destination TEXT NOT NULL,
    field       TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (stream, destination, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
    id                TEXT PRIMARY KEY NOT NULL,
    name              TEXT NOT NULL COLLATE NOCASE UNIQUE,
    url               TEXT NOT NULL,
    secret_sealed     BLOB NOT NULL,
    old_secret_sealed BLOB,
    old_until         INTEGER,
    events            TEXT NOT NULL,
    streams           TEXT NOT NULL,
    enabled           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    version           INTEGER NOT NULL DEFAULT 1
) STRICT;

-- `seq` is the order in which they are owed.
CREATE TABLE webhook_delivery (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    webhook_id TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event_id   TEXT NOT NULL,
    stream     TEXT,
    body       TEXT NOT NULL,
    attempt    INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
    status     INTEGER,
    error      TEXT,
    answer     TEXT,
    created_at INTEGER NOT NULL,
    done_at    INTEGER
) STRICT;
CREATE INDEX webhook_delivery_pending ON webhook_delivery (webhook_id, stream, seq)
    WHERE state = 'pending';
CREATE INDEX webhook_delivery_of ON webhook_delivery (webhook_id, seq);

CREATE TABLE event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    stream      TEXT,
    destination TEXT,
    actor       TEXT,
    address     TEXT,
    severity    TEXT NOT NULL CHECK (severity IN ('info', 'good', 'warning', 'act')),
    text        TEXT NOT NULL,
    data        TEXT NOT NULL
) STRICT;
CREATE INDEX event_stream ON event (stream, id);
CREATE INDEX event_at ON event (at);

CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id   TEXT,
    actor      TEXT NOT NULL,
    address    TEXT,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    before     TEXT,
    after      TEXT
) STRICT;
CREATE TRIGGER audit_is_never_edited BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;
-- `INSERT OR REPLACE` would delete without asking the trigger above.
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only ever added to');
END;

CREATE TABLE idempotency (
    actor         TEXT NOT NULL,
    key           TEXT NOT NULL,
    route         TEXT NOT NULL,
    body_hash     BLOB NOT NULL,
    status        INTEGER NOT NULL,
    answer_sealed BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE setting (
    key   TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The ids of the vault's keys, never the keys. The newest that is not retired seals.
CREATE TABLE vault_key (
    id         TEXT PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
