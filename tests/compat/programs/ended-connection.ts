/** Connections that the actor ends: while they are set up, and later. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

interface Params {
  entry: "throw" | "full" | "text" | "silent" | "in";
}

const venue = actor({
  state: { entries: 0 },
  createConnState: (_c, params: Params) => ({ entry: params.entry }),
  onConnect: async (c, conn) => {
    c.state.entries += 1;
    switch (conn.state.entry) {
      case "throw":
        throw new UserError("Not today", { code: "not_today" });
      case "full":
        return await conn.disconnect("user.full");
      case "text":
        return await conn.disconnect("the room is full");
      case "silent":
        return await conn.disconnect();
    }
  },
  actions: {
    entries: (c) => c.state.entries,
    end: async (c, id: string, reason?: string) => {
      await c.conns.get(id)?.disconnect(reason);
    },
  },
});

export const registry = setup({ use: { venue } });

type Step = string;

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);

  async function refused(entry: Params["entry"], code: string, statuses: Step[]): Promise<void> {
    const conn = client.venue.getOrCreate([entry], { params: { entry } }).connect();
    const seen: Step[] = [];
    const over = new Promise<void>((resolve) => {
      conn.onStatusChange((status) => {
        seen.push(status);
        if (seen.length === 2) resolve();
      });
    });
    const told = new Set<string>();
    const heard = new Promise<void>((resolve) => {
      conn.onError((error) => {
        told.add(`${error.group}.${error.code}`);
        resolve();
      });
    });
    await assert.rejects(conn.entries());
    await Promise.all([over, heard]);
    assert.deepEqual([entry, ...seen], [entry, ...statuses]);
    assert.deepEqual([...told], [code]);
    // It was not tried again: this call comes in by itself.
    assert.equal(await client.venue.getOrCreate([entry], { params: { entry: "in" } }).entries(), 2);
    await conn.dispose();
  }

  await refused("throw", "user.not_today", ["idle", "disconnected"]);
  await refused("silent", "client.connection_open_failed", ["disconnected", "idle"]);
  await refused("text", "client.connection_open_failed", ["disconnected", "idle"]);

  const full = client.venue.getOrCreate(["full"], { params: { entry: "full" } }).connect();
  await assert.rejects(full.entries(), { group: "user", code: "full" });
  await full.dispose();

  const handle = client.venue.getOrCreate(["main"], { params: { entry: "in" } });
  const conn = handle.connect();
  await conn.ready;
  const told: string[] = [];
  conn.onError((error) => told.push(`${error.group}.${error.code}`));
  for (const reason of [undefined, "see you", "user.out"]) {
    const statuses: Step[] = [];
    const back = new Promise<void>((resolve) => {
      const off = conn.onStatusChange((status) => {
        statuses.push(status);
        if (status !== "connected") return;
        off();
        resolve();
      });
    });
    const id = (conn as unknown as { connId: string }).connId;
    await handle.end(id, reason);
    await back;
    assert.deepEqual(statuses, ["disconnected", "connecting", "connected"]);
  }
  assert.deepEqual(told, ["user.out"]);
  await conn.dispose();
  await client.dispose();
}
