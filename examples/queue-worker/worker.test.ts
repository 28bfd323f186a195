import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("the sender may wait for what the worker made of the job", async (t) => {
  const { client } = await setupTest(t, registry);
  const worker = client.resizer.getOrCreate(["images"]);
  const result = await worker.send(
    "resize",
    { image: "cat.png", width: 100 },
    { wait: true, timeout: 5_000 },
  );
  assert.deepEqual(result, { status: "completed", response: { file: "cat.png@100" } });
});

test("a failed job is tried again after a while", async (t) => {
  const { client, clock } = await setupTest(t, registry);
  const worker = client.resizer.getOrCreate(["images"]);
  const waiting = worker.send("resize", { image: "broken.png", width: 9 }, { wait: true, timeout: 60_000 });
  await clock.advance("10s");
  assert.equal((await waiting).status, "completed");
  assert.deepEqual(await worker.report(), { done: ["broken.png@9"], failures: 2 });
});
