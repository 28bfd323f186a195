import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { InMemorySessionPersistDriver, type SessionPersistDriver } from "../../src/index.ts";
import { SqliteSessionPersistDriver } from "../../src/node/sqlite.ts";
import { migrateSessions, remoteActorDriver, sessionActions } from "../../src/persist/actor.ts";
import { PostgresSessionPersistDriver } from "../../src/persist/postgres.ts";
import { driverCases } from "./conformance.ts";
import { startPostgres } from "./postgres-server.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-persist-"));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function conforms(make: (scope: string) => Promise<SessionPersistDriver>): void {
  for (const [index, { name, run }] of driverCases.entries()) {
    const scope = `scope${index}`;
    test(name, async () => run(await make(scope), scope));
  }
}

describe("memory", () => conforms(async () => new InMemorySessionPersistDriver()));

describe("SQLite", () => {
  const filename = join(directory(), "sessions.db");
  conforms(async () => {
    const driver = new SqliteSessionPersistDriver({ filename });
    after(() => driver.close());
    return driver;
  });

  test("what was kept is there for the next program, and a newer version is refused", async () => {
    const path = join(directory(), "kept.db");
    const first = new SqliteSessionPersistDriver({ filename: path });
    const record = { id: "s", agent: "demo", agentSessionId: "a", lastConnectionId: "c", createdAt: 4 };
    await first.updateSession(record);
    first.close();
    const { DatabaseSync } = await import("node:sqlite");
    const second = new SqliteSessionPersistDriver({ filename: path });
    assert.deepEqual(await second.getSession("s"), record);
    second.close();
    const raw = new DatabaseSync(path);
    raw.exec(`UPDATE sandbox_sessions SET record = replace(record, '"version":1', '"version":2')`);
    raw.close();
    const third = new SqliteSessionPersistDriver({ filename: path });
    await assert.rejects(third.getSession("s"), /version 2 was written by a newer version/);
    third.close();
  });
});

describe("PostgreSQL", {
  skip: process.platform === "linux" ? false : "needs the binaries for Linux",
}, () => {
  let connect: Awaited<ReturnType<typeof startPostgres>>;
  const steps: (() => unknown)[] = [];
  before(async () => {
    // The last that was started is the first to end.
    connect = await startPostgres((step) => void steps.unshift(step));
  });
  after(async () => {
    for (const step of steps) await step();
  });
  conforms(async (scope) => new PostgresSessionPersistDriver({ client: connect(), schema: scope }));

  test("many programs that start at once make the tables once", async () => {
    const drivers = Array.from(
      { length: 6 },
      () => new PostgresSessionPersistDriver({ client: connect(), schema: "at_once" }),
    );
    const answers = await Promise.all(drivers.map((driver) => driver.listSessions()));
    assert.deepEqual(answers, Array(6).fill({ items: [] }));
  });

  test("a schema is a plain name", () => {
    const client = { query: async () => ({ rows: [] }) };
    const make = () => new PostgresSessionPersistDriver({ client, schema: 'a"; DROP' });
    assert.throws(make, /plain name/);
  });
});

describe("an actor", () => {
  const keeper = actor({ db: db({ onMigrate: migrateSessions }), actions: { ...sessionActions } });
  const path = directory();
  const ports = systemPorts();
  const registry = createRegistry({
    use: { keeper },
    store: () => openSqliteStore({ path, ports }),
    // An event of an agent may be larger than what actors take by default.
    gateway: { maxIncomingMessageBytes: 1_048_576 },
  });
  after(() => registry.shutdown());
  conforms(async (scope) => {
    await registry.listen({ host: "127.0.0.1", port: 0 });
    return remoteActorDriver(registry.client.keeper.getOrCreate([scope]));
  });
});
