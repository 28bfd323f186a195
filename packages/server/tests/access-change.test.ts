/** A signal of the `access` hook closes the connections that it stands for, and the client is asked about again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import { serve } from "./support.ts";

const board = actor({
  state: { notes: 0 },
  events: { added: event<number>() },
  actions: {
    add: (c) => {
      c.state.notes += 1;
      c.broadcast("added", c.state.notes);
      return c.state.notes;
    },
  },
});

/** An access hook whose connections end with `change`, and are refused afterwards if `closed` is set. */
function createDoor() {
  let controller = new AbortController();
  let asked = 0;
  const door = {
    closed: false,
    get asked() {
      return asked;
    },
    change() {
      controller.abort();
      controller = new AbortController();
    },
    access: async ({ kind }: { readonly kind: string }) => {
      if (door.closed) throw new HoldfastError("auth", "forbidden", "No longer");
      if (kind !== "connect") return undefined;
      asked += 1;
      return controller.signal;
    },
  };
  return door;
}

test("a WebSocket reconnects if it still may, without a lost event, and is refused if not", async (t) => {
  const door = createDoor();
  const { client } = await serve(t, { board }, { gateway: { access: door.access } });
  const handle = client().board.getOrCreate("");
  const connection = handle.connect();
  t.after(() => connection.dispose());
  const seen: number[] = [];
  const second = Promise.withResolvers<void>();
  connection.on("added", (count) => {
    seen.push(count);
    if (count === 2) second.resolve();
  });
  const refused = Promise.withResolvers<HoldfastError>();
  const off = connection.onError((error) => {
    if (isHoldfastError(error) && error.group === "auth") refused.resolve(error);
  });
  t.after(() => off());
  await connection.ready;
  await connection.add();
  door.change();
  await handle.add();
  await second.promise;
  assert.deepEqual(seen, [1, 2]);
  assert.equal(door.asked, 2);
  door.closed = true;
  door.change();
  assert.ok(isErrorCode(await refused.promise, "auth", "forbidden"));
});

test("a stream of events ends", async (t) => {
  const door = createDoor();
  const { url, client } = await serve(t, { board }, { gateway: { access: door.access } });
  await client().board.getOrCreate("").add();
  const response = await fetch(`${url}/actors/board/@,/events?event=added`);
  assert.equal(response.status, 200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader?.read())?.value ?? "", /event: \$open/);
  door.change();
  let rest = "";
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) rest += part.value;
  assert.match(rest, /event: \$close\ndata: \{"code":1012,"reason":"gateway\.access_changed"\}/);
});
