/** `onBeforeConnect` and `createConnState` that throw: the same error over a connection and over a call. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { ActorError, createClient } from "rivetkit/client";

interface Params {
  token?: string;
  broken?: boolean;
}

const club = actor({
  state: { inside: 0 },
  onBeforeConnect: (c, params: Params) => {
    assert.equal(c.conns.size, 0);
    if (params?.token !== "member") {
      throw new UserError("Members only", { code: "no_member", metadata: { token: params?.token ?? null } });
    }
  },
  createConnState: (_c, params: Params) => {
    if (params?.broken === true) throw new Error("the secret reason");
    return { ok: true };
  },
  onConnect: (c) => {
    c.state.inside += 1;
  },
  actions: { inside: (c) => c.state.inside },
});

export const registry = setup({ use: { club } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const refused = { group: "user", code: "no_member", message: "Members only", metadata: { token: "guest" } };
  const guest = client.club.getOrCreate(["x"], { params: { token: "guest" } });
  await assert.rejects(guest.inside(), refused);

  const conn = guest.connect();
  const told = new Promise<unknown>((resolve) => {
    conn.onError(resolve);
  });
  await assert.rejects(conn.inside(), refused);
  const error = await told;
  assert.ok(error instanceof ActorError);
  assert.equal(`${error.group}.${error.code}`, "user.no_member");
  await conn.dispose();

  const broken = client.club.getOrCreate(["x"], { params: { token: "member", broken: true } });
  await assert.rejects(broken.inside(), { code: "internal_error", message: "An internal error occurred" });
  const member = client.club.getOrCreate(["x"]).connect({ token: "member" });
  assert.equal(await member.inside(), 1);
  await member.dispose();
  await client.dispose();
}
