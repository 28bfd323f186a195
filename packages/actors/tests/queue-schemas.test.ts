import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import type { HoldfastError, StandardSchema } from "@holdfast/core";
import { call, turn, world } from "./harness.ts";
import { code, codeOf, send } from "./queue-support.ts";

interface Job {
  readonly n: number;
}

/** Also accepts a string and converts it to a number. */
function jobSchema(later: boolean): StandardSchema<unknown, Job> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        const n = Number((value as { n?: unknown } | undefined)?.n);
        const result = Number.isNaN(n)
          ? { issues: [{ message: "n is no number", path: ["n"] }] }
          : { value: { n } };
        return later ? Promise.resolve(result) : result;
      },
    },
  };
}

for (const later of [false, true]) {
  test(`schemas validate and convert messages and responses (${later ? "asynchronous" : "synchronous"})`, async () => {
    const schema = jobSchema(later);
    const definition = actor({
      options: { sleepTimeout: Number.POSITIVE_INFINITY },
      queues: {
        plain: schema,
        both: { message: schema, complete: schema },
        token: queue({ message: schema }),
      },
      actions: {
        sendInside: (c, n: string) =>
          c.queue.send("plain", { n } as unknown as Job).then((message) => message.body, codeOf),
        take: async (c) => (await c.queue.tryNext({ names: ["plain"] }))?.body,
        complete: async (c, response: unknown) => {
          const message = await c.queue.next({ names: ["both"], completable: true });
          const refused = await message?.complete({ n: "none" } as unknown as Job).catch(codeOf);
          await message?.complete(response as Job);
          return refused;
        },
      },
    });
    const { create } = world();
    const a = create(definition);
    await send(a, "plain", { n: "7" });
    assert.deepEqual(await call(a, "take"), { n: 7 });
    assert.deepEqual(await call(a, "sendInside", "8"), { n: 8 });
    assert.equal(await call(a, "sendInside", "x"), "queue.invalid_payload");
    await assert.rejects(send(a, "token", { n: "x" }), (error) => {
      assert.ok(code("queue.invalid_payload")(error));
      assert.deepEqual((error as HoldfastError).metadata, {
        issues: [{ message: "n is no number", path: ["n"] }],
      });
      return true;
    });
    const waiting = send(a, "both", { n: 1 }, { wait: true });
    assert.equal(await call(a, "complete", { n: "9" }), "queue.invalid_completion_payload");
    assert.deepEqual(await waiting, { status: "completed", response: { n: 9 } });
  });
}

test("a message that cannot be encoded is rejected, and nothing changes", async () => {
  const definition = actor({
    queues: { jobs: queue<unknown>() },
    actions: {
      sendFunction: async (c) => c.queue.send("jobs", () => 1).catch(codeOf),
      sendState: async (c) =>
        c.queue.send("jobs", { a: [new Date(5), new Map([[1, 2n]])] }).then(() => "sent"),
      take: async (c) => (await c.queue.tryNext())?.body,
    },
  });
  const { create } = world();
  const a = create(definition);
  assert.equal(await call(a, "sendFunction"), "message.unsupported_value");
  assert.equal(await call(a, "sendState"), "sent");
  await turn();
  assert.deepEqual(await call(a, "take"), { a: [new Date(5), new Map([[1, 2n]])] });
  assert.equal(await call(a, "take"), undefined);
});
