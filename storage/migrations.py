"""The chat database, version by version. Number n takes the file from version n to n + 1; none is ever changed."""

from __future__ import annotations

MIGRATIONS = [
    """
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account_id TEXT NOT NULL,
        title TEXT,
        model TEXT,
        instructions TEXT,
        user_id INTEGER,
        actions TEXT NOT NULL,
        metadata TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    );
    CREATE INDEX sessions_by_activity ON sessions (account_id, updated_at, number);

    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        message_id TEXT NOT NULL,
        status TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        response_format TEXT,
        steps INTEGER NOT NULL DEFAULT 0,
        input_tokens INTEGER,
        output_tokens INTEGER,
        usage_estimated INTEGER,
        first_delta_ms INTEGER,
        total_ms INTEGER,
        error TEXT,
        continues TEXT,
        retry_of TEXT,
        boot_id TEXT NOT NULL,
        idempotency_key TEXT,
        request_hash TEXT,
        created_at TEXT NOT NULL,
        finished_at TEXT,
        folded INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX runs_by_session ON runs (session_id, number);
    CREATE INDEX runs_by_end ON runs (finished_at) WHERE folded = 0;
    CREATE UNIQUE INDEX one_live_run ON runs (session_id) WHERE status = 'in_progress';
    CREATE UNIQUE INDEX one_run_a_key ON runs (session_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

    CREATE TABLE messages (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        run_id TEXT NOT NULL,
        role TEXT NOT NULL,
        content TEXT NOT NULL,
        status TEXT NOT NULL,
        reasoning TEXT,
        tool_calls TEXT NOT NULL,
        call_id TEXT,
        name TEXT,
        ok INTEGER,
        result TEXT,
        rating TEXT,
        comment TEXT,
        alternative INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL
    );
    CREATE INDEX messages_by_session ON messages (session_id, number);
    CREATE INDEX messages_by_run ON messages (run_id, number);

    CREATE TABLE events (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        sequence INTEGER NOT NULL,
        frame BLOB NOT NULL,
        PRIMARY KEY (run_id, sequence)
    );

    CREATE TABLE own_ratings (
        account_id TEXT NOT NULL,
        movie_id INTEGER NOT NULL,
        stars REAL NOT NULL,
        rated_at TEXT NOT NULL,
        PRIMARY KEY (account_id, movie_id)
    );

    CREATE TABLE recommendations (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account_id TEXT NOT NULL,
        session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
        user_id INTEGER,
        kind TEXT NOT NULL,
        basis TEXT NOT NULL,
        inputs TEXT NOT NULL,
        movies TEXT NOT NULL,
        model_version TEXT NOT NULL,
        data_version TEXT NOT NULL,
        created_at TEXT NOT NULL
    );
    CREATE INDEX recommendations_by_account ON recommendations (account_id, number);
    CREATE INDEX recommendations_by_session ON recommendations (session_id, number);

    CREATE VIRTUAL TABLE title_search USING fts5 (
        title, content = 'sessions', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER title_added AFTER INSERT ON sessions BEGIN
        INSERT INTO title_search (rowid, title) VALUES (new.number, new.title);
    END;
    CREATE TRIGGER title_removed AFTER DELETE ON sessions BEGIN
        INSERT INTO title_search (title_search, rowid, title) VALUES ('delete', old.number, old.title);
    END;
    CREATE TRIGGER title_changed AFTER UPDATE OF title ON sessions BEGIN
        INSERT INTO title_search (title_search, rowid, title) VALUES ('delete', old.number, old.title);
        INSERT INTO title_search (rowid, title) VALUES (new.number, new.title);
    END;
    CREATE VIRTUAL TABLE message_search USING fts5 (
        content, content = 'messages', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER message_added AFTER INSERT ON messages WHEN new.role <> 'tool' BEGIN
        INSERT INTO message_search (rowid, content) VALUES (new.number, new.content);
    END;
    CREATE TRIGGER message_removed AFTER DELETE ON messages WHEN old.role <> 'tool' BEGIN
        INSERT INTO message_search (message_search, rowid, content) VALUES ('delete', old.number, old.content);
    END
    """,
    """
    ALTER TABLE sessions ADD COLUMN idempotency_key TEXT;
    ALTER TABLE sessions ADD COLUMN request_hash TEXT;
    CREATE UNIQUE INDEX one_session_a_key ON sessions (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
    CREATE INDEX sessions_by_user ON sessions (account_id, user_id, updated_at, number) WHERE user_id IS NOT NULL;
    CREATE INDEX messages_with_feedback ON messages (number) WHERE rating IS NOT NULL
    """,
    """
    ALTER TABLE runs ADD COLUMN note TEXT
    """,
    """
    ALTER TABLE runs RENAME COLUMN boot_id TO lease_id
    """,
    """
    ALTER TABLE messages ADD COLUMN mentions TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE runs ADD COLUMN grounding TEXT
    """,
    """
    CREATE TABLE accounts (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        password_hash TEXT NOT NULL,
        disabled INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL
    );
    CREATE TABLE sign_ins (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        refresh_id TEXT NOT NULL,
        earlier_refresh_id TEXT,
        refreshed_at TEXT NOT NULL,
        expires_at TEXT NOT NULL
    );
    CREATE INDEX sign_ins_by_account ON sign_ins (account_id);
    CREATE TABLE api_keys (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE,
        created_at TEXT NOT NULL
    );
    CREATE INDEX api_keys_by_account ON api_keys (account_id)
    """,
    """
    CREATE TABLE own_seen (
        account_id TEXT NOT NULL,
        movie_id INTEGER NOT NULL,
        seen_at TEXT NOT NULL,
        PRIMARY KEY (account_id, movie_id)
    ) WITHOUT ROWID
    """,
    """
    ALTER TABLE sessions ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX listed_sessions ON sessions (account_id, updated_at, number) WHERE ephemeral = 0;
    CREATE INDEX ephemeral_sessions ON sessions (updated_at) WHERE ephemeral = 1;
    CREATE INDEX completions ON runs (request_hash) WHERE substr(request_hash, 1, 5) = 'chat:'
    """,
    """
    CREATE TABLE identities (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        PRIMARY KEY (issuer, subject)
    ) WITHOUT ROWID;
    CREATE INDEX identities_by_account ON identities (account_id)
    """,
    """
    ALTER TABLE runs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE runs ADD COLUMN request TEXT
    """,
]
