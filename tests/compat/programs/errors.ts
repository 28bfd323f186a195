/** UserError, hidden internal errors, unknown actions, validation, timeouts, cancellation. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { ActorError, createClient } from "rivetkit/client";
import { isRivetErrorCode } from "rivetkit/errors";
import { z } from "zod";

const picky = actor({
  state: { aborted: false },
  actionInputSchemas: { pair: z.tuple([z.string(), z.number().int()]) },
  actions: {
    pair: (_c, name: string, n: number) => `${name}:${n}`,
    refuse: () => {
      throw new UserError("no such seat", { code: "no_seat", metadata: { seat: 7 } });
    },
    plain: () => {
      throw new UserError("just no");
    },
    crash: () => {
      throw new Error("secret detail");
    },
    slow: async (c) => {
      await new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve, { once: true }));
      c.state.aborted = true;
    },
    wasAborted: (c) => c.state.aborted,
  },
  options: { actionTimeout: 300 },
});

export const registry = setup({ use: { picky } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.picky.getOrCreate([]);
  assert.equal(await handle.pair("a", 1), "a:1");
  await assert.rejects(handle.pair("a", 1.5), (error) => {
    assert.ok(isRivetErrorCode(error, "actor", "validation_error"));
    return true;
  });
  await assert.rejects(handle.refuse(), (error) => {
    assert.ok(error instanceof ActorError);
    assert.equal(error.group, "user");
    assert.equal(error.code, "no_seat");
    assert.equal(error.message, "no such seat");
    assert.deepEqual(error.metadata, { seat: 7 });
    return true;
  });
  await assert.rejects(handle.plain(), { group: "user", code: "user_error", message: "just no" });
  await assert.rejects(handle.crash(), (error) => {
    assert.ok(error instanceof ActorError);
    assert.equal(error.code, "internal_error");
    assert.ok(!error.message.includes("secret"));
    return true;
  });
  await assert.rejects(handle.action({ name: "nothing", args: [] }), { code: "action_not_found" });
  await assert.rejects(handle.slow(), { group: "actor", code: "action_timed_out" });
  const abort = new AbortController();
  const cancelled = handle.action({ name: "slow", args: [], signal: abort.signal });
  abort.abort();
  await assert.rejects(cancelled);
  const conn = handle.connect();
  await assert.rejects(conn.refuse(), { group: "user", code: "no_seat" });
  assert.equal(await conn.pair("b", 2), "b:2");
  await conn.dispose();
  await client.dispose();
}
