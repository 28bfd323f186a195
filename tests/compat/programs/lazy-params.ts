/** `getParams` that fails: the error is reported, waiting calls are rejected, and the next attempt calls it again. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const room = actor({
  state: {},
  createConnState: (_c: unknown, params: { token: string }) => ({ token: params.token }),
  actions: { token: (c) => c.conn.state.token },
});

export const registry = setup({ use: { room } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  let asked = 0;
  const getParams = async () => {
    asked += 1;
    if (asked === 1) throw new Error("no token yet");
    return { token: `token ${asked}` };
  };
  const conn = client.room.getOrCreate(["a"], { getParams }).connect();
  const told: string[] = [];
  conn.onError((error) => told.push(`${error.group}.${error.code} ${error.message}`));
  await assert.rejects(conn.token(), { group: "client", code: "get_params_failed" });
  assert.deepEqual(told, ["client.get_params_failed Failed to resolve connection params: no token yet"]);
  await conn.ready;
  assert.equal(await conn.token(), "token 2");
  await conn.dispose();
  await client.dispose();
}
