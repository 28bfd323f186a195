/** Live connections: events, broadcast, connection state from parameters, private messages. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

interface Message {
  from: string;
  text: string;
}

const chatRoom = actor({
  state: { messages: [] as Message[], log: [] as string[] },
  createConnState: (_c: unknown, params: { name: string }) => ({ name: params.name, sent: 0 }),
  events: {
    message: event<Message>(),
    moved: event<[x: number, y: number]>(),
    whisper: event<string>(),
  },
  onConnect: (c, conn) => {
    c.state.log.push(`connect ${conn.state.name}`);
    conn.send("whisper", `hello ${conn.state.name}`);
  },
  onDisconnect: (c, conn) => {
    c.state.log.push(`disconnect ${conn.state.name}`);
  },
  actions: {
    say: (c, text: string) => {
      c.conn.state.sent += 1;
      const message = { from: c.conn.state.name, text };
      c.state.messages.push(message);
      c.broadcast("message", message);
      return c.conn.state.sent;
    },
    move: (c, x: number, y: number) => {
      c.broadcast("moved", x, y);
    },
    history: (c) => c.state.messages,
    log: (c) => c.state.log,
    people: (c) => [...c.conns.values()].map((conn) => conn.state.name).sort(),
    kick: async (c, name: string) => {
      for (const conn of c.conns.values()) if (conn.state.name === name) await conn.disconnect("kicked");
    },
  },
});

export const registry = setup({ use: { chatRoom } });

function next<T>(subscribe: (callback: (value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve) => {
    subscribe(resolve);
  });
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const ann = client.chatRoom.getOrCreate(["lobby"], { params: { name: "ann" } }).connect();
  const hello = next<string>((done) => ann.once("whisper", done));
  assert.equal(await hello, "hello ann");
  const bob = client.chatRoom.getOrCreate(["lobby"]).connect({ name: "bob" });
  await bob.ready;

  const heard = next<Message>((done) => bob.on("message", done));
  // A call over the connection comes after the subscription, so nothing can be missed.
  await bob.history();
  assert.equal(await ann.say("hi"), 1);
  assert.deepEqual(await heard, { from: "ann", text: "hi" });
  const moved = next<[number, number]>((done) => bob.on("moved", (x, y) => done([x, y])));
  await bob.history();
  await ann.move(3, 4);
  assert.deepEqual(await moved, [3, 4]);

  const names = await ann.people();
  assert.deepEqual(
    names.filter((name) => name !== undefined),
    ["ann", "bob"],
  );
  const closed = next<void>((done) => bob.onClose(() => done()));
  await ann.kick("bob");
  await closed;
  await bob.dispose();
  const log = await ann.log();
  assert.deepEqual(log.slice(0, 2), ["connect ann", "connect bob"]);
  assert.ok(log.includes("disconnect bob"));
  assert.equal(ann.connStatus, "connected");
  await ann.dispose();
  await client.dispose();
}
