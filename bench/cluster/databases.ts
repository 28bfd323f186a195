/** Databases of actors on PostgreSQL: turns with SQL, waking with a local copy, loading on another node. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { ActorDatabase } from "@holdfast/actors";
import type { PostgresStore } from "@holdfast/store-postgres";
import { least, median, type Outcome, type Scenario } from "../internal/scenario.ts";
import { startNodes } from "./node.ts";

const mebibyte = 1_048_576;
const databaseBytes = 100 * mebibyte;
const turns = 400;

function sql(database: ActorDatabase, text: string, values: readonly (string | number | Uint8Array)[] = []) {
  return database.prepare(text)?.rows(values);
}

interface Owned {
  readonly id: string;
  readonly database: ActorDatabase;
}

async function withDatabase(store: PostgresStore): Promise<Owned> {
  const id = randomUUID();
  const database = await store.databases.open(id, 1, true);
  sql(database, "CREATE TABLE item (id INTEGER PRIMARY KEY, bytes BLOB)");
  await store.commit({ ...turn(id, 1), create: { name: "sql", key: [id], createdAt: 1 }, database: true });
  return { id, database };
}

async function plain(store: PostgresStore): Promise<string> {
  const id = randomUUID();
  await store.commit({ ...turn(id, 1), create: { name: "plain", key: [id], createdAt: 1 }, ...state(true) });
  return id;
}

function turn(actorId: string, version: number, epoch = 1) {
  return { actorId, epoch, version, commitId: randomUUID() };
}

function state(isSnapshot: boolean) {
  return { state: { type: isSnapshot ? "snapshot" : "patch", bytes: new Uint8Array(200).fill(3) } } as const;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function onNodes(
  count: number,
  work: (stores: readonly PostgresStore[], url: string) => Promise<Outcome>,
) {
  const nodes = await startNodes(count);
  try {
    return await work(nodes.stores, nodes.server.url);
  } finally {
    await nodes.close();
  }
}

function first<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined) throw new Error("There is no store");
  return value;
}

async function runTurns(stores: readonly PostgresStore[]): Promise<Outcome> {
  const store = first(stores);
  const owned = await withDatabase(store);
  const other = await plain(store);
  const samples = { sql: [] as number[], plain: [] as number[] };
  for (let version = 2; version < turns + 2; version += 1) {
    samples.sql.push(
      await timed(() => {
        sql(owned.database, "INSERT INTO item (bytes) VALUES (?)", [new Uint8Array(100)]);
        return store.commit({ ...turn(owned.id, version), database: true });
      }),
    );
    samples.plain.push(await timed(() => store.commit({ ...turn(other, version), ...state(false) })));
  }
  const [withSql, without] = [median(samples.sql), median(samples.plain)];
  return {
    figures: [
      { name: "turn with one row inserted", value: withSql, unit: "ms" },
      { name: "turn with a patch", value: without, unit: "ms" },
    ],
    floors: [
      { name: "of a plain turn", value: withSql / without, limit: 2.5, unit: "times", better: "less" },
    ],
    samples,
  };
}

async function runWaking(stores: readonly PostgresStore[]): Promise<Outcome> {
  const store = first(stores);
  const owned = await withDatabase(store);
  const other = await plain(store);
  let { database } = owned;
  const samples = { sql: [] as number[], plain: [] as number[] };
  for (let round = 0; round < 100; round += 1) {
    database.close();
    // The copy is synced to disk in the background, while the actor sleeps.
    await delay(20);
    samples.sql.push(
      await timed(async () => {
        const { record } = await store.acquire(owned.id);
        database = await store.databases.open(owned.id, record.epoch, false);
      }),
    );
    await delay(20);
    samples.plain.push(await timed(() => store.acquire(other)));
  }
  const [withCopy, without] = [median(samples.sql), median(samples.plain)];
  return {
    figures: [
      { name: "wake with a local copy", value: withCopy, unit: "ms" },
      { name: "wake without a database", value: without, unit: "ms" },
    ],
    floors: [
      { name: "of a plain wake", value: withCopy / without, limit: 1.5, unit: "times", better: "less" },
    ],
    samples,
  };
}

/** The pages over the wire with COPY, into nothing. */
async function copy(url: string): Promise<void> {
  const statement = "COPY (SELECT page, bytes FROM holdfast.page ORDER BY page) TO STDOUT (FORMAT binary)";
  const psql = spawn("psql", [url, "--quiet", "--command", statement], { stdio: "ignore" });
  const [code] = await once(psql, "exit");
  if (code !== 0) throw new Error("psql has failed");
}

async function runOpening(stores: readonly PostgresStore[], url: string): Promise<Outcome> {
  const store = first(stores);
  const { id, database } = await withDatabase(store);
  for (let version = 2; version <= databaseBytes / (4 * mebibyte) + 1; version += 1) {
    for (let row = 0; row < 4; row += 1) {
      sql(database, "INSERT INTO item (bytes) VALUES (randomblob(?))", [mebibyte]);
    }
    await store.commit({ ...turn(id, version), database: true });
  }
  const samples = { open: [] as number[], copy: [] as number[] };
  for (const node of stores.slice(1)) {
    samples.copy.push(await timed(() => copy(url)));
    const { record } = await node.acquire(id);
    samples.open.push(await timed(() => node.databases.open(id, record.epoch, false)));
  }
  const rate = (ms: number) => databaseBytes / mebibyte / (ms / 1_000);
  const [opened, copied] = [rate(least(samples.open)), rate(least(samples.copy))];
  return {
    figures: [
      { name: "MiB opened on another node", value: opened, unit: "/s" },
      { name: "MiB that COPY delivers", value: copied, unit: "/s" },
    ],
    floors: [{ name: "of COPY", value: opened / copied, limit: 0.5, unit: "times", better: "more" }],
    samples,
  };
}

export const sqlTurns: Scenario = { name: "sql-turns", run: () => onNodes(1, runTurns) };
export const waking: Scenario = { name: "waking", run: () => onNodes(1, runWaking) };
export const opening: Scenario = { name: "opening", run: () => onNodes(4, runOpening) };
