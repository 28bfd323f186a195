import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemPorts, uuidv4 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { SessionPage } from "../contract.ts";
import type { BackendHost } from "./host.ts";
import { createSessionActor, type SessionRecord } from "./session.ts";
import { LocalValueTokens } from "./value-tokens.ts";

/** Creates one session's actor on a counting store. */
async function openSession(
  t: TestContext,
  wrapStore: (store: SqliteStore) => SqliteStore = (store) => store,
) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-studio-"));
  removeAtExit(folder);
  const ports = systemPorts();
  const valueTokens = new LocalValueTokens(() => uuidv4(ports.random));
  const host = { ports, valueTokens } as unknown as BackendHost;
  const registry = createRegistry({
    use: { session: createSessionActor(host) },
    store: async () => wrapStore(await openSqliteStore({ path: join(folder, "actors"), ports })),
    ports,
  });
  t.after(() => registry.shutdown());
  const token = valueTokens.put({ sessionOf: "t" });
  await registry.client.session.getOrCreate(["s"], { createWithInput: { token } }).resolve();
  const session = registry.client.session.get(["s"]);
  const append = (records: readonly SessionRecord[]) =>
    session.action<number>({ name: "internal.append", args: [valueTokens.put({ records })] });
  const events = () => session.action<SessionPage>({ name: "events", args: [{ after: 0 }] });
  return { append, events };
}

test("records with one dedupe key are logged once, also when appended concurrently", async (t) => {
  const { append, events } = await openSession(t);
  const record: SessionRecord = {
    body: { type: "approval-settled", approvalId: "a", outcome: "expired" },
    dedupeKey: "settled/a",
  };
  await Promise.all([append([record]), append([record, record])]);
  const page = await events();
  assert.deepEqual([page.head, page.events.length], [1, 1]);
});

test("a page of long events reads part of the log, and a page of short ones is complete", async (t) => {
  let rows = 0;
  const countingStore = (store: SqliteStore) => {
    const kvList: SqliteStore["kvList"] = async (...args) => {
      const found = await store.kvList(...args);
      rows += found.length;
      return found;
    };
    return new Proxy(store, {
      get(target, name) {
        const value: unknown = name === "kvList" ? kvList : Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const prompts = (count: number, text: string): SessionRecord[] =>
    Array.from({ length: count }, () => ({ body: { type: "prompt", text } }));
  const long = await openSession(t, countingStore);
  for (let part = 0; part < 12; part++) await long.append(prompts(10, "x".repeat(100_000)));
  assert.equal((await long.events()).events.length, 7);
  assert.ok(rows < 120, `${rows} rows were read`);
  const short = await openSession(t);
  await short.append(prompts(120, "short"));
  const { events, head } = await short.events();
  assert.deepEqual(
    [head, events.map(({ seq }) => seq)],
    [120, Array.from({ length: 120 }, (_, index) => index + 1)],
  );
});
