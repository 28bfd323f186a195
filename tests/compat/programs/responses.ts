/** `onBeforeActionResponse` sees and changes results; actions in groups; low-level calls by name. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const api = actor({
  state: { calls: [] as string[] },
  onBeforeActionResponse: (c, name, args, output) => {
    c.state.calls.push(`${name}(${args.join()})`);
    if (typeof output !== "number") return output;
    return (output + 1000) as typeof output;
  },
  actions: {
    double: (_c, value: number) => value * 2,
    text: async (_c, value: string) => value.toUpperCase(),
    users: {
      add: (_c, name: string) => `added ${name}`,
      roles: { count: () => 3 },
    },
    calls: (c) => c.state.calls,
  },
});

export const registry = setup({ use: { api } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.api.getOrCreate(["a"]);
  const conn = handle.connect();
  for (const caller of [handle, conn]) {
    assert.equal(await caller.double(2), 1004);
    assert.equal(await caller.text("x"), "X");
    assert.equal(await caller.users.add("ann"), "added ann");
    assert.equal(await caller.users.roles.count(), 1003);
    assert.equal(await caller.action({ name: "users.add", args: ["bob"] }), "added bob");
    await assert.rejects(caller.action({ name: "nothing", args: [] }), { code: "action_not_found" });
    await assert.rejects(caller.action({ name: "users", args: [] }), { code: "action_not_found" });
  }
  const calls = await handle.calls();
  assert.deepEqual(calls.slice(0, 4), ["double(2)", "text(x)", "users.add(ann)", "users.roles.count()"]);
  await conn.dispose();
  await client.dispose();
}
