/**
 * Durable commits of the SQLite store, compared with a bare log that does one write and one `fdatasync` for everything
 * in flight.
 */
import { closeSync, fdatasync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { systemPorts } from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import {
  type Figure,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";

export interface CeilingOptions {
  /** Number of concurrent commits, each of its own actor. */
  readonly inFlight: number;
  readonly durationMs: number;
}

export interface Ceiling {
  /** Durable commits a second. */
  readonly perSecond: number;
  /** Commits that shared one sync, on average. */
  readonly perSync: number;
  /** CPU time of one commit in microseconds, all threads. */
  readonly cpuMicros: number;
}

const patch = new Uint8Array(32).fill(7);
const outcome = new Uint8Array(16).fill(8);
const patchesPerSnapshot = 100;
const recordBytes = 512;

/**
 * Durable commits a second of the store alone, each with what one keyed action commits: a patch and a call record. An
 * upper bound for everything that runs on this store with as many commits in flight.
 */
export async function measureDurableCeiling(options: CeilingOptions): Promise<Ceiling> {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-store-"));
  const store = await openSqliteStore({ path, ports: systemPorts() });
  try {
    const until = performance.now() + options.durationMs;
    const cpu = process.cpuUsage();
    const started = performance.now();
    await Promise.all(Array.from({ length: options.inFlight }, () => commitUntil(store, until)));
    const seconds = (performance.now() - started) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const { commits, syncs } = store.stats();
    return { perSecond: commits / seconds, perSync: commits / syncs, cpuMicros: (user + system) / commits };
  } finally {
    await store.close();
    rmSync(path, { recursive: true });
  }
}

async function commitUntil(store: SqliteStore, until: number): Promise<void> {
  const actorId = crypto.randomUUID();
  const expiresAt = Date.now() + 3_600_000;
  const create = { name: "bench", key: [actorId], createdAt: Date.now() };
  for (let version = 1; performance.now() < until; version += 1) {
    await store.commit({
      actorId,
      epoch: 1,
      version,
      commitId: `${actorId}-${version}`,
      ...(version === 1 ? { create } : {}),
      state: { type: version % patchesPerSnapshot === 1 ? "snapshot" : "patch", bytes: patch },
      calls: [{ key: `${actorId}-${version}`, status: "done", outcome, expiresAt }],
    });
  }
}

/** Records a second of a log that writes everything in flight with one write and one sync. */
async function measureBareLog(options: CeilingOptions): Promise<number> {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-log-"));
  const fd = openSync(join(path, "log"), "w");
  const records = new Uint8Array(recordBytes * options.inFlight);
  try {
    const started = performance.now();
    let groups = 0;
    while (performance.now() < started + options.durationMs) {
      writeSync(fd, records);
      await new Promise<void>((resolve, reject) =>
        fdatasync(fd, (error) => (error ? reject(error) : resolve())),
      );
      groups += 1;
      if (groups % 1_000 === 0) ftruncateSync(fd, 0);
    }
    return (groups * options.inFlight * 1_000) / (performance.now() - started);
  } finally {
    closeSync(fd);
    rmSync(path, { recursive: true });
  }
}

async function measure(): Promise<Outcome> {
  const figures: Figure[] = [];
  const all: unknown[] = [];
  for (const inFlight of [1, 32, 256]) {
    const options = { inFlight, durationMs: roundMs };
    const samples = await interleave(
      { store: () => measureDurableCeiling(options), bare: () => measureBareLog(options) },
      3,
    );
    const cpu = least(samples.store.map((each) => each.cpuMicros)).toFixed(1);
    const perSync = most(samples.store.map((each) => each.perSync)).toFixed(1);
    const store = most(samples.store.map((each) => each.perSecond));
    const bare = most(samples.bare);
    const detail = `${perSync} a sync, ${cpu} us CPU each, ${(store / bare).toFixed(2)} of the bare log`;
    figures.push({ name: `${inFlight} in flight`, value: store, unit: "/s", own: true, detail });
    all.push({ inFlight, samples });
  }
  return { figures, floors: [], samples: all };
}

/** Has no floor: it is the reference for other scenarios. */
export const store: Scenario = { name: "store", run: measure };
