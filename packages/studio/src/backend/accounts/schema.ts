/** Accounts of people at forges, and what is asked of them there: the tables of `attention`. */
export const accountSchema = `
CREATE TABLE forge_account (
  server TEXT NOT NULL, login TEXT NOT NULL COLLATE NOCASE, person TEXT NOT NULL, forge TEXT NOT NULL,
  proof TEXT NOT NULL, linked_at INTEGER NOT NULL, PRIMARY KEY (server, login), UNIQUE (server, person)
) WITHOUT ROWID;
CREATE TABLE account_link (
  person TEXT PRIMARY KEY, repository TEXT NOT NULL, server TEXT NOT NULL, forge TEXT NOT NULL, login TEXT NOT NULL,
  code TEXT NOT NULL, begun_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE review_request (
  repository TEXT NOT NULL, number INTEGER NOT NULL, server TEXT NOT NULL, item TEXT NOT NULL, logins TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (repository, number)
) WITHOUT ROWID;
CREATE TABLE review_asked (
  repository TEXT NOT NULL, number INTEGER NOT NULL, person TEXT NOT NULL, PRIMARY KEY (repository, number, person)
) WITHOUT ROWID;
CREATE TABLE comment_told (
  id TEXT NOT NULL, person TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (id, person)
) WITHOUT ROWID;
CREATE INDEX comment_told_by_time ON comment_told (at);
`;
