import { studioLimits } from "../../limits.ts";
import { dayOf } from "./days.ts";
import type { UsageEntry, UsageSubject } from "./entry.ts";
import type { UsageDatabase } from "./schema.ts";

export interface SessionOfTask {
  readonly task: string;
  readonly session: string;
}

/** Adds entries to the sums, each cause once. Returns the sessions whose sums have changed. */
export async function countEntries(
  db: UsageDatabase,
  entries: readonly UsageEntry[],
  now: number,
): Promise<readonly SessionOfTask[]> {
  const sessions = new Map<string, SessionOfTask>();
  for (const entry of entries) {
    const isNew = await db.execute(
      "INSERT INTO counted (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
      entry.id,
      now,
    );
    if (isNew.length === 0) continue;
    await addSums(db, entry);
    await nameSubject(db, entry.subject);
    const { task, session } = entry.subject;
    sessions.set(session, { task, session });
  }
  await db.execute("DELETE FROM counted WHERE at < ?", now - studioLimits.usageCauseMemoryMs);
  return [...sessions.values()];
}

/** Columns of `used` and what an entry adds to them. */
function sumsOf(entry: UsageEntry): Readonly<Record<string, number>> {
  switch (entry.kind) {
    case "turn":
      return { turns: 1 };
    case "sandbox":
      return { sandbox_ms: entry.durationMs };
    case "call": {
      const { tokens, costMicros } = entry;
      const counts = {
        input: tokens?.inputTokens ?? 0,
        output: tokens?.outputTokens ?? 0,
        cache_read: tokens?.cacheReadTokens ?? 0,
        cache_write: tokens?.cacheWriteTokens ?? 0,
      };
      if (costMicros !== undefined) return { requests: 1, cost: costMicros, ...counts };
      const unpriced = Object.entries(counts).map(([name, value]) => [`unpriced_${name}`, value] as const);
      return { requests: 1, unpriced: 1, ...counts, ...Object.fromEntries(unpriced) };
    }
  }
}

async function addSums(db: UsageDatabase, entry: UsageEntry): Promise<void> {
  const { person, task, session, agent, repository } = entry.subject;
  const model = entry.kind === "call" ? (entry.tokens?.model ?? "") : "";
  const sums = sumsOf(entry);
  const names = Object.keys(sums);
  await db.execute(
    `INSERT INTO used (day, person, task, session, agent, model, repository, ${names.join(", ")})
     VALUES (?, ?, ?, ?, ?, ?, ?, ${names.map(() => "?").join(", ")})
     ON CONFLICT DO UPDATE SET ${names.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`,
    ...[dayOf(entry.at), person, task, session, agent, model, repository],
    ...Object.values(sums),
  );
}

/** Keeps the newest name of a person and a task: their rows have ids. */
async function nameSubject(db: UsageDatabase, subject: UsageSubject): Promise<void> {
  for (const [kind, id, name] of [
    ["person", subject.person, subject.personName],
    ["task", subject.task, subject.title],
  ] as const)
    await db.execute(
      "INSERT INTO name (kind, id, name) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name WHERE name <> excluded.name",
      ...[kind, id, name],
    );
}

/** What a session has used so far. */
export interface SessionUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly requests: number;
  readonly costMicros: number;
  readonly unpricedRequests: number;
}

export function usageOfSession(db: UsageDatabase, { task, session }: SessionOfTask): SessionUsage {
  const none = { inputTokens: 0, outputTokens: 0, requests: 0, costMicros: 0, unpricedRequests: 0 };
  const found = db.get<SessionUsage>(
    `SELECT coalesce(sum(input), 0) AS inputTokens, coalesce(sum(output), 0) AS outputTokens,
       coalesce(sum(requests), 0) AS requests, coalesce(sum(cost), 0) AS costMicros,
       coalesce(sum(unpriced), 0) AS unpricedRequests
     FROM used WHERE task = ? AND session = ?`,
    task,
    session,
  );
  return { ...none, ...found };
}
