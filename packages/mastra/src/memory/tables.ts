import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { migrateLargeCalls } from "@holdfast/adapter-kit";

const migrateTables = migrations({
  tableName: "mastra_memory_migrations",
  migrations: [
    {
      version: 1,
      sql: `
        CREATE TABLE thread (
          id TEXT PRIMARY KEY, resourceId TEXT NOT NULL, title TEXT, metadata TEXT,
          createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX thread_by_resource ON thread (resourceId);
        CREATE TABLE message (
          position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, threadId TEXT NOT NULL, resourceId TEXT,
          role TEXT NOT NULL, type TEXT, content TEXT NOT NULL, createdAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX message_by_thread ON message (threadId, createdAt, position);
        CREATE INDEX message_by_resource ON message (resourceId, createdAt, position);
        CREATE TABLE resource (
          id TEXT PRIMARY KEY, workingMemory TEXT, metadata TEXT,
          createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE thread_state (
          threadId TEXT NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (threadId, type)
        ) STRICT;`,
    },
  ],
});

/** Makes the tables of memory. */
export async function migrateMemory(db: RawAccess): Promise<void> {
  await migrateLargeCalls(db);
  await migrateTables(db);
}

export async function clearMemory(tx: RawAccess): Promise<void> {
  for (const table of ["thread", "message", "resource"]) await tx.execute(`DELETE FROM ${table}`);
}

/** Merges the members of two JSON objects; null stands for none. */
export function mergeJson(old: string | null, change: string): string {
  return JSON.stringify({ ...(old === null ? {} : parseObject(old)), ...parseObject(change) });
}

/** The members of a JSON object; none for other values. */
export function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** True if a JSON object has all members of another one. */
export function hasMembers(text: string | null, wanted: string): boolean {
  const members = text === null ? {} : parseObject(text);
  return Object.entries(parseObject(wanted)).every(
    ([name, value]) =>
      Object.hasOwn(members, name) && JSON.stringify(members[name]) === JSON.stringify(value),
  );
}
