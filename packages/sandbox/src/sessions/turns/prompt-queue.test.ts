import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { problem } from "../../http/problem.ts";
import { SessionLog } from "../store/session-log.ts";
import { SessionStore } from "../store/store.ts";
import type { PromptRecord } from "../types.ts";
import { type PromptHost, PromptQueue } from "./prompt-queue.ts";

class StoreOnDisk extends SessionStore {
  isFull = false;

  override putPrompt(key: number, position: number, record: PromptRecord): void {
    if (this.isFull) throw problem("log_failed", 507, "the disk is full");
    super.putPrompt(key, position, record);
  }
}

const record = {
  ...{ id: "s", agent: "a", cwd: "/", origin: "session" as const, mcpServers: [] },
  ...{ createdAt: 0, updatedAt: 0 },
};

test("in memory a settled prompt is reduced to a digest", async (t) => {
  const store = new SessionStore(undefined, 1_000);
  t.after(() => store.close());
  const { key } = store.insertSession(record);
  const host: PromptHost = {
    isFree: () => true,
    assertNotDeleted: () => {},
    attach: async () => undefined,
    turn: async () => ({ stopReason: "end_turn" }),
    isClosing: () => false,
    onChange: () => {},
    onFailedWrite: assert.fail,
  };
  const log = new SessionLog(store, key);
  const prompts = new PromptQueue({ store, key, sessionId: "s", log, maxQueued: 8, host });
  const content = [{ type: "text", text: "x".repeat(100_000) }];
  prompts.accept("one", content);
  const settled = await prompts.waitUntilSettled("one");
  assert.equal(settled.status, "completed");
  assert.ok(JSON.stringify(store.prompt(key, "one")).length < 1_000);
  assert.deepEqual(prompts.accept("one", content), settled);
  assert.throws(() => prompts.accept("one", [{ type: "text", text: "y" }]), { code: "conflict" });
});

test("a prompt that is rejected because the disk is full leaves nothing behind", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-prompts-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const made = new SessionStore(directory, 0);
  const { key } = made.insertSession(record);
  made.close();
  // The prompt's row can be written, but not its log entry.
  const database = new DatabaseSync(join(directory, "sessions.db"));
  database.exec(`CREATE TRIGGER full BEFORE INSERT ON events
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`);
  database.close();
  const host: PromptHost = {
    isFree: () => true,
    assertNotDeleted: () => {},
    attach: async () => undefined,
    turn: async () => assert.fail(),
    isClosing: () => false,
    onChange: () => {},
    onFailedWrite: assert.fail,
  };
  const store = new SessionStore(directory, 0);
  t.after(() => store.close());
  const log = new SessionLog(store, key);
  const prompts = new PromptQueue({ store, key, sessionId: "s", log, maxQueued: 8, host });
  const content = [{ type: "text", text: "Go" }];
  const accept = () => prompts.accept("one", content);
  assert.throws(accept, { code: "log_failed", statusCode: 507 });
  assert.deepEqual(store.prompts(key), [], "a restarted server must not run a rejected prompt");
  assert.throws(accept, { code: "log_failed" }, "it is not queued");
  assert.equal(log.lastSequence, 0);
});

test("a prompt whose start could not be stored fails, and its outcome is stored once the disk has room", async (t) => {
  const store = new StoreOnDisk(undefined, 1_000_000);
  t.after(() => store.close());
  const { key } = store.insertSession(record);
  const failures: unknown[] = [];
  const host: PromptHost = {
    isFree: () => true,
    assertNotDeleted: () => {},
    attach: async () => {
      store.isFull = failures.length === 0;
      return undefined;
    },
    turn: async () => ({ stopReason: "end_turn" }),
    isClosing: () => false,
    onChange: () => {},
    onFailedWrite: (error) => void failures.push(error),
  };
  const log = new SessionLog(store, key);
  const prompts = new PromptQueue({ store, key, sessionId: "s", log, maxQueued: 8, host });
  const content = [{ type: "text", text: "Go" }];
  prompts.accept("first", content);
  assert.equal((await prompts.waitUntilSettled("first")).status, "failed");
  assert.equal(failures.length, 1);
  assert.equal(prompts.get("first").error?.code, "log_failed");
  assert.deepEqual(
    prompts.list().map(({ status }) => status),
    ["failed"],
  );
  assert.equal(prompts.accept("first", content).status, "failed", "it is settled and not queued");
  store.isFull = false;
  prompts.accept("second", content);
  assert.equal((await prompts.waitUntilSettled("second")).status, "completed");
  assert.equal(store.prompt(key, "first")?.status, "failed");
  const told = log.read(0, 100).map(({ payload }) => {
    const { params } = JSON.parse(payload);
    return `${params.id} ${params.status}`;
  });
  assert.deepEqual(told, [
    "first queued",
    "first failed",
    "second queued",
    "second running",
    "second completed",
  ]);
});
