import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientBase } from "@holdfast/client";
import { createStudioClient } from "./client.ts";

test("a subscriber is notified of missed events until it unsubscribes", async () => {
  const gaps = new Set<() => void>();
  const connection = {
    ready: Promise.resolve(),
    on: () => () => {},
    onGap: (callback: () => void) => {
      gaps.add(callback);
      return () => gaps.delete(callback);
    },
    action: async () => undefined,
    dispose: async () => {},
  };
  const handle = () => ({ connect: () => connection });
  const client = { get: handle, getOrCreate: handle } as unknown as ClientBase;
  let missed = 0;
  const watch = await createStudioClient(client)
    .task("t")
    .on(
      "changed",
      () => {},
      () => {
        missed += 1;
      },
    );
  for (const gap of gaps) gap();
  assert.equal(missed, 1);
  await watch.close();
  assert.equal(gaps.size, 0);
});
