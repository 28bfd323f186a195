/** What programs tell errors by that have no group and code: a TypeError, an AbortError, a shape of their own. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

class Point {
  readonly x = 1;
}

const shelf = actor({
  state: { item: null as unknown },
  vars: { aborts: [] as string[] },
  options: { actionTimeout: 50 },
  actions: {
    put: (c, what: "function" | "instance" | "nested") => {
      const values = { function: () => 1, instance: new Point(), nested: { a: [{ f: () => 1 }] } };
      try {
        c.state.item = values[what];
        return "taken";
      } catch (error) {
        assert.ok(error instanceof TypeError);
        return error.name;
      }
    },
    wait: async (c) => {
      // What `fetch` and the like reject with when they are given the signal.
      await new Promise<void>((resolve) => {
        c.abortSignal.addEventListener("abort", () => {
          const reason: unknown = c.abortSignal.reason;
          if (reason instanceof Error) c.vars.aborts.push(reason.name);
          resolve();
        });
      });
    },
    aborts: (c) => c.vars.aborts,
    own: () => {
      throw { group: "warehouse", code: "closed", message: "The key is under the mat", metadata: { key: 1 } };
    },
  },
});

export const registry = setup({ use: { shelf } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.shelf.getOrCreate("a");
  for (const what of ["function", "instance", "nested"] as const) {
    assert.equal(await handle.put(what), "TypeError");
  }
  await assert.rejects(handle.wait(), { group: "actor", code: "action_timed_out" });
  assert.deepEqual(await handle.aborts(), ["AbortError"]);
  await assert.rejects(handle.own(), (error: Error & { group?: string; code?: string }) => {
    assert.deepEqual([error.group, error.code], ["warehouse", "closed"]);
    assert.doesNotMatch(error.message, /mat/);
    return true;
  });
  await client.dispose();
}
