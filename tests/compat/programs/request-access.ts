/** `c.request` in the hooks of a connection: headers of the call or of the upgrade, for checks of identity. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

const vault = actor({
  state: { seen: [] as string[] },
  onBeforeConnect: (c, params: { open?: boolean } | undefined) => {
    const agent = c.request?.headers.get("x-agent") ?? "nobody";
    c.state.seen.push(`before ${agent}`);
    if (params?.open !== true && agent === "nobody") throw new UserError("Who are you?", { code: "unknown" });
  },
  createConnState: (c, _params: { open?: boolean } | undefined) => ({
    agent: c.request?.headers.get("x-agent") ?? "nobody",
    path: c.request === undefined ? "" : new URL(c.request.url).pathname,
  }),
  onConnect: (c, conn) => {
    c.state.seen.push(`connect ${conn.state.agent} ${c.request !== undefined}`);
  },
  actions: {
    agent: (c) => c.conn.state.agent,
    seen: (c) => c.state.seen.splice(0),
  },
});

export const registry = setup({ use: { vault } });

export async function program(endpoint: string): Promise<void> {
  const named = createClient<typeof registry>({ endpoint, headers: { "x-agent": "bond" } });
  const handle = named.vault.getOrCreate(["mi6"]);
  assert.equal(await handle.agent(), "bond");
  assert.deepEqual(await handle.seen(), [
    "before bond",
    "connect bond true",
    "before bond",
    "connect bond true",
  ]);

  const nameless = createClient<typeof registry>(endpoint);
  await assert.rejects(nameless.vault.getOrCreate(["mi6"]).agent(), { group: "user", code: "unknown" });
  const open = nameless.vault.getOrCreate(["mi6"], { params: { open: true } }).connect();
  await open.ready;
  assert.equal(await open.agent(), "nobody");
  const seen = await open.seen();
  assert.deepEqual(seen.slice(-2), ["before nobody", "connect nobody true"]);
  await open.dispose();
  await named.dispose();
  await nameless.dispose();
}
