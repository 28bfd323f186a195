/** Helpers outside of the definition, typed with the extractor types, and members of the context. */
import assert from "node:assert/strict";
import {
  type ActionContextOf,
  type ActorContextOf,
  actor,
  type ConnectContextOf,
  event,
  type RunContextOf,
  setup,
} from "rivetkit";
import { type ActorConn, type ActorHandle, type Client, createClient } from "rivetkit/client";

const board = actor({
  state: { notes: [] as string[], runs: 0 },
  vars: { cache: new Map<string, number>() },
  createConnState: (_c: unknown, params: { name: string } | undefined) => ({ name: params?.name ?? "guest" }),
  events: { added: event<string>() },
  onConnect: (c): void => greet(c),
  run: (c) => count(c),
  actions: {
    add: (c, text: string) => add(c, text),
    about: (c) => ({ id: c.actorId, name: c.name, key: c.key, region: typeof c.region, conns: c.conns.size }),
    notes: (c) => notes(c),
    runs: (c) => c.state.runs,
    cached: (c) => {
      c.vars.cache.set("hits", (c.vars.cache.get("hits") ?? 0) + 1);
      return c.vars.cache.get("hits");
    },
    logs: (c) => {
      c.log.info("plain");
      c.log.info({ msg: "with fields", notes: c.state.notes.length });
      c.log.warn({ notes: 1 }, "fields first");
      return true;
    },
  },
});

function add(c: ActionContextOf<typeof board>, text: string): string {
  const note = `${c.conn.state.name}: ${text}`;
  c.state.notes.push(note);
  c.broadcast("added", note);
  return note;
}

function notes(c: ActorContextOf<typeof board>): string[] {
  return c.state.notes;
}

function greet(c: ConnectContextOf<typeof board>): void {
  c.conn.send("added", `hello ${c.conn.state.name}`);
}

async function count(c: RunContextOf<typeof board>): Promise<void> {
  c.state.runs += 1;
}

export const registry = setup({ use: { board } });

async function use(handle: ActorHandle<typeof board>): Promise<string> {
  return handle.add("from a handle");
}

async function listen(conn: ActorConn<typeof board>): Promise<string[]> {
  return conn.notes();
}

export async function program(endpoint: string): Promise<void> {
  const client: Client<typeof registry> = createClient<typeof registry>(endpoint);
  const handle = client.board.getOrCreate(["wall", "1"], { params: { name: "ann" } });
  assert.equal(await use(handle), "ann: from a handle");
  const conn = handle.connect();
  assert.deepEqual(await listen(conn), ["ann: from a handle"]);
  const about = await handle.about();
  assert.deepEqual(
    { ...about, id: "" },
    { id: "", name: "board", key: ["wall", "1"], region: "string", conns: 2 },
  );
  assert.equal(about.id, await handle.resolve());
  assert.equal(await handle.runs(), 1);
  assert.equal(await handle.cached(), 1);
  assert.equal(await handle.cached(), 2);
  assert.equal(await handle.logs(), true);
  await conn.dispose();
  await client.dispose();
}
