/** Usage of an organization: what was used by whom, its cost, prices and budgets. */
import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";

/** The part of an actor's database that is used here. */
export type UsageDatabase = Pick<RawAccess, "execute" | "query" | "get">;

/**
 * `used` has the sums of a day. Its columns that begin with `unpriced` are about calls whose cost is not known, so that it
 * can be computed once their model has a price. `counted` has the causes that are in the sums.
 */
const first = `
CREATE TABLE used (
  day TEXT NOT NULL,
  person TEXT NOT NULL,
  task TEXT NOT NULL,
  session TEXT NOT NULL,
  agent TEXT NOT NULL,
  model TEXT NOT NULL,
  repository TEXT NOT NULL,
  turns INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  input INTEGER NOT NULL DEFAULT 0,
  output INTEGER NOT NULL DEFAULT 0,
  cache_read INTEGER NOT NULL DEFAULT 0,
  cache_write INTEGER NOT NULL DEFAULT 0,
  cost INTEGER NOT NULL DEFAULT 0,
  sandbox_ms INTEGER NOT NULL DEFAULT 0,
  unpriced INTEGER NOT NULL DEFAULT 0,
  unpriced_input INTEGER NOT NULL DEFAULT 0,
  unpriced_output INTEGER NOT NULL DEFAULT 0,
  unpriced_cache_read INTEGER NOT NULL DEFAULT 0,
  unpriced_cache_write INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (day, person, task, session, agent, model, repository)
) WITHOUT ROWID;
CREATE INDEX used_task ON used (task, day);
CREATE INDEX used_unpriced ON used (model) WHERE unpriced > 0;
CREATE TABLE name (kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE counted (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX counted_at ON counted (at);
CREATE TABLE price (model TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE budget (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
`;

export const migrateUsageTables = migrations({ migrations: [{ version: 1, sql: first }] });

/** The columns that are summed, and what the contract calls them. */
export const amountColumns = {
  turns: "turns",
  requests: "requests",
  inputTokens: "input",
  outputTokens: "output",
  cacheReadTokens: "cache_read",
  cacheWriteTokens: "cache_write",
  costMicros: "cost",
  unpricedRequests: "unpriced",
  sandboxMs: "sandbox_ms",
} as const;

/** The list of selected columns that gives the amounts of a group of rows. */
export const summedAmounts = Object.entries(amountColumns)
  .map(([name, column]) => `coalesce(sum(${column}), 0) AS ${name}`)
  .join(", ");
