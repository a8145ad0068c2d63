-- Times are milliseconds since the Unix epoch. Ids are UUIDs of version 7, as text.

CREATE TABLE users (
    id            TEXT    PRIMARY KEY NOT NULL,
    email         TEXT    NOT NULL UNIQUE, -- normalised: trimmed, lower case
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,        -- PHC string
    created_at    INTEGER NOT NULL
) STRICT;

-- A session is a family of refresh tokens: deleting it revokes them and every access token that
-- names it.
CREATE TABLE sessions (
    id           TEXT    PRIMARY KEY NOT NULL,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent   TEXT,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A used token stays until it expires, so that its reuse is noticed.
CREATE TABLE refresh_tokens (
    digest     BLOB    PRIMARY KEY NOT NULL, -- SHA-256 of the token, which itself is nowhere
    session_id TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE notes (
    id          TEXT    PRIMARY KEY NOT NULL,
    owner_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title       TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    search_text TEXT    NOT NULL,            -- title and body in lower case: SQLite folds ASCII only
    version     INTEGER NOT NULL DEFAULT 1,  -- one more with each change, the ETag is made of it
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX notes_by_owner ON notes (owner_id, updated_at DESC);

-- The bytes lie in a file named by the id.
CREATE TABLE attachments (
    id           TEXT    PRIMARY KEY NOT NULL,
    note_id      TEXT    NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX attachments_by_note ON attachments (note_id);
