/**
 * Messages sent and consumed in process on the SQLite store, compared with bare inserts and deletions on `node:sqlite`
 * in the same run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { actor, queue } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { interleave, least, most, type Outcome, roundMs, type Scenario } from "../internal/scenario.ts";

/** Minimum number of messages sent and consumed a second. */
const floor = 20_000;
/** Messages per transaction of the bare database. */
const batch = 256;

const worker = actor({
  state: { consumed: 0, sum: 0 },
  queues: { jobs: queue<number>() },
  options: { maxQueueSize: 1_000_000 },
  run: async (c) => {
    for await (const message of c.queue.iter()) {
      c.state.consumed++;
      c.state.sum += message.body;
    }
  },
  actions: { counts: (c) => ({ ...c.state }) },
});

export interface QueueResult {
  readonly perSecond: number;
  readonly messages: number;
  /** CPU time of one message in microseconds, all threads. */
  readonly cpuMicros: number;
}

/** Sends from `senders` callers; each waits until a message is durable before it sends the next. */
export async function measureQueue(senders: number, durationMs: number): Promise<QueueResult> {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-queue-"));
  const ports = systemPorts();
  const registry = createRegistry({ use: { worker }, ports, store: () => openSqliteStore({ path, ports }) });
  try {
    const handle = registry.client.worker.getOrCreate("bench");
    await handle.counts();
    const cpu = process.cpuUsage();
    const started = performance.now();
    const until = started + durationMs;
    let sent = 0;
    let sum = 0;
    const sending = async (): Promise<void> => {
      while (performance.now() < until) {
        const body = sent++;
        sum += body;
        await handle.send("jobs", body);
      }
    };
    await Promise.all(Array.from({ length: senders }, sending));
    let counts = await handle.counts();
    while (counts.consumed < sent) counts = await handle.counts();
    const seconds = (performance.now() - started) / 1_000;
    if (counts.consumed !== sent || counts.sum !== sum) throw new Error("messages were lost or duplicated");
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: sent / seconds, messages: sent, cpuMicros: (user + system) / sent };
  } finally {
    await registry.shutdown();
    rmSync(path, { recursive: true });
  }
}

/** Rows inserted and deleted a second, `batch` of each per synced transaction. */
export function measureBareSqlite(durationMs: number): number {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-sqlite-"));
  const database = new DatabaseSync(join(path, "bare.db"));
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec("CREATE TABLE message (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT");
    const insert = database.prepare("INSERT INTO message (id, body) VALUES (?, ?)");
    const remove = database.prepare("DELETE FROM message WHERE id = ?");
    const body = new Uint8Array(64);
    const started = performance.now();
    let id = 0;
    while (performance.now() < started + durationMs) {
      database.exec("BEGIN");
      for (let count = 0; count < batch; count++) insert.run(id + count, body);
      database.exec("COMMIT");
      database.exec("BEGIN");
      for (let count = 0; count < batch; count++) remove.run(id + count);
      database.exec("COMMIT");
      id += batch;
    }
    return (id * 1_000) / (performance.now() - started);
  } finally {
    database.close();
    rmSync(path, { recursive: true });
  }
}

async function measure(): Promise<Outcome> {
  const senders = 256;
  const samples = await interleave({
    alone: () => measureQueue(1, roundMs),
    actor: () => measureQueue(senders, roundMs),
    bare: () => measureBareSqlite(roundMs),
  });
  const value = most(samples.actor.map((each) => each.perSecond));
  const cpu = least(samples.actor.map((each) => each.cpuMicros)).toFixed(1);
  return {
    figures: [
      { name: `${senders} senders`, value, unit: "/s", detail: `${cpu} us CPU a message` },
      { name: "bare node:sqlite", value: most(samples.bare), unit: "/s" },
      { name: "one sender", own: true, value: most(samples.alone.map((each) => each.perSecond)), unit: "/s" },
    ],
    floors: [{ name: "messages sent and consumed", value, limit: floor, unit: "/s", better: "more" }],
    samples,
  };
}

export const queues: Scenario = { name: "queue", run: measure };
