import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SQLOutputValue } from "node:sqlite";
import type { Notice, NoticeState } from "@holdfast/plugins/notify";
import type { Schedule } from "@holdfast/plugins/scheduler";
import type { EarlierFile } from "./earlier-file.ts";
import type { EarlierRow } from "./earlier-rows.ts";
import { type EarlierMemory, memoryColumns } from "./take-memories.ts";

/** A file of a plugin, and how its rows are read. */
export interface FileReader {
  readonly path: string;
  groups(file: EarlierFile): readonly string[];
  /** At most `limit` rows of a group, in order. */
  read(file: EarlierFile, group: string, after: number, limit: number): readonly EarlierRow<unknown>[];
}

type Row = Record<string, SQLOutputValue>;

/** Positions of what sessions have used follow those of all entries. */
const usesFrom = 2 ** 40;

/** The files of a plugin in its data folder. The memory's are named by hashes of groups, so those must be known. */
export function filesOf(plugin: string, directory: string, groups: readonly string[]): readonly FileReader[] {
  switch (plugin) {
    case "memory":
      return groups
        .map((group) => ({ group, path: join(directory, memoryFile(group)) }))
        .filter(({ path }) => existsSync(path))
        .map(({ group, path }) => ({ path, groups: () => [group], read: readMemory }));
    case "scheduler":
      return oneFile(join(directory, "schedules.sqlite"), "schedules", readSchedules);
    case "notify":
      return oneFile(join(directory, "notices.sqlite"), "notices", readNotices);
    default:
      return [];
  }
}

/** Databases of a plugin that are still there. */
export function filesLeft(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".sqlite")) : [];
}

function memoryFile(group: string): string {
  return `${createHash("sha256").update(group).digest("hex").slice(0, 32)}.sqlite`;
}

function oneFile(path: string, table: string, read: FileReader["read"]): readonly FileReader[] {
  if (!existsSync(path)) return [];
  const groups = (file: EarlierFile) =>
    file.rows(`SELECT DISTINCT grp FROM ${table} ORDER BY grp`).map(({ grp }) => String(grp));
  return [{ path, groups, read }];
}

function readMemory(
  file: EarlierFile,
  _group: string,
  after: number,
  limit: number,
): readonly EarlierRow<EarlierMemory>[] {
  if (after < usesFrom) {
    const entries = file.rows("SELECT * FROM entries WHERE number > ? ORDER BY number LIMIT ?", after, limit);
    if (entries.length > 0)
      return entries.map((row) => ({ position: Number(row["number"]), row: { entry: entryOf(row) } }));
  }
  const start = Math.max(after - usesFrom, 0);
  return file
    .rows("SELECT session_id, kind, count FROM uses ORDER BY session_id, kind LIMIT ? OFFSET ?", limit, start)
    .map(({ session_id: session, kind, count }, index) => ({
      position: usesFrom + start + index + 1,
      row: { use: { session: String(session), kind: String(kind), count: Number(count) } },
    }));
}

function entryOf(row: Row): Readonly<Record<string, string | number | null>> {
  return Object.fromEntries(memoryColumns.map((name) => [name, plain(row[name])]));
}

function plain(value: SQLOutputValue | undefined): string | number | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : Number(value);
}

function readSchedules(
  file: EarlierFile,
  group: string,
  after: number,
  limit: number,
): readonly EarlierRow<Schedule>[] {
  const rows = file.rows(
    "SELECT * FROM schedules WHERE grp = ? AND id > ? ORDER BY id LIMIT ?",
    ...[group, after, limit],
  );
  return rows.map((row) => ({
    position: Number(row["id"]),
    row: {
      name: String(row["name"]),
      prompt: String(row["prompt"]),
      cron: row["cron"] === null ? null : String(row["cron"]),
      everyMinutes: row["every_minutes"] === null ? null : Number(row["every_minutes"]),
      nextAt: Number(row["next_at"]),
      lastAt: row["last_at"] === null ? null : Number(row["last_at"]),
      sessionId: String(row["session_id"]),
      tainted: row["tainted"] === 1,
    },
  }));
}

function readNotices(
  file: EarlierFile,
  group: string,
  after: number,
  limit: number,
): readonly EarlierRow<Notice>[] {
  const rows = file.rows(
    "SELECT * FROM notices WHERE grp = ? AND seq > ? ORDER BY seq LIMIT ?",
    ...[group, after, limit],
  );
  return rows.map((row) => ({
    position: Number(row["seq"]),
    row: {
      id: String(row["id"]),
      group,
      session: String(row["session"]),
      title: String(row["title"]),
      text: String(row["text"]),
      urgency: String(row["urgency"]),
      tainted: row["tainted"] === 1,
      at: Number(row["at"]),
      state: String(row["state"]) as NoticeState,
      attempts: Number(row["attempts"]),
      nextAt: Number(row["next_at"]),
      problem: row["problem"] === null ? null : String(row["problem"]),
    },
  }));
}
