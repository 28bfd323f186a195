import type { ForgeItem, PaymentOutcome } from "../../contract/inbox.ts";
import type { InboxCounts, InboxEntry, InboxKind, InboxPage, InboxTask, InboxView } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { PaymentNews } from "../billing/payment-news.ts";
import type { InboxPaging } from "./input.ts";
import { writeCursor } from "./input.ts";
import type { TaskNews } from "./news.ts";
import type { InboxDatabase } from "./schema.ts";

interface StoredEntry {
  readonly id: string;
  readonly kind: InboxKind;
  readonly task: string;
  readonly item: string | null;
  readonly text: string;
  readonly approval_id: string | null;
  readonly is_working: number;
  readonly is_unread: number;
  readonly created_at: number;
  readonly bumped_at: number;
  readonly notified_at: number;
  readonly done_at: number | null;
  readonly snoozed_until: number | null;
}

const columns =
  "id, kind, task, item, text, approval_id, is_working, is_unread, created_at, bumped_at, notified_at, done_at, snoozed_until";

const conditions: Readonly<Record<InboxView, string>> = {
  open: "done_at IS NULL AND snoozed_until IS NULL",
  snoozed: "done_at IS NULL AND snoozed_until IS NOT NULL",
  done: "done_at IS NOT NULL",
};

/** What news changed: entries, entries that are gone, and those of which the person should be notified. */
export interface EntryChanges {
  readonly entries: readonly InboxEntry[];
  readonly removed: readonly string[];
  readonly notify: readonly InboxEntry[];
}

function toEntry(row: StoredEntry): InboxEntry {
  return {
    id: row.id,
    kind: row.kind,
    ...subjectOf(row),
    text: row.text,
    ...(row.approval_id === null ? {} : { approvalId: row.approval_id }),
    isWorking: row.is_working === 1,
    createdAt: row.created_at,
    bumpedAt: row.bumped_at,
    notifiedAt: row.notified_at,
    isUnread: row.is_unread === 1,
    ...(row.done_at === null ? {} : { doneAt: row.done_at }),
    ...(row.snoozed_until === null ? {} : { snoozedUntil: row.snoozed_until }),
  };
}

/** What an entry is about. */
function subjectOf({ kind, task, item }: StoredEntry): Pick<InboxEntry, "task" | "item" | "payment"> {
  if (item !== null) return { item: JSON.parse(item) as ForgeItem };
  if (kind === "payment") return { payment: JSON.parse(task) as PaymentOutcome };
  return { task: JSON.parse(task) as InboxTask };
}

/** A page of a view, without counts and revision. */
export function listEntries(
  db: InboxDatabase,
  { view, limit, after }: InboxPaging,
): Pick<InboxPage, "entries" | "cursor"> {
  const rows = db.query<StoredEntry>(
    `SELECT ${columns} FROM entry WHERE ${conditions[view]} AND (bumped_at < ? OR (bumped_at = ? AND id < ?))
     ORDER BY bumped_at DESC, id DESC LIMIT ?`,
    ...[after.at, after.at, after.id, limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isComplete = rows.length <= limit || last === undefined;
  return {
    entries: page.map(toEntry),
    ...(isComplete ? {} : { cursor: writeCursor({ at: last.bumped_at, id: last.id }) }),
  };
}

export function countEntries(db: InboxDatabase): InboxCounts {
  const row = db.get<{ open: number; unread: number; snoozed: number }>(
    `SELECT count(*) FILTER (WHERE ${conditions.open}) AS open,
            count(*) FILTER (WHERE ${conditions.open} AND is_unread = 1) AS unread,
            count(*) FILTER (WHERE ${conditions.snoozed}) AS snoozed
     FROM entry`,
  );
  return { open: row?.open ?? 0, unread: row?.unread ?? 0, snoozed: row?.snoozed ?? 0 };
}

/** Sets columns of entries. Returns the entries that changed. */
export async function changeEntries(
  db: InboxDatabase,
  ids: readonly string[],
  set: string,
  where: string,
  ...values: readonly (number | null)[]
): Promise<readonly InboxEntry[]> {
  const marks = ids.map(() => "?").join(", ");
  const rows = await db.execute<StoredEntry>(
    `UPDATE entry SET ${set} WHERE id IN (${marks}) AND ${where} RETURNING ${columns}`,
    ...values,
    ...ids,
  );
  return rows.map(toEntry);
}

/** Shows the entries again whose time has come, as news. */
export async function wakeEntries(db: InboxDatabase, now: number): Promise<readonly InboxEntry[]> {
  const rows = await db.execute<StoredEntry>(
    `UPDATE entry SET snoozed_until = NULL, is_unread = 1, bumped_at = ?, notified_at = ?
     WHERE snoozed_until <= ? AND done_at IS NULL RETURNING ${columns}`,
    ...[now, now, now],
  );
  return rows.map(toEntry);
}

/** Takes news of a task. What only goes on bumps its entry; what a person waits for notifies. */
export async function takeChange(db: InboxDatabase, { task, at, change }: TaskNews): Promise<EntryChanges> {
  const none: EntryChanges = { entries: [], removed: [], notify: [] };
  switch (change.type) {
    case "finished":
    case "failed": {
      const text = change.type === "failed" ? change.message.slice(0, studioLimits.maxInboxText) : "";
      const entry = await putEntry(db, {
        id: turnEntryId(task),
        kind: change.type,
        task,
        text,
        at,
        cause: change.cause,
      });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "ci-failed": {
      const text = change.pullRequest.slice(0, studioLimits.maxInboxText);
      const { cause } = change;
      const entry = await putEntry(db, {
        id: checksEntryId(task.id),
        kind: "ci-failed",
        task,
        text,
        at,
        cause,
      });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "mentioned": {
      const { text, cause } = change;
      const entry = await putEntry(db, {
        ...{ id: `${task.id}.mention`, kind: "mentioned", task, text, at, cause },
      });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "offered": {
      const { text, cause } = change;
      const entry = await putEntry(db, {
        id: offerEntryId(task.id),
        kind: "handover",
        task,
        text,
        at,
        cause,
      });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "offer-ended":
      return { ...none, removed: await remove(db, "id = ?", offerEntryId(task.id)) };
    case "handed-over": {
      const { text } = change;
      const id = `${task.id}.handover`;
      const entry = await putEntry(db, { id, kind: "handover", task, text, at, cause: "" });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "ci-settled":
      return { ...none, removed: await remove(db, "id = ?", checksEntryId(task.id)) };
    case "asks": {
      const { id, title } = change.approval;
      const text = title.slice(0, studioLimits.maxInboxText);
      const entry = await putEntry(db, {
        ...{ id: approvalEntryId(task.id, id), kind: "asks", task, text, at, cause: id },
        approvalId: id,
      });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "asks-secrets": {
      const text = change.text.slice(0, studioLimits.maxInboxText);
      const id = secretsEntryId(task.id);
      const entry = await putEntry(db, { id, kind: "asks", task, text, at, cause: change.cause });
      return { ...none, entries: [entry], notify: [entry] };
    }
    case "secrets-settled":
      return { ...none, removed: await remove(db, "id = ?", secretsEntryId(task.id)) };
    case "working":
      return {
        ...none,
        entries: await changeEntries(db, [turnEntryId(task)], bump, "done_at IS NULL", 1, at),
      };
    case "stopped":
      return {
        ...none,
        entries: await changeEntries(db, [turnEntryId(task)], bump, "done_at IS NULL", 0, at),
      };
    case "settled":
      return { ...none, removed: await remove(db, "id = ?", approvalEntryId(task.id, change.approvalId)) };
    case "deleted":
      return { ...none, removed: await remove(db, "task_id = ?", task.id) };
  }
}

/** Takes news about the payment of the plan, which has one entry. */
export async function takePayment(
  db: InboxDatabase,
  { at, seq, outcome, text }: PaymentNews,
): Promise<EntryChanges> {
  const entry = await putEntry(db, {
    ...{ id: paymentSubject, kind: "payment", task: undefined, payment: outcome, text, at, cause: `${seq}` },
  });
  return { entries: [entry], removed: [], notify: [entry] };
}

/** Stands for the id of a task where something is about the payment of the plan. */
export const paymentSubject = "payment";

const bump = "is_working = ?, bumped_at = ?";

function turnEntryId({ id, session }: InboxTask): string {
  return session === undefined ? id : `${id}.session.${session.id}`;
}

function checksEntryId(taskId: string): string {
  return `${taskId}.checks`;
}

function offerEntryId(taskId: string): string {
  return `${taskId}.offer`;
}

function secretsEntryId(taskId: string): string {
  return `${taskId}.secrets`;
}

function approvalEntryId(taskId: string, approvalId: string): string {
  return `${taskId}.approval.${approvalId}`;
}

/** Stands for the id of a task where something is about an item of a forge. GitLab counts issues and merge requests apart. */
export function keyOfItem({
  kind,
  repositoryId,
  number,
}: Pick<ForgeItem, "kind" | "repositoryId" | "number">): string {
  return kind === "issue" ? `${repositoryId}/issue/${number}` : `${repositoryId}/${number}`;
}

/** Adds an entry, or brings the one of this task up to date: it is open and unread again. */
export async function putEntry(
  db: InboxDatabase,
  entry: {
    readonly id: string;
    readonly kind: InboxKind;
    readonly task?: InboxTask | undefined;
    readonly payment?: PaymentOutcome;
    readonly item?: ForgeItem;
    readonly text: string;
    readonly at: number;
    readonly cause: string;
    readonly approvalId?: string;
  },
): Promise<InboxEntry> {
  const { id, kind, task, payment, item, text, at, cause, approvalId = null } = entry;
  const about = task?.id ?? (item === undefined ? paymentSubject : keyOfItem(item));
  const subject = item === undefined ? JSON.stringify(task ?? payment) : "";
  const [row] = await db.execute<StoredEntry>(
    `INSERT INTO entry (id, kind, task_id, task, item, text, approval_id, cause, created_at, bumped_at, notified_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET kind = excluded.kind, task = excluded.task, item = excluded.item, text = excluded.text,
       cause = excluded.cause, is_working = 0, is_unread = 1, bumped_at = excluded.bumped_at,
       notified_at = excluded.notified_at, done_at = NULL, snoozed_until = NULL
     RETURNING ${columns}`,
    ...[id, kind, about, subject, item === undefined ? null : JSON.stringify(item), text, approvalId, cause],
    ...[at, at, at],
  );
  if (row === undefined) throw new Error("SQLite returned no row for an entry that it stored");
  return toEntry(row);
}

export async function remove(db: InboxDatabase, where: string, value: string): Promise<readonly string[]> {
  const rows = await db.execute<{ id: string }>(`DELETE FROM entry WHERE ${where} RETURNING id`, value);
  return rows.map(({ id }) => id);
}

/** Removes the oldest entries beyond the limit, those that are done first. */
export async function dropOldestEntries(db: InboxDatabase): Promise<readonly string[]> {
  const rows = await db.execute<{ id: string }>(
    `DELETE FROM entry WHERE id IN (
       SELECT id FROM entry ORDER BY done_at IS NULL DESC, bumped_at DESC LIMIT -1 OFFSET ?
     ) RETURNING id`,
    studioLimits.maxInboxEntries,
  );
  return rows.map(({ id }) => id);
}
