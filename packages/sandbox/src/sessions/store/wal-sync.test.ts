import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SessionLog } from "./session-log.ts";
import { SessionStore } from "./store.ts";
import { WalSync } from "./wal-sync.ts";

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-wal-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const record = { id: "s", agent: "a", cwd: "/", origin: "session", mcpServers: [] } as const;

test("entries become visible in order, and only once they are on disk", async (t) => {
  const store = new SessionStore(directory(t), 0);
  const { key } = store.insertSession({ ...record, createdAt: 1, updatedAt: 1 });
  const log = new SessionLog(store, key);
  const shown: number[] = [];
  log.listen(({ sequence }) => shown.push(sequence));
  for (let index = 1; index <= 100; index += 1) log.append("agent", "{}");
  assert.deepEqual([shown.length, log.visibleSequence, log.lastSequence], [0, 0, 100]);
  await store.synced();
  assert.deepEqual(
    shown,
    shown.map((_, index) => index + 1),
  );
  assert.deepEqual([shown.length, log.visibleSequence], [100, 100]);
  log.append("agent", "{}");
  store.close();
  // A closed database is completely on disk.
  assert.equal(shown.length, 101);
});

test("in memory entries are visible immediately", () => {
  const store = new SessionStore(undefined, 1_000);
  const log = new SessionLog(store, store.insertSession({ ...record, createdAt: 1, updatedAt: 1 }).key);
  const shown: number[] = [];
  log.listen(({ sequence }) => shown.push(sequence));
  log.append("agent", "{}");
  assert.deepEqual(shown, [1]);
  store.close();
});

test("after a failed sync no entry becomes visible, and new ones are rejected", async (t) => {
  const sync = new WalSync(join(directory(t), "none.db"));
  const first = new Promise((resolve, reject) => sync.after(() => resolve(undefined), reject));
  await assert.rejects(first, { code: "log_failed" });
  assert.ok(sync.failure);
  const second = new Promise((resolve, reject) => sync.after(() => resolve(undefined), reject));
  await assert.rejects(second, { code: "log_failed" });
});
