/** Who may connect, subscribe and publish. */
import assert from "node:assert/strict";
import { actor, event, queue, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

const vault = actor({
  state: { opened: 0 },
  createConnState: (_c: unknown, params: { role: string } | undefined) => ({ role: params?.role ?? "guest" }),
  onBeforeConnect: (_c: unknown, params: { role: string } | undefined) => {
    if (params?.role === "thief") throw new UserError("not you", { code: "refused" });
  },
  events: {
    opened: event<number>(),
    secret: event<string>({ canSubscribe: (c) => c.conn.state.role === "admin" }),
  },
  queues: {
    orders: queue<string>({ canPublish: (c) => c.conn.state.role === "admin" }),
  },
  actions: {
    open: (c) => {
      c.state.opened += 1;
      c.broadcast("opened", c.state.opened);
      return c.conn.state.role;
    },
    waiting: async (c) => (await c.queue.tryNextBatch({ names: ["orders"], count: 5 })).length,
  },
});

export const registry = setup({ use: { vault } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const admin = client.vault.getOrCreate(["v"], { params: { role: "admin" } });
  assert.equal(await admin.open(), "admin");
  assert.equal(await client.vault.get(["v"]).open(), "guest");
  await assert.rejects(client.vault.get(["v"], { params: { role: "thief" } }).open(), { code: "refused" });

  await admin.send("orders", "one");
  const guest = client.vault.get(["v"], { params: { role: "guest" } });
  await assert.rejects(guest.send("orders", "two"), { group: "auth", code: "forbidden" });
  assert.equal(await admin.waiting(), 1);

  const conn = guest.connect();
  const failed = new Promise<{ code: string }>((resolve) => conn.onError(resolve));
  conn.on("secret", () => {});
  assert.equal((await failed).code, "forbidden");
  await conn.dispose();
  const thief = client.vault.get(["v"]).connect({ role: "thief" });
  const refused = new Promise<{ code: string }>((resolve) => thief.onError(resolve));
  assert.equal((await refused).code, "refused");
  await thief.dispose();
  await client.dispose();
}
