import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import type { CommitBatch } from "@holdfast/actors";
import { isErrorCode, systemPorts } from "@holdfast/core";
import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
  type SyncFile,
} from "@holdfast/store-sqlite";

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** Runs `fn` after the test. Functions run in reverse order, so a store closes before its files are removed. */
export function afterTest(t: TestContext, fn: () => unknown): void {
  const known = cleanups.get(t);
  if (known !== undefined) {
    known.unshift(fn);
    return;
  }
  const fns = [fn];
  cleanups.set(t, fns);
  t.after(async () => {
    for (const cleanup of fns) await cleanup();
  });
}

/** A directory that is removed after the test. */
export function tempDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  afterTest(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

export type OpenOptions = Partial<SqliteStoreOptions>;

/** A store that is closed after the test. */
export async function openStore(t: TestContext, options: OpenOptions = {}): Promise<SqliteStore> {
  const path = options.path ?? tempDirectory(t);
  const store = await openSqliteStore({ ports: systemPorts(), ...options, path });
  afterTest(t, () => store.close());
  return store;
}

export type Changes = Partial<Omit<CommitBatch, "actorId" | "epoch" | "version" | "create">>;

export function create(id: string, changes: Changes = {}): CommitBatch {
  return {
    ...next(id, 1, changes),
    create: { name: "test", key: [id], createdAt: 1_700_000_000_000 },
  };
}

export function next(id: string, version: number, changes: Changes = {}): CommitBatch {
  return { actorId: id, epoch: 1, version, commitId: randomUUID(), ...changes };
}

export function snapshot(bytes: number): Changes {
  return { state: { type: "snapshot", bytes: new Uint8Array(bytes) } };
}

export function code(group: string, name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, group, name)) return true;
    throw new Error(`Expected ${group}.${name}`, { cause: error });
  };
}

/** Result of SQLite's integrity check on a database that no store has open. */
export function integrity(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    return database.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
  } finally {
    database.close();
  }
}

export interface HeldSync {
  readonly syncFile: SyncFile;
  /** Number of requested syncs. */
  count(): number;
  /** Resolves when a sync is waiting to be released. */
  started(): Promise<void>;
  /** Finishes the oldest waiting sync. */
  release(error?: Error): void;
  /** Finishes the newest one. */
  releaseNewest(): void;
  /** Finishes all waiting syncs, and every later one immediately. */
  letGo(): void;
}

/** A sync whose duration the test controls. It reports a slow disk, so it never runs on the event loop. */
export function heldSync(): HeldSync {
  let count = 0;
  const pending: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let onStart: (() => void) | undefined;
  let holds = true;
  return {
    syncFile: {
      sync() {
        throw new Error("The test wants every sync off the event loop");
      },
      syncAsync() {
        count += 1;
        if (!holds) return Promise.resolve();
        return new Promise((resolve, reject) => {
          pending.push({ resolve, reject });
          onStart?.();
        });
      },
    },
    count: () => count,
    started: () =>
      new Promise((resolve) => {
        if (pending.length > 0) resolve();
        else onStart = resolve;
      }),
    release(error) {
      const waiting = pending.shift();
      if (waiting === undefined) throw new Error("No sync waits");
      onStart = undefined;
      if (error === undefined) waiting.resolve();
      else waiting.reject(error);
    },
    releaseNewest: () => pending.pop()?.resolve(),
    letGo() {
      holds = false;
      for (const { resolve } of pending.splice(0)) resolve();
    },
  };
}

/** True if `promise` is still pending after several turns of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return !settled;
}
