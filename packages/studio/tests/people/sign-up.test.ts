/** Accounts, sessions and unique values over the actors, with the real better-auth. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { studioLimits } from "../../src/limits.ts";
import type { TokenOwner } from "../../src/people/actors/user.ts";
import type { Row } from "../../src/people/actors/where.ts";
import { sha256 } from "../../src/people/hash.ts";
import { emailValue, UniqueValues } from "../../src/people/unique-values.ts";
import { openPeople } from "./actors-support.ts";

describe("an e-mail address", () => {
  test("of two sign-ups at once, belongs to one", async (t) => {
    const { signUp, actors } = openPeople(t);
    const both = await Promise.allSettled(
      ["ada@example.org", "ADA@example.org"].map((email) => signUp(email)),
    );
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    const [winner] = both.flatMap((each) => (each.status === "fulfilled" ? [each.value.user.id] : []));
    assert.equal(await new UniqueValues(actors).find(emailValue("Ada@Example.org")), winner);
  });

  test("is the same in any case", async (t) => {
    const { auth, signUp } = openPeople(t);
    const { user } = await signUp("Ada@Example.org");
    await assert.rejects(signUp("aDA@eXAMPLE.ORG"), /already exists/i);
    const signedIn = await auth.api.signInEmail({
      body: { email: "ADA@EXAMPLE.ORG", password: "correct horse battery" },
    });
    assert.equal(signedIn.user.id, user.id);
  });

  test("whose sign-up ended before it wrote anything is free after a minute", async (t) => {
    const { actors, signUp, moveClock } = openPeople(t);
    const value = emailValue("ada@example.org");
    assert.equal(await actors.index(value.kind, value.text, "reserve", "dead"), true);
    await assert.rejects(signUp("ada@example.org"));
    moveClock(studioLimits.reservationMs + 1);
    const { user } = await signUp("ada@example.org");
    assert.equal(await new UniqueValues(actors).find(value), user.id);
    // The first one goes on after all: it has lost the address, and takes back what it wrote.
    assert.equal(await actors.index(value.kind, value.text, "confirm", "dead"), false);
  });

  test("whose sign-up ended before it was confirmed belongs to the person who was written", async (t) => {
    const { actors, auth, signUp, moveClock } = openPeople(t);
    const { user } = await signUp("ada@example.org");
    const value = emailValue("ada@example.org");
    await actors.index(value.kind, value.text, "release", user.id);
    assert.equal(await actors.index(value.kind, value.text, "reserve", user.id), true);
    const body = { email: "ada@example.org", password: "correct horse battery" };
    assert.equal((await auth.api.signInEmail({ body })).user.id, user.id);
    moveClock(studioLimits.reservationMs + 1);
    await assert.rejects(signUp("ada@example.org"));
    assert.equal(await new UniqueValues(actors).find(value), user.id);
  });

  test("that is changed frees the old one, and never takes another person's", async (t) => {
    const { auth, actors, signUp } = openPeople(t);
    const { user } = await signUp("ada@example.org");
    await signUp("bob@example.org", "Bob");
    const { internalAdapter } = await auth.$context;
    await assert.rejects(internalAdapter.updateUser(user.id, { email: "bob@example.org" }), (e) =>
      isErrorCode(e, "people", "already_exists"),
    );
    await internalAdapter.updateUser(user.id, { email: "lovelace@example.org" });
    const unique = new UniqueValues(actors);
    assert.equal(await unique.find(emailValue("lovelace@example.org")), user.id);
    assert.equal(await unique.find(emailValue("ada@example.org")), undefined);
    await signUp("ada@example.org", "Another Ada");
  });
});

describe("a session", () => {
  test("is stored as a hash, and ends at once", async (t) => {
    const { auth, actors, signUp, changed } = openPeople(t);
    const { user, token } = await signUp("ada@example.org");
    assert.ok(token?.startsWith(`${user.id}_`));
    assert.ok(token !== null);
    const rows = await actors.user<readonly Row[]>(user.id, "find", "session", []);
    assert.deepEqual(
      rows.map((row) => row["token_hash"]),
      [sha256(token)],
    );
    const stored: string[] = [];
    for (const table of ["user", "session", "account", "api_token"])
      stored.push(JSON.stringify(await actors.user(user.id, "find", table, [])));
    assert.ok(!stored.join("").includes(token), "the token itself is stored");
    const { internalAdapter } = await auth.$context;
    assert.equal((await internalAdapter.findSession(token))?.user.id, user.id);
    assert.equal(await internalAdapter.findSession(sha256(token)), null);
    assert.equal(await internalAdapter.findSession(`${user.id}_wrong`), null);
    assert.equal(await internalAdapter.findSession("nobody_wrong"), null);
    await internalAdapter.deleteSession(token);
    assert.equal(await internalAdapter.findSession(token), null);
    assert.deepEqual(changed, [user.id]);
  });

  test("ends with the others of its person, and no one else's", async (t) => {
    const { auth, signUp } = openPeople(t);
    const ada = await signUp("ada@example.org");
    const bob = await signUp("bob@example.org", "Bob");
    const { internalAdapter } = await auth.$context;
    await internalAdapter.deleteUserSessions(ada.user.id);
    assert.equal(await internalAdapter.findSession(ada.token ?? ""), null);
    assert.equal((await internalAdapter.findSession(bob.token ?? ""))?.user.id, bob.user.id);
  });

  test("is the oldest to go when there are too many", async (t) => {
    const { auth, actors, signUp } = openPeople(t);
    const { user, token } = await signUp("ada@example.org");
    const { internalAdapter } = await auth.$context;
    for (let count = 0; count < studioLimits.maxSessionsPerPerson; count += 1)
      await internalAdapter.createSession(user.id);
    assert.equal(await internalAdapter.findSession(token ?? ""), null);
    const rows = await actors.user<readonly Row[]>(user.id, "find", "session", []);
    assert.equal(rows.length, studioLimits.maxSessionsPerPerson);
  });
});

describe("a verification", () => {
  const inAnHour = () => new Date(Date.now() + 3_600_000);

  test("is used once, of several attempts at once", async (t) => {
    const { auth } = openPeople(t);
    const { internalAdapter } = await auth.$context;
    await internalAdapter.createVerificationValue({ identifier: "i", value: "v", expiresAt: inAnHour() });
    const used = await Promise.all(
      Array.from({ length: 5 }, () => internalAdapter.consumeVerificationValue("i")),
    );
    assert.deepEqual(
      used.flatMap((each) => (each === null ? [] : [each.value])),
      ["v"],
    );
  });

  test("that has expired is as good as none", async (t) => {
    const { auth, moveClock } = openPeople(t);
    const { internalAdapter } = await auth.$context;
    await internalAdapter.createVerificationValue({ identifier: "i", value: "v", expiresAt: inAnHour() });
    assert.equal((await internalAdapter.findVerificationValue("i"))?.value, "v");
    moveClock(3_600_001);
    assert.equal(await internalAdapter.findVerificationValue("i"), null);
    assert.equal(await internalAdapter.consumeVerificationValue("i"), null);
  });
});

test("a query that does not say whose rows it wants is refused", async (t) => {
  const { auth } = openPeople(t);
  const { adapter } = await auth.$context;
  for (const [model, where] of [
    ["user", []],
    ["user", [{ field: "name", value: "Ada" }]],
    ["session", [{ field: "expiresAt", value: new Date(), operator: "lt" }]],
    ["account", [{ field: "providerId", value: "github" }]],
    [
      "user",
      [
        { field: "id", value: "a" },
        { field: "email", value: "b", connector: "OR" },
      ],
    ],
  ] as const)
    await assert.rejects(
      adapter.findMany({ model, where: [...where] }),
      (e) => isErrorCode(e, "people", "invalid_query"),
      model,
    );
});

test("an account at a provider belongs to one person", async (t) => {
  const { auth, signUp } = openPeople(t);
  const [ada, bob] = [await signUp("ada@example.org"), await signUp("bob@example.org", "Bob")];
  const { internalAdapter, adapter } = await auth.$context;
  const account = { providerId: "github", accountId: "1" };
  const both = await Promise.allSettled(
    [ada, bob].map(({ user }) => internalAdapter.createAccount({ ...account, userId: user.id })),
  );
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const where = Object.entries(account).map(([field, value]) => ({ field, value }));
  const [found] = await adapter.findMany<{ id: string; userId: string }>({ model: "account", where });
  const winner = both[0]?.status === "fulfilled" ? ada : bob;
  assert.equal(found?.userId, winner.user.id);
  await internalAdapter.deleteAccount(found?.id ?? "");
  const other = winner === ada ? bob : ada;
  await internalAdapter.createAccount({ ...account, userId: other.user.id });
});

test("an API token has a scope until it expires, and there is a limited number", async (t) => {
  const { actors, signUp, moveClock } = openPeople(t);
  const { user } = await signUp("ada@example.org");
  const add = (id: string) =>
    actors.user<void>(user.id, "addToken", {
      ...{ id, name: id, hash: `hash-${id}`, scope: "write" },
      createdAt: Date.now(),
      expiresAt: Date.now() + 60_000,
    });
  const scope = (hash: string) =>
    actors.user<TokenOwner | null>(user.id, "tokenOwner", hash).then((owner) => owner?.scope ?? null);
  await add("first");
  assert.equal(await scope("hash-first"), "write");
  assert.equal(await scope("hash-other"), null);
  for (let count = 1; count < studioLimits.maxTokensPerPerson; count += 1) await add(`n${count}`);
  await assert.rejects(add("more"), (e) => isErrorCode(e, "token", "too_many"));
  moveClock(60_001);
  assert.equal(await scope("hash-first"), null);
  await add("later");
});
