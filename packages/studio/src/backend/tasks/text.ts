import type { TaskMatch } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { TaskDatabase } from "./schema.ts";

/** A piece of a task's text, as the search finds it. */
export interface TextPiece {
  readonly kind: TaskMatch["kind"];
  readonly body: string;
}

/** New text of a task: what its log has after `after`, up to `seq`. */
export interface TextPush {
  readonly taskId: string;
  /** Absent for its first session. */
  readonly sessionId?: string;
  readonly after: number;
  readonly seq: number;
  readonly pieces: readonly TextPiece[];
}

/** Words of one search. More are ignored. */
const maxWords = 8;
const matchWords = 16;
/** Control characters, which no text has, stand around what was found. */
const mark = "\u0002";
const encoder = new TextEncoder();

/** What `addText` answers for a task that is not there or is being deleted: nothing of it is kept. */
export const noTask = Number.MAX_SAFE_INTEGER;

/** The words of a search as expressions of FTS5: each begins a word of the text. */
export function wordsOf(search: string | undefined): readonly string[] {
  const words = search?.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return [...new Set(words)].slice(0, maxWords).map((word) => `"${word}"*`);
}

/** The best passage of a task for these words, from `wordsOf`: of the title, else of a prompt, else of the transcript. */
export function matchOf(db: TaskDatabase, taskId: string, words: readonly string[]): TaskMatch | undefined {
  // The index is asked for each piece of the task, and not for all tasks that have the words.
  const found = db.get<{ kind: TaskMatch["kind"]; passage: string }>(
    `SELECT text.kind AS kind, snippet(text_index, 0, ?, ?, '…', ${matchWords}) AS passage
     FROM text CROSS JOIN text_index ON text_index.rowid = text.id
     WHERE text.task_id = ? AND text_index MATCH ?
     ORDER BY CASE text.kind WHEN 'title' THEN 0 WHEN 'label' THEN 1 WHEN 'prompt' THEN 2 ELSE 3 END, text.id LIMIT 1`,
    ...[mark, mark, taskId, words.join(" OR ")],
  );
  if (found === undefined) return undefined;
  return { kind: found.kind, parts: found.passage.split(mark) };
}

/** Makes the title, the labels and the first prompt of a new task findable. Returns the bytes of its text. */
export async function addFirstText(db: TaskDatabase, taskId: string, pieces: readonly TextPiece[]) {
  for (const piece of pieces) await insert(db, taskId, piece);
  return updateBytes(db, taskId, 0);
}

/**
 * Adds new text of a task, once: a push that does not continue where the last one ended changes nothing. The oldest
 * pieces of its transcript make room for new ones. Returns the number up to which the text is known, or `noTask`, and
 * by how many bytes it has grown.
 */
export async function addText(db: TaskDatabase, push: TextPush) {
  const { taskId, seq, pieces } = push;
  const row = await (push.sessionId === undefined ? advanceTask(db, push) : advanceSession(db, push));
  if (typeof row === "number") return { seq: row, grown: 0 };
  for (const piece of pieces) await insert(db, taskId, piece);
  await dropOldest(db, taskId, studioLimits.maxTaskTextBytes);
  return { seq, grown: await updateBytes(db, taskId, row.text_bytes) };
}

/** Makes these labels of a task findable, and no others. Returns by how many bytes its text has grown. */
export async function replaceLabels(db: TaskDatabase, taskId: string, labels: readonly string[] = []) {
  await db.execute("DELETE FROM text WHERE task_id = ? AND kind = 'label'", taskId);
  for (const body of labels) await insert(db, taskId, { kind: "label", body });
  const row = db.get<TextRow>("SELECT text_bytes FROM task WHERE id = ?", taskId);
  return updateBytes(db, taskId, row?.text_bytes ?? 0);
}

interface TextRow {
  readonly text_bytes: number;
}

/** Up to where the text of a task's first session is known, if not up to where the push continues. */
async function advanceTask(db: TaskDatabase, { taskId, after, seq }: TextPush): Promise<TextRow | number> {
  const [row] = await db.execute<{ text_bytes: number }>(
    `UPDATE task SET text_seq = ? WHERE id = ? AND text_seq = ? AND deleted_at IS NULL AND ? > text_seq
     RETURNING text_bytes`,
    ...[seq, taskId, after, seq],
  );
  if (row !== undefined) return row;
  const known = db.get<{ text_seq: number }>(
    "SELECT text_seq FROM task WHERE id = ? AND deleted_at IS NULL",
    taskId,
  );
  return known?.text_seq ?? noTask;
}

/** The same for a session beside the first one. */
async function advanceSession(db: TaskDatabase, push: TextPush): Promise<TextRow | number> {
  const { taskId, sessionId = "", after, seq } = push;
  const task = db.get<TextRow>("SELECT text_bytes FROM task WHERE id = ? AND deleted_at IS NULL", taskId);
  if (task === undefined) return noTask;
  const [advanced] = await db.execute(
    `INSERT INTO session_text (session_id, task_id, seq) SELECT ?, ?, ? WHERE ? = 0 OR EXISTS
       (SELECT 1 FROM session_text WHERE session_id = ?)
     ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq = ? AND excluded.seq > seq RETURNING seq`,
    ...[sessionId, taskId, seq, after, sessionId, after],
  );
  if (advanced !== undefined) return task;
  return db.get<{ seq: number }>("SELECT seq FROM session_text WHERE session_id = ?", sessionId)?.seq ?? 0;
}

async function insert(db: TaskDatabase, taskId: string, { kind, body }: TextPiece): Promise<void> {
  const text = readable(body);
  if (text === "") return;
  // The first prompt comes with the task and again with its transcript.
  await db.execute(
    `INSERT INTO text (task_id, kind, body) SELECT ?, ?, ? WHERE ? = 'transcript' OR NOT EXISTS
       (SELECT 1 FROM text WHERE task_id = ? AND kind = ? AND body = ?)`,
    ...[taskId, kind, text, kind, taskId, kind, text],
  );
}

/** Without control characters: one of them marks what was found. */
function readable(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").trim();
}

async function dropOldest(db: TaskDatabase, taskId: string, maxBytes: number): Promise<void> {
  await db.execute(
    `DELETE FROM text WHERE id IN (
       SELECT id FROM (
         SELECT id, kind, sum(octet_length(body)) OVER (ORDER BY kind = 'transcript', id DESC) AS bytes
         FROM text WHERE task_id = ?
       ) WHERE bytes > ? AND kind NOT IN ('title', 'label'))`,
    ...[taskId, maxBytes],
  );
}

/** Counts the bytes of a task's text. Returns by how many they have grown. */
async function updateBytes(db: TaskDatabase, taskId: string, before: number): Promise<number> {
  const [row] = await db.execute<{ text_bytes: number }>(
    `UPDATE task SET text_bytes = (SELECT coalesce(sum(octet_length(body)), 0) FROM text WHERE task_id = ?)
     WHERE id = ? RETURNING text_bytes`,
    ...[taskId, taskId],
  );
  return (row?.text_bytes ?? 0) - before;
}

/** Forgets the transcripts of the oldest tasks until `bytes` are free. Their titles and prompts stay. Returns the freed bytes. */
export async function dropOldestTexts(db: TaskDatabase, bytes: number, keep: string): Promise<number> {
  let freed = 0;
  const oldest = db.query<{ id: string; text_bytes: number }>(
    `SELECT id, text_bytes FROM task WHERE text_bytes > 0 AND id <> ? AND EXISTS
       (SELECT 1 FROM text WHERE task_id = task.id AND kind = 'transcript') ORDER BY id LIMIT 100`,
    keep,
  );
  for (const { id, text_bytes } of oldest) {
    if (freed >= bytes) break;
    await db.execute("DELETE FROM text WHERE task_id = ? AND kind = 'transcript'", id);
    freed -= await updateBytes(db, id, text_bytes);
  }
  return freed;
}

/** Cuts text into pieces of at most `maxTextPieceBytes`, between characters. */
export function piecesOf(kind: TextPiece["kind"], text: string): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  for (let from = 0; from < text.length; ) {
    const room = new Uint8Array(studioLimits.maxTextPieceBytes);
    const { read } = encoder.encodeInto(text.slice(from, from + room.length), room);
    if (read === 0) break;
    pieces.push({ kind, body: text.slice(from, from + read) });
    from += read;
  }
  return pieces;
}
