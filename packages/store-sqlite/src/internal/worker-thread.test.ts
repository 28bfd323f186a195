import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WorkerThread } from "./worker-thread.ts";

const cannotOpen = 14;

function started(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-thread-"));
  const thread = new WorkerThread("");
  t.after(async () => {
    await thread.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, thread };
}

test("the thread does not create a file in place of a removed one", async (t) => {
  const { folder, thread } = started(t);
  const [file, target] = [join(folder, "odd % name?.db"), join(folder, "copy.db")];
  const refused = { errcode: cannotOpen };
  await assert.rejects(thread.send({ type: "checkpoint-file", file, mode: "PASSIVE" }), refused);
  await assert.rejects(thread.send({ type: "copy-file", file, target }), refused);
  assert.deepEqual([existsSync(file), existsSync(target)], [false, false]);
});

test("a request during the end of the thread starts no other thread", async (t) => {
  const { thread } = started(t);
  await thread.send({ type: "passive" });
  const ended = thread.close();
  await assert.rejects(thread.send({ type: "passive" }), { group: "store", code: "closed" });
  await ended;
});

test("requests made before the thread ends are answered", async (t) => {
  const { thread } = started(t);
  const asked = thread.send({ type: "passive" });
  await thread.close();
  assert.equal((await asked).type, "done");
});
