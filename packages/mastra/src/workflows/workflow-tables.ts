import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { migrateLargeCalls } from "@holdfast/adapter-kit";
import { mergeWorkflowStepResult } from "@mastra/core/storage";
import type { NewRun, RunAddress, RunPage, RunQuery, RunRow, StateChange, StepChange } from "./types.ts";

const migrateTables = migrations({
  tableName: "mastra_workflow_migrations",
  migrations: [
    {
      version: 1,
      sql: `
        CREATE TABLE run (
          workflowName TEXT NOT NULL, runId TEXT NOT NULL, resourceId TEXT, snapshot TEXT NOT NULL,
          createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL, PRIMARY KEY (workflowName, runId)
        ) STRICT;
        CREATE INDEX run_by_id ON run (runId);
        CREATE INDEX run_by_time ON run (createdAt);`,
    },
  ],
});

type StoredRun = RunRow & Record<string, unknown>;

/** Makes the tables of workflows. */
export async function migrateWorkflows(db: RawAccess): Promise<void> {
  await migrateLargeCalls(db);
  await migrateTables(db);
}

export function readRun(db: RawAccess, { workflowName, runId }: RunAddress): RunRow | null {
  return (
    db.get<StoredRun>("SELECT * FROM run WHERE workflowName = ? AND runId = ?", workflowName, runId) ?? null
  );
}

/** The latest run of this id, of any workflow. */
export function findRun(db: RawAccess, runId: string): RunRow | null {
  return (
    db.get<StoredRun>("SELECT * FROM run WHERE runId = ? ORDER BY createdAt DESC LIMIT 1", runId) ?? null
  );
}

export async function saveRun(tx: RawAccess, run: NewRun): Promise<void> {
  const now = Date.now();
  const old = readRun(tx, run);
  await tx.execute(
    `INSERT OR REPLACE INTO run (workflowName, runId, resourceId, snapshot, createdAt, updatedAt)
     VALUES (?, ?, ?, ?, ?, ?)`,
    ...[run.workflowName, run.runId, run.resourceId ?? old?.resourceId ?? null, run.snapshot],
    ...[run.createdAt ?? old?.createdAt ?? now, run.updatedAt ?? now],
  );
}

/** Adds the result of a step; returns all results as JSON, null if there is no such run. */
export async function addStepResult(tx: RawAccess, change: StepChange): Promise<string | null> {
  const run = readRun(tx, change);
  if (run === null) return null;
  const { stepId, result, requestContext } = change;
  const snapshot = JSON.parse(run.snapshot);
  const context = mergeWorkflowStepResult({
    ...{ snapshot, stepId },
    ...{ result: JSON.parse(result), requestContext: JSON.parse(requestContext) },
  });
  await replaceSnapshot(tx, change, JSON.stringify(snapshot));
  return JSON.stringify(context);
}

/** The changed snapshot; null if there is no such run, or it is in another state. */
export async function changeState(tx: RawAccess, change: StateChange): Promise<string | null> {
  const run = readRun(tx, change);
  if (run === null) return null;
  const snapshot: { readonly status?: string } = JSON.parse(run.snapshot);
  if (change.expected !== undefined && !change.expected.includes(snapshot.status ?? "")) return null;
  const changed = JSON.stringify({ ...snapshot, ...JSON.parse(change.state) });
  await replaceSnapshot(tx, change, changed);
  return changed;
}

async function replaceSnapshot(
  tx: RawAccess,
  { workflowName, runId }: RunAddress,
  snapshot: string,
): Promise<void> {
  await tx.execute(
    "UPDATE run SET snapshot = ?, updatedAt = ? WHERE workflowName = ? AND runId = ?",
    ...[snapshot, Date.now(), workflowName, runId],
  );
}

export function listRuns(db: RawAccess, query: RunQuery): RunPage {
  const { workflowName, resourceId, status, from, to, offset, limit } = query;
  const where = `(?1 IS NULL OR workflowName = ?1) AND (?2 IS NULL OR resourceId = ?2)
    AND (?3 IS NULL OR snapshot ->> '$.status' = ?3) AND createdAt >= ?4 AND createdAt <= ?5`;
  const values = [workflowName ?? null, resourceId ?? null, status ?? null] as const;
  const times = [from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER] as const;
  const runs = db.query<StoredRun>(
    `SELECT * FROM run WHERE ${where} ORDER BY createdAt DESC, runId LIMIT ?6 OFFSET ?7`,
    ...[...values, ...times, limit, offset],
  );
  const count = db.get<{ total: number }>(
    `SELECT count(*) AS total FROM run WHERE ${where}`,
    ...values,
    ...times,
  );
  return { runs, total: count?.total ?? 0 };
}

export async function deleteRun(tx: RawAccess, { workflowName, runId }: RunAddress): Promise<void> {
  await tx.execute("DELETE FROM run WHERE workflowName = ? AND runId = ?", workflowName, runId);
}

export async function clearRuns(tx: RawAccess): Promise<void> {
  await tx.execute("DELETE FROM run");
}
