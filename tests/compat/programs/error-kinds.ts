/** What callers see of each kind of error, and the helpers that tell them apart. */
import assert from "node:assert/strict";
import { actor, RivetError, setup, UserError } from "rivetkit";
import { ActorError, createClient } from "rivetkit/client";
import { isRivetErrorCode, isRivetErrorLike, toRivetError } from "rivetkit/errors";

const shop = actor({
  state: { attempts: 0 },
  actions: {
    user: (c) => {
      c.state.attempts += 1;
      throw new UserError("Sold out", { code: "sold_out", metadata: { left: 0 } });
    },
    plainUser: () => {
      throw new UserError("Something about you");
    },
    hidden: () => {
      throw new RivetError("billing", "declined", "card 4242 is stolen", { metadata: { card: 4242 } });
    },
    shown: () => {
      throw new RivetError("billing", "limit", "Over the limit", { public: true, metadata: { limit: 5 } });
    },
    forbidden: () => {
      throw new RivetError("auth", "forbidden", "Members only", { metadata: { need: "member" } });
    },
    own: () => {
      throw { group: "user", code: "shut", message: "We are closed" };
    },
    // Metadata that cannot travel as it is must not keep the error from its caller.
    odd: () => {
      throw new UserError("Try again", { code: "busy", metadata: { after: 5, retry: () => true } });
    },
    crash: () => {
      throw new Error("the password is hunter2");
    },
    text: () => {
      throw "just text";
    },
    attempts: (c) => c.state.attempts,
  },
});

export const registry = setup({ use: { shop } });

async function thrown(promise: Promise<unknown>): Promise<ActorError> {
  const error = await promise.then(
    () => assert.fail("it must throw"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ActorError);
  return error;
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.shop.getOrCreate(["a"]);
  const conn = handle.connect();
  for (const caller of [handle, conn]) {
    const user = await thrown(caller.user());
    assert.deepEqual(
      [user.group, user.code, user.message, user.metadata],
      ["user", "sold_out", "Sold out", { left: 0 }],
    );
    assert.ok(isRivetErrorCode(user, "user", "sold_out"));
    assert.ok(!isRivetErrorCode(user, "user", "other"));
    const plain = await thrown(caller.plainUser());
    assert.deepEqual([plain.code, plain.metadata], ["user_error", undefined]);

    const hidden = await thrown(caller.hidden());
    assert.deepEqual([hidden.group, hidden.code], ["billing", "declined"]);
    assert.doesNotMatch(hidden.message + JSON.stringify(hidden.metadata), /4242/);
    const shown = await thrown(caller.shown());
    assert.deepEqual(
      [shown.group, shown.message, shown.metadata],
      ["billing", "Over the limit", { limit: 5 }],
    );

    const forbidden = await thrown(caller.forbidden());
    assert.ok(isRivetErrorCode(forbidden, "auth", "forbidden"));
    assert.deepEqual([forbidden.message, forbidden.metadata], ["Members only", { need: "member" }]);
    const own = await thrown(caller.own());
    assert.deepEqual([own.group, own.code, own.message], ["user", "shut", "We are closed"]);
    const odd = await thrown(caller.odd());
    assert.deepEqual([odd.code, odd.message, odd.metadata], ["busy", "Try again", { after: 5 }]);

    for (const crash of [await thrown(caller.crash()), await thrown(caller.text())]) {
      assert.equal(crash.code, "internal_error");
      assert.equal(crash.message, "An internal error occurred");
      assert.ok(RivetError.isRivetError(crash));
    }
  }
  // Changes before the error are kept.
  assert.equal(await handle.attempts(), 2);
  await conn.dispose();
  await client.dispose();

  assert.ok(isRivetErrorLike({ group: "a", code: "b", message: "c" }));
  assert.ok(!isRivetErrorLike(new Error("a")));
  assert.equal(toRivetError(new Error("odd")).code, "internal_error");
  assert.equal(String(new RivetError("a", "b", "c")), "c");
  assert.deepEqual([new UserError("x").statusCode, new RivetError("a", "b", "c").statusCode], [400, 500]);
}
