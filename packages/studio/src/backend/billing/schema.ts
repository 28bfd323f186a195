/** Tables of billing: events that were taken, invoices, and reports of usage on their way. */
import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";

/** The part of an actor's database that is used here. */
export type BillingDatabase = Pick<RawAccess, "execute" | "query" | "get">;

const first = `
CREATE TABLE event (id TEXT PRIMARY KEY, type TEXT NOT NULL, taken_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX event_taken ON event (taken_at);
CREATE TABLE invoice (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX invoice_created ON invoice (created_at DESC, id);
-- A report is sent under its id until it is known to have arrived, or nobody can tell any more.
CREATE TABLE report (
  id TEXT PRIMARY KEY,
  customer TEXT NOT NULL,
  event TEXT NOT NULL,
  value INTEGER NOT NULL,
  at INTEGER NOT NULL,
  -- When it may have arrived for the first time.
  attempted_at INTEGER,
  state TEXT NOT NULL DEFAULT 'waiting',
  changed_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX report_waiting ON report (at) WHERE state = 'waiting';
`;

export const migrateBillingTables = migrations({ migrations: [{ version: 1, sql: first }] });
