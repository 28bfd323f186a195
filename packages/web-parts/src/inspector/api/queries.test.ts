import assert from "node:assert/strict";
import { test } from "node:test";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { actorKey, mergeChange } from "./queries.ts";

const address = { name: "counter", id: "a" };

/** A query of the actor whose responses the test provides. */
function view(part: string) {
  const queries = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } });
  const answers: PromiseWithResolvers<unknown>[] = [];
  const observer = new QueryObserver(queries, {
    queryKey: [...actorKey(address), part],
    queryFn() {
      const answer = Promise.withResolvers<unknown>();
      answers.push(answer);
      return answer.promise;
    },
  });
  const shown: unknown[] = [];
  let next = Promise.withResolvers<void>();
  const end = observer.subscribe(({ data }) => {
    if (data === undefined || data === shown.at(-1)) return;
    shown.push(data);
    next.resolve();
    next = Promise.withResolvers();
  });
  return {
    shown,
    push: (change: Parameters<typeof mergeChange>[2]) => mergeChange(queries, address, change),
    async answer(value: unknown) {
      while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const changed = next.promise;
      answers.shift()?.resolve(value);
      await changed;
    },
    asked: () => answers.length,
    end() {
      end();
      queries.clear();
    },
  };
}

test("pushes that arrive faster than responses do not cancel them", { timeout: 20_000 }, async (t) => {
  const kv = view("kv");
  t.after(() => kv.end());
  for (let count = 0; count < 3; count += 1) kv.push({ type: "kv" });
  await kv.answer("first");
  // The pushed change is fetched once.
  await kv.answer("second");
  assert.deepEqual(kv.shown, ["first", "second"]);
  assert.equal(kv.asked(), 0);
});

test("a first response is shown, and refetched after a push", { timeout: 20_000 }, async (t) => {
  const queue = view("queue");
  t.after(() => queue.end());
  for (let count = 0; count < 3; count += 1) queue.push({ type: "queue", queueSize: count, messages: [] });
  await queue.answer({ size: 0, maxSize: 9, truncated: false, messages: [] });
  await queue.answer({ size: 2, maxSize: 9, truncated: false, messages: [] });
  assert.equal(queue.asked(), 0);
});
