-- A database as version 1 wrote it. It is never changed.
CREATE TABLE sessions (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE TABLE events (
  session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  sender TEXT NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (session, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE prompts (
  session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
  id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompts_open ON prompts (status, session, position) WHERE status IN ('queued', 'running');
CREATE TABLE permissions (
  key INTEGER PRIMARY KEY,
  session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
  id TEXT NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  data TEXT NOT NULL,
  UNIQUE (session, id)
) STRICT;
CREATE INDEX permissions_by_state ON permissions (state);
INSERT INTO sessions VALUES (1, 'golden', 1, 1, '{"id":"golden","agent":"demo","cwd":"/","origin":"session","createdAt":1,"updatedAt":1,"mcpServers":[],"agentSessionId":"a-1","title":"Kept"}');
INSERT INTO events VALUES (1, 1, 1, 7, 'client', '{"n":12345678901234567890}');
INSERT INTO prompts VALUES (1, 'p', 0, 'queued', 1, '{"id":"p","sessionId":"golden","status":"queued","createdAt":8,"content":[{"type":"text","text":"go on"}]}');
INSERT INTO permissions VALUES (1, 1, 'q', 'pending', 1, '{"id":"q","sessionId":"golden","state":"pending","toolCall":{"title":"Edit"},"options":[{"optionId":"y","name":"Yes","kind":"allow_once"}],"createdAt":9}');
PRAGMA user_version = 1;
