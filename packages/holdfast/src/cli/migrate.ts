import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ArchiveSource } from "@holdfast/actors";
import { dataDirectoryOf, harmless, parse, UsageError } from "@holdfast/cli";
import { HoldfastError, isErrorCode, systemPorts } from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import {
  type MigrationPlan,
  type MigrationProgress,
  type MigrationReport,
  type MigrationTarget,
  migrationTarget,
} from "../internal/migration-target.ts";

export const migrateUsage = `holdfast migrate --to URL [options]

Copies all actors of a data directory into an empty PostgreSQL database, or to a Redis or Valkey server, and verifies each of
them. No server may run on the directory. Can be stopped at any point and repeated; the directory stays as it is.

  --from DIR      data directory (default: --data, HOLDFAST_DATA or .holdfast)
  --to URL        postgres://user:password@host:port/database; several with commas divide the actors among them;
                  or redis://user:password@host:port/number (default: HOLDFAST_STORE, which hides the password)
  --blobs URL     bucket for large objects, s3://bucket/prefix?endpoint=... for PostgreSQL
                  (default: HOLDFAST_BLOBS, or the database)
  --dry-run       says what would be done, and changes nothing in the database
  --json          one JSON value on standard output; progress as JSON lines on standard error`;

const options = {
  from: { type: "string" },
  to: { type: "string" },
  blobs: { type: "string" },
  "dry-run": { type: "boolean" },
} as const;

/** Lines of progress for people are this far apart. */
const progressMs = 1_000;

export async function migrateCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (values.help === true) {
    console.log(migrateUsage);
    return 0;
  }
  const [unexpected] = positionals;
  if (unexpected !== undefined) throw new UsageError(`"${unexpected}" is one argument too many`);
  const target = targetOf(values.to, values.blobs);
  const directory = values.from === undefined ? dataDirectoryOf(values.data) : resolve(values.from);
  const asJson = values.json === true;
  const lines = await withArchives(directory, async (source) => {
    const places = { from: directory, to: target.place };
    const text = { ...places, to: `${target.kind} at ${target.place}` };
    if (values["dry-run"] === true) {
      const plan = await target.plan(source);
      return asJson ? [JSON.stringify({ ...places, ...plan, dryRun: true })] : planLines(text, plan);
    }
    const report = await target.migrate(source, progressReporter(asJson));
    return asJson ? [JSON.stringify({ ...places, ...report })] : reportLines(text, report);
  });
  for (const line of lines) console.log(harmless(line));
  return 0;
}

function targetOf(option: string | undefined, bucket: string | undefined): MigrationTarget {
  const text = option ?? process.env["HOLDFAST_STORE"];
  if (text === undefined || text === "") throw new UsageError("The database is missing: name it with --to");
  const target = migrationTarget(text, bucket);
  if (target === undefined)
    throw new UsageError(
      "--to is not the URL of a PostgreSQL or Redis server: postgres://user:password@host:port/database, redis://user:password@host:port/number",
    );
  if (bucket !== undefined && target.kind !== "PostgreSQL")
    throw new UsageError(`${target.kind} keeps large objects with everything else: leave out --blobs`);
  return target;
}

async function withArchives<T>(directory: string, use: (source: ArchiveSource) => Promise<T>): Promise<T> {
  const store = await openSource(directory);
  try {
    const source = await store.archives();
    try {
      return await use(source);
    } finally {
      source.close();
    }
  } finally {
    await store.close();
  }
}

/** The lock of the store keeps servers out in the meantime. */
async function openSource(directory: string): Promise<SqliteStore> {
  const path = join(directory, "actors");
  if (!existsSync(join(path, "actors.db"))) {
    const message = `There are no actors at ${directory}. Name a data directory with --from`;
    throw new HoldfastError("migrate", "nothing_there", message, { statusCode: 404 });
  }
  return openSqliteStore({ path, ports: systemPorts() }).catch((error: unknown) => {
    if (!isErrorCode(error, "store", "locked")) throw error;
    const message = `A server has the data directory ${directory} open. Stop it, and repeat`;
    throw new HoldfastError("store", "locked", message, { cause: error });
  });
}

/** Writes to standard error, so that standard output has only the result. */
function progressReporter(asJson: boolean): (progress: MigrationProgress) => void {
  let last = -Infinity;
  return ({ phase, done, total }) => {
    if (asJson) return void process.stderr.write(`${JSON.stringify({ phase, done, total })}\n`);
    const now = performance.now();
    if (now - last < progressMs && done < total) return;
    last = now;
    process.stderr.write(`${phase === "copy" ? "copied" : "verified"} ${count(done)} of ${count(total)}\n`);
  };
}

interface Places {
  readonly from: string;
  readonly to: string;
}

function planLines({ from, to }: Places, plan: MigrationPlan): readonly string[] {
  const what = `${count(plan.existing)} actors and ${count(plan.destroyed)} records of destroyed ones`;
  switch (plan.state) {
    case "not begun":
      return [`Would copy ${what} from ${from} to ${to}, which is empty.`];
    case "unfinished":
      return [`Would go on with an earlier attempt: ${what} from ${from} to ${to}.`];
    case "finished":
      return [`${to} has the actors of ${from} already. Would only check that these are unchanged.`];
  }
}

function reportLines({ from, to }: Places, report: MigrationReport): readonly string[] {
  const actors = `${count(report.existing)} actors and ${count(report.destroyed)} records of destroyed ones`;
  if (report.isRepeated) return [`${to} has all ${actors} of ${from} already. Nothing was done.`];
  const parts = [
    `${count(report.log)} states and changes`,
    `${count(report.entries)} entries`,
    `${count(report.calls)} call records`,
    `${count(report.databases)} databases`,
    `${count(report.objects)} objects`,
  ];
  const resumed =
    report.resumed === 0 ? [] : [`${count(report.resumed)} were there from an earlier attempt.`];
  return [
    `Copied ${actors} from ${from} to ${to}.`,
    ...resumed,
    `Verified: ${parts.join(", ")}, ${count(report.bytes)} bytes. Each actor was read back, and its SHA-256 is that of the source.`,
    "Start the servers with HOLDFAST_STORE. Without it they would go on with the directory, which is left as it was.",
  ];
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
