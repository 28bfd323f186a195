/** Actions that take too long or are given up: the caller hears of it, the code runs on, its signal aborts. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const begun: string[] = [];
const aborted: string[] = [];
let heard: (() => void) | undefined;

const slow = actor({
  state: { ran: 0 },
  options: { actionTimeout: 500 },
  actions: {
    work: async (c, name: string) => {
      c.state.ran += 1;
      begun.push(name);
      heard?.();
      await new Promise<void>((resolve) => {
        c.abortSignal.addEventListener("abort", () => resolve(), { once: true });
      });
      aborted.push(`${name} ${c.abortSignal.aborted}`);
      heard?.();
    },
    together: async (c) => {
      const before = c.state.ran;
      while (c.state.ran < 4) await new Promise((resolve) => setTimeout(resolve, 5));
      return [before, c.state.ran];
    },
    count: (c) => {
      c.state.ran += 1;
      return c.state.ran;
    },
  },
});

export const registry = setup({ use: { slow } });

async function until(list: readonly string[], entries: number): Promise<void> {
  while (list.length < entries) {
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.slow.getOrCreate(["a"]);
  const timedOut = { group: "actor", code: "action_timed_out" };
  await assert.rejects(handle.work("stateless"), timedOut);
  const conn = handle.connect();
  await assert.rejects(conn.work("connected"), timedOut);
  await until(aborted, 2);
  assert.deepEqual(aborted, ["stateless true", "connected true"]);

  const controller = new AbortController();
  const call = handle.action({ name: "work", args: ["given up"], signal: controller.signal });
  const given = assert.rejects(call);
  await until(begun, 3);
  controller.abort();
  await given;
  await until(aborted, 3);
  assert.equal(aborted[2], "given up true");

  // Actions run side by side where they wait.
  const [seen, count] = await Promise.all([handle.together(), handle.count()]);
  assert.equal(count, 4);
  assert.deepEqual(seen, [seen[0], 4]);
  await conn.dispose();
  await client.dispose();
}
