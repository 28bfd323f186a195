/** `c.db` compared with bare `node:sqlite` at the same durability, in one run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { actor, createInstance, db } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { least, median, type Outcome, type Scenario } from "../internal/scenario.ts";

const maxRatio = 1.5;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? "40");
const inserts = Number(process.env["BENCH_INSERTS"] ?? "80");

const warmUpRounds = 15;

const table = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";
const insert = "INSERT INTO item (name) VALUES (?)";

const definition = actor({
  db: db({ onMigrate: async (database) => void (await database.execute(table)) }),
  options: { noSleep: true },
  actions: {
    insert: async (c, name: string) => void (await c.db.execute(insert, name)),
    count: (c) => c.db.get<{ n: number }>("SELECT count(*) AS n FROM item")?.n,
    read: (c, times: number) => {
      for (let at = 1; at <= times; at++) c.db.get("SELECT name FROM item WHERE id = ?", at);
    },
  },
});

/** Milliseconds per insert. */
interface Sample {
  readonly bare: number;
  readonly actor: number;
}

async function measureInserts(): Promise<{ readonly samples: Sample[]; readonly readMicros: number }> {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-db-"));
  const ports = systemPorts();
  const store = await openSqliteStore({ path: join(path, "store"), ports });
  const bare = new DatabaseSync(join(path, "bare.db"));
  try {
    bare.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${table}`);
    const statement = bare.prepare(insert);
    const instance = createInstance({
      definition,
      id: "bench-actor",
      name: "bench",
      key: [],
      epoch: 1,
      start: { type: "create" },
      host: { ports, store, report: (_id, error) => console.error(error), client: () => ({}) },
    });
    await instance.ready;
    const one = (name: string) => instance.invoke({ name: "insert", args: [name] });
    const samples: Sample[] = [];
    for (let round = -warmUpRounds; round < rounds; round++) {
      const bareMs = time(() => {
        for (let at = 0; at < inserts; at++) statement.run(`name ${at}`);
      });
      const started = performance.now();
      for (let at = 0; at < inserts; at++) await one(`name ${at}`);
      const actorMs = performance.now() - started;
      // During the first rounds code is compiled and the logs grow to their final size.
      if (round >= 0) samples.push({ bare: bareMs / inserts, actor: actorMs / inserts });
    }
    const expected = (rounds + warmUpRounds) * inserts;
    const rows = Number(bare.prepare("SELECT count(*) AS n FROM item").get()?.["n"]);
    if (rows !== expected || store.stats().openFiles !== 1) throw new Error("some inserts are missing");
    const read = performance.now();
    await instance.invoke({ name: "read", args: [inserts] });
    const readMicros = ((performance.now() - read) * 1_000) / inserts;
    await instance.shutdown();
    return { samples, readMicros };
  } finally {
    bare.close();
    await store.close();
    rmSync(path, { recursive: true });
  }
}

function time(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

async function measure(): Promise<Outcome> {
  const { samples, readMicros } = await measureInserts();
  // The rounds alternate, so that other load on the machine slows both alike.
  const value = median(samples.map((sample) => sample.actor / sample.bare));
  return {
    figures: [
      { name: "c.db insert", value: least(samples.map((sample) => sample.actor)), unit: "ms" },
      { name: "bare node:sqlite", value: least(samples.map((sample) => sample.bare)), unit: "ms" },
      { name: "synchronous read", value: readMicros, unit: "us" },
    ],
    floors: [{ name: "an insert against a bare one", value, limit: maxRatio, unit: "times", better: "less" }],
    samples,
  };
}

export const database: Scenario = { name: "db", run: measure };
