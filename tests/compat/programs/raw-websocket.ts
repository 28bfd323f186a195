/** onWebSocket with a standard socket. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const sockets = actor({
  state: { messages: 0 },
  onWebSocket: (c, websocket) => {
    websocket.send("welcome");
    websocket.addEventListener("message", (event: { data: unknown }) => {
      c.state.messages += 1;
      if (event.data === "bye") websocket.close(4000, "asked");
      else if (typeof event.data === "string") websocket.send(`echo ${event.data}`);
      else websocket.send(event.data as ArrayBuffer);
    });
  },
  actions: { messages: (c) => c.state.messages },
});

export const registry = setup({ use: { sockets } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.sockets.getOrCreate(["s"]);
  const socket = await handle.webSocket();
  socket.binaryType = "arraybuffer";
  const inbox: unknown[] = [];
  const wanted = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<{ code: number }>();
  socket.addEventListener("message", (event: { data: unknown }) => {
    inbox.push(event.data);
    if (inbox.length === 3) wanted.resolve();
  });
  socket.addEventListener("close", (event: { code: number }) => closed.resolve(event));
  if (socket.readyState !== 1) await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send("one");
  socket.send(new Uint8Array([1, 2, 3]));
  await wanted.promise;
  assert.equal(inbox[0], "welcome");
  assert.equal(inbox[1], "echo one");
  assert.deepEqual(new Uint8Array(inbox[2] as ArrayBuffer), new Uint8Array([1, 2, 3]));
  socket.send("bye");
  assert.equal((await closed.promise).code, 4000);
  assert.equal(await handle.messages(), 3);
  await client.dispose();
}
