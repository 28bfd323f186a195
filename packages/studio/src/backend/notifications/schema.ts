import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";

/** The part of an actor's database that is used here. */
export type NotificationDatabase = Pick<RawAccess, "execute" | "query" | "get">;

/**
 * A delivery is one cause on one channel, for push on one device. `cause` is the time of the notification in the inbox.
 * It is ready after what its channel waits for, and due then, after a pause or quiet hours, or for another attempt.
 * State: waiting, delivered, or failed for one that was given up. Those that are not needed any more are deleted.
 */
const tables = `
CREATE TABLE device (
  id TEXT PRIMARY KEY,
  endpoint TEXT NOT NULL UNIQUE,
  p256dh TEXT NOT NULL,
  auth TEXT NOT NULL,
  name TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  delivered_at INTEGER,
  error TEXT
);
CREATE TABLE delivery (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  device TEXT NOT NULL,
  entry_id TEXT NOT NULL,
  cause INTEGER NOT NULL,
  entry TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting',
  ready_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  changed_at INTEGER NOT NULL,
  UNIQUE (channel, device, entry_id, cause)
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'waiting';
CREATE INDEX delivery_entry ON delivery (entry_id);
CREATE TABLE answer_token (
  hash TEXT PRIMARY KEY,
  task_id TEXT NOT NULL,
  approval_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
`;

export const migrateNotificationTables = migrations({ migrations: [{ version: 1, sql: tables }] });
