import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorHandle } from "@holdfast/client";
import { isErrorCode, type StandardSchema } from "@holdfast/core";
import { actor, queue } from "./index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<_T extends true>(): void {}

declare const jobSchema: StandardSchema<unknown, { job: string }>;
declare const doneSchema: StandardSchema<unknown, { done: boolean }>;

/** Never called: only its types matter. */
function typesOnly() {
  return actor({
    queues: {
      plain: queue<string>(),
      answered: queue<number, { ok: boolean }>(),
      schema: jobSchema,
      keyed: queue<{ id: number }>({ dedupeKey: ({ id }) => `job ${id}` }),
      keyedBySchema: queue({ message: jobSchema, dedupeKey: ({ job }) => job }),
      both: { message: jobSchema, complete: doneSchema },
      inferred: queue({ message: jobSchema }),
    },
    actions: {
      use: async (c) => {
        const any = await c.queue.next();
        if (any?.name === "plain") expectType<Equal<typeof any.body, string>>();
        const one = await c.queue.next({ names: ["answered"], completable: true, timeout: undefined });
        expectType<Equal<NonNullable<typeof one>["body"], number>>();
        await one?.complete({ ok: true });
        // @ts-expect-error the response has another type
        const wrongResponse = () => one?.complete({ ok: 1 });
        const [job] = await c.queue.nextBatch({ names: ["schema"], count: 2 });
        expectType<Equal<NonNullable<typeof job>["body"], { job: string }>>();
        for await (const message of c.queue.iter({ names: ["both"] })) {
          expectType<Equal<typeof message.body, { job: string }>>();
        }
        expectType<Equal<Awaited<ReturnType<typeof ask>>, { done: boolean } | undefined>>();
        const ask = () => c.queue.enqueueAndWait("both", { job: "x" });
        // @ts-expect-error the message has another type
        const wrongBody = () => c.queue.send("plain", 1);
        // @ts-expect-error the queue is not declared
        const unknown = () => c.queue.send("plein", "x");
        await c.queue.send("inferred", { job: "x" }, { delayMs: 5 });
        return [wrongResponse, wrongBody, unknown];
      },
    },
  });
}

/** Never called. */
async function clientTypes(handle: ActorHandle<ReturnType<typeof typesOnly>>): Promise<void> {
  await handle.send("plain", "x");
  const result = await handle.send("answered", 1, { wait: true, timeout: 5 });
  expectType<Equal<typeof result.response, { ok: boolean } | undefined>>();
  // @ts-expect-error the message has another type
  await handle.send("answered", "1");
}

test("types of queues flow from the definition to consumers and senders", () => {
  assert.equal(typeof typesOnly, "function");
  assert.equal(typeof clientTypes, "function");
});

test("an invalid policy is rejected with the definition", () => {
  const refuse = (options: object) =>
    assert.throws(
      () => actor({ queues: { a: options } }),
      (error) => isErrorCode(error, "actor", "invalid_definition"),
    );
  refuse({ maxAttempts: 0 });
  refuse({ maxAttempts: 1.5 });
  refuse({ concurrency: 0 });
  refuse({ delayMs: -1 });
  refuse({ ttlMs: 0 });
  refuse({ visibilityTimeoutMs: 0 });
  refuse({ backoff: { factor: 0.5 } });
  refuse({ backoff: 5 });
  refuse({ priority: "high" });
  refuse({ deadLetter: "nobody" });
  refuse({ deadLetter: "a" });
  refuse({ dedupeKey: "x" });
  refuse({ maxAttempt: 3 });
});
