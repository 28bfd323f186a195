/** What ends with `dispose`: calls that wait, later calls, events; of a connection and of a client. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { ActorConnDisposed, createClient } from "rivetkit/client";

const room = actor({
  state: { left: 0 },
  events: { said: event<string>() },
  onDisconnect: (c) => {
    c.state.left += 1;
  },
  actions: {
    say: (c, text: string) => c.broadcast("said", text),
    // A stateless call leaves as well, so that callers count from here.
    left: (c) => c.state.left,
    hang: (c) => new Promise<void>((resolve) => c.abortSignal.addEventListener("abort", () => resolve())),
  },
});

export const registry = setup({ use: { room } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const conn = client.room.getOrCreate(["a"]).connect();
  const statuses: string[] = [];
  conn.onStatusChange((status) => statuses.push(status));
  let closes = 0;
  const offClose = conn.onClose(() => {
    closes += 1;
  });
  const heard: string[] = [];
  const off = conn.on("said", (text) => heard.push(text));
  let once = 0;
  conn.once("said", () => {
    once += 1;
  });
  await conn.ready;
  await conn.say("one");
  await conn.say("two");
  off();
  await conn.say("three");
  await conn.left();
  assert.deepEqual(heard, ["one", "two"]);
  assert.equal(once, 1);

  const hanging = assert.rejects(conn.hang());
  await conn.dispose();
  await hanging;
  assert.equal(conn.connStatus, "idle");
  assert.equal(closes, 1);
  assert.deepEqual(statuses, ["connected", "idle"]);
  await assert.rejects(conn.left(), (error) => error instanceof ActorConnDisposed);
  await conn.dispose();
  offClose();

  const other = client.room.getOrCreate(["a"]).connect();
  await other.ready;
  await client.dispose();
  assert.equal(other.connStatus, "idle");
}
