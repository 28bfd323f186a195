/** The outbox: what is to be delivered, each cause once on each channel and device. */
import { entryTitle } from "../../contract/inbox.ts";
import type { FailedDelivery, InboxEntry, NotificationChannel } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { NotificationDatabase } from "./schema.ts";

export interface Delivery {
  readonly id: string;
  readonly channel: NotificationChannel;
  /** For push; empty otherwise. */
  readonly device: string;
  readonly entry: InboxEntry;
  readonly attempts: number;
}

interface StoredDelivery {
  readonly id: string;
  readonly channel: NotificationChannel;
  readonly device: string;
  readonly entry: string;
  readonly attempts: number;
}

/** One channel, and for push one device, to which an entry goes at a time. */
export interface Route {
  readonly channel: NotificationChannel;
  readonly device: string;
  readonly dueAt: number;
}

/** Adds what an entry notifies of; nothing that was added before. */
export async function addDeliveries(
  db: NotificationDatabase,
  entry: InboxEntry,
  routes: readonly Route[],
  newId: () => string,
  now: number,
): Promise<void> {
  // A newer cause replaces what still waits about the same entry.
  await dropWaiting(db, [entry.id]);
  for (const { channel, device, dueAt } of routes)
    await db.execute(
      `INSERT INTO delivery (id, channel, device, entry_id, cause, entry, ready_at, due_at, changed_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[newId(), channel, device, entry.id, entry.notifiedAt, JSON.stringify(entry), dueAt, dueAt, now],
    );
}

/** Drops what waits about entries that were read, answered or removed. Failed ones stay visible. */
export async function dropWaiting(db: NotificationDatabase, entries: readonly string[]): Promise<void> {
  for (const id of entries)
    await db.execute("DELETE FROM delivery WHERE entry_id = ? AND state = 'waiting'", id);
}

export async function dropAllWaiting(db: NotificationDatabase): Promise<void> {
  await db.execute("DELETE FROM delivery WHERE state = 'waiting'");
}

export async function dropDeliveries(db: NotificationDatabase, ids: readonly string[]): Promise<void> {
  for (const id of ids) await db.execute("DELETE FROM delivery WHERE id = ?", id);
}

export function dueDeliveries(db: NotificationDatabase, now: number): readonly Delivery[] {
  return db
    .query<StoredDelivery>(
      `SELECT id, channel, device, entry, attempts FROM delivery
       WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
      now,
      studioLimits.maxDeliveriesPerRun,
    )
    .map(({ entry, ...row }) => ({ ...row, entry: JSON.parse(entry) as InboxEntry }));
}

export function nextDueAt(db: NotificationDatabase): number | undefined {
  return (
    db.get<{ due: number | null }>("SELECT min(due_at) AS due FROM delivery WHERE state = 'waiting'")?.due ??
    undefined
  );
}

export function isWaiting(db: NotificationDatabase, id: string): boolean {
  return db.get("SELECT 1 FROM delivery WHERE id = ? AND state = 'waiting'", id) !== undefined;
}

export async function postpone(db: NotificationDatabase, id: string, dueAt: number): Promise<void> {
  await db.execute("UPDATE delivery SET due_at = ? WHERE id = ?", dueAt, id);
}

/** Counts an attempt before it is made: if the process ends during it, the next one follows after the pause. */
export async function beginAttempt(db: NotificationDatabase, id: string, retryAt: number): Promise<void> {
  await db.execute("UPDATE delivery SET attempts = attempts + 1, due_at = ? WHERE id = ?", retryAt, id);
}

export async function settleDelivered(db: NotificationDatabase, id: string, now: number): Promise<void> {
  await db.execute(
    "UPDATE delivery SET state = 'delivered', error = NULL, entry = '{}', changed_at = ? WHERE id = ?",
    ...[now, id],
  );
}

/** Notes why an attempt failed. Without a next one, the delivery is given up. */
export async function noteFailure(
  db: NotificationDatabase,
  id: string,
  {
    error,
    retryAt,
    now,
  }: { readonly error: string; readonly retryAt: number | undefined; readonly now: number },
): Promise<void> {
  const text = error.slice(0, studioLimits.maxInboxText);
  await db.execute(
    `UPDATE delivery SET state = ?, error = ?, changed_at = ?, due_at = coalesce(?, due_at)
     WHERE id = ? AND state = 'waiting'`,
    ...[retryAt === undefined ? "failed" : "waiting", text, now, retryAt ?? null, id],
  );
}

/** The pause before the attempt after `attempts`; undefined after the last one. */
export function pauseAfter(attempts: number): number | undefined {
  const { notificationAttempts, notificationPauseMs } = studioLimits;
  return attempts < notificationAttempts ? notificationPauseMs * 4 ** (attempts - 1) : undefined;
}

export async function retryDelivery(db: NotificationDatabase, id: string, now: number): Promise<void> {
  await db.execute(
    "UPDATE delivery SET state = 'waiting', attempts = 0, due_at = ? WHERE id = ? AND state <> 'delivered'",
    ...[now, id],
  );
}

/** Makes waiting deliveries due that a pause or quiet hours hold, so that they are looked at again. */
export async function reconsider(db: NotificationDatabase, now: number): Promise<void> {
  await db.execute(
    "UPDATE delivery SET due_at = max(ready_at, ?) WHERE state = 'waiting' AND attempts = 0 AND due_at > ?",
    ...[now, now],
  );
}

/** Failures, the newest first. */
export function listFailures(db: NotificationDatabase): readonly FailedDelivery[] {
  const rows = db.query<
    StoredDelivery & {
      readonly state: string;
      readonly due_at: number;
      readonly error: string;
      readonly changed_at: number;
      readonly name: string | null;
    }
  >(
    `SELECT d.id, d.channel, d.device, d.entry, d.attempts, d.state, d.due_at, d.error, d.changed_at, device.name
     FROM delivery d LEFT JOIN device ON device.id = d.device
     WHERE d.error IS NOT NULL AND d.state <> 'delivered' ORDER BY d.changed_at DESC, d.id LIMIT ?`,
    studioLimits.maxFailedDeliveries,
  );
  return rows.map(({ id, channel, entry, attempts, state, due_at, error, changed_at, name }) => {
    const about = JSON.parse(entry) as InboxEntry;
    return {
      ...{ id, channel, kind: about.kind, title: entryTitle(about), attempts, error, failedAt: changed_at },
      ...(name === null ? {} : { device: name }),
      ...(state === "waiting" ? { retryAt: due_at } : {}),
    };
  });
}

/** Removes settled deliveries that are old, and the oldest beyond the limit. */
export async function dropOld(db: NotificationDatabase, now: number): Promise<void> {
  await db.execute(
    "DELETE FROM delivery WHERE state <> 'waiting' AND changed_at < ?",
    now - studioLimits.deliveryMemoryMs,
  );
  await db.execute(
    `DELETE FROM delivery WHERE id IN (
       SELECT id FROM delivery ORDER BY state = 'waiting' DESC, changed_at DESC LIMIT -1 OFFSET ?)`,
    studioLimits.maxDeliveries,
  );
}
