/** A connection that the actor closes: statuses in order, `getParams` asked again, subscriptions made again. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const stage = actor({
  state: {},
  createConnState: (_c: unknown, params: { visit: number }) => ({ visit: params.visit }),
  events: { news: event<string>() },
  actions: {
    visit: (c) => c.conn.state.visit,
    tell: (c, text: string) => c.broadcast("news", text),
    closeAll: async (c) => {
      for (const conn of c.conns.values()) if (conn.id !== c.conn.id) await conn.disconnect();
    },
  },
});

export const registry = setup({ use: { stage } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  let visits = 0;
  const getParams = async () => {
    visits += 1;
    return { visit: visits };
  };
  const conn = client.stage.getOrCreate(["main"], { getParams }).connect();
  const statuses: string[] = [];
  assert.equal(conn.connStatus, "connecting");
  const told: string[] = [];
  conn.onStatusChange((status) => statuses.push(status));
  conn.onOpen(() => told.push("open"));
  conn.onClose(() => told.push("close"));
  const news: string[] = [];
  let arrived: (() => void) | undefined;
  conn.on("news", (text) => {
    news.push(text);
    arrived?.();
  });
  await conn.ready;
  assert.equal(await conn.visit(), 1);
  const first = conn.connId;

  const handle = client.stage.getOrCreate(["main"], { params: { visit: 100 } });
  const back = new Promise<void>((resolve) => {
    conn.onOpen(resolve);
  });
  await handle.closeAll();
  await back;
  assert.equal(await conn.visit(), 2);
  assert.notEqual(conn.connId, first);
  assert.deepEqual(statuses, ["connected", "disconnected", "connecting", "connected"]);
  assert.deepEqual(told, ["open", "close", "open"]);

  const heard = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  await handle.tell("again");
  await heard;
  assert.deepEqual(news, ["again"]);
  assert.equal(visits, 2);
  await conn.dispose();
  await client.dispose();
}
