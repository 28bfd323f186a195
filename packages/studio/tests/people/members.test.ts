/** Members, roles and invitations of an organization. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import type { ClientBase } from "@holdfast/client";
import { HoldfastError, isErrorCode, silentLogger } from "@holdfast/core";
import type { Role } from "../../src/access/roles.ts";
import type { Member } from "../../src/contract/people.ts";
import { studioLimits } from "../../src/limits.ts";
import type { PeopleHost } from "../../src/people/actors/host.ts";
import type { NewInvitation } from "../../src/people/actors/members.ts";
import { ForgeAccounts } from "../../src/people/forge-accounts.ts";
import { openPeople } from "./actors-support.ts";

function openOrganization(t: TestContext, host: Partial<PeopleHost> = {}) {
  const people = openPeople(t, host);
  const call = <Result>(action: string, ...args: readonly unknown[]) =>
    people.actors.members<Result>("local", action, ...args);
  const invite = (hash: string, role: Role, email: string | null = null, by: Role = "owner") => {
    const invitation: NewInvitation = {
      ...{ id: `id-${hash}`, hash, role, email, createdBy: "operator" },
      createdAt: Date.now(),
      expiresAt: Date.now() + 60_000,
    };
    return call<void>("invite", invitation, by);
  };
  const accept = (hash: string, person: string, email = `${person}@example.org`) =>
    call<Role>("accept", hash, { person, name: person, email });
  const add = async (person: string, role: Role) => {
    await invite(`for-${person}`, role);
    await accept(`for-${person}`, person);
  };
  const role = (person: string) => call<Role | null>("role", person);
  return { ...people, call, invite, accept, add, role };
}

const is = (group: string, code: string) => (error: unknown) => isErrorCode(error, group, code);

describe("an invitation", () => {
  test("makes one person a member, of two who accept it at once", async (t) => {
    const { invite, accept, call } = openOrganization(t);
    await invite("one", "member");
    const both = await Promise.allSettled([accept("one", "ada"), accept("one", "bob")]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.equal((await call<readonly Member[]>("list")).length, 1);
    await assert.rejects(accept("one", "eve"), is("invitation", "not_found"));
  });

  test("never lowers a role, when one person accepts two at once", async (t) => {
    const { invite, accept, role, call } = openOrganization(t);
    await invite("low", "viewer");
    await invite("high", "admin");
    await Promise.all([accept("high", "ada"), accept("low", "ada")]);
    assert.equal(await role("ada"), "admin");
    assert.equal((await call<readonly Member[]>("list")).length, 1);
  });

  test("for an address is for no other one, and for that one in any case", async (t) => {
    const { invite, accept } = openOrganization(t);
    await invite("bound", "member", "Ada@Example.org");
    await assert.rejects(accept("bound", "eve"), is("invitation", "for_another"));
    assert.equal(await accept("bound", "ada", "aDA@eXAMPLE.org"), "member");
  });

  test("expires, and can be withdrawn", async (t) => {
    const { invite, accept, call, moveClock } = openOrganization(t);
    await invite("withdrawn", "member");
    await call("withdraw", "id-withdrawn");
    await assert.rejects(accept("withdrawn", "ada"), is("invitation", "not_found"));
    await invite("late", "member");
    moveClock(60_001);
    await assert.rejects(accept("late", "ada"), is("invitation", "not_found"));
    assert.deepEqual(await call("invitations"), []);
  });

  test("gives no greater role than its author has", async (t) => {
    const { invite } = openOrganization(t);
    await assert.rejects(invite("x", "owner", null, "admin"), is("member", "forbidden_role"));
    await invite("y", "admin", null, "admin");
  });

  test("is one of a limited number", async (t) => {
    const { invite } = openOrganization(t);
    for (let count = 0; count < studioLimits.maxInvitations; count += 1) await invite(`n${count}`, "viewer");
    await assert.rejects(invite("more", "viewer"), is("invitation", "too_many"));
  });
});

describe("an organization", () => {
  test("keeps its last owner, whoever leaves or is changed at once", async (t) => {
    const { add, call, role } = openOrganization(t);
    await add("ada", "owner");
    await assert.rejects(call("remove", "ada", "owner"), is("member", "last_owner"));
    await assert.rejects(call("changeRole", "ada", "member", "owner"), is("member", "last_owner"));
    await add("bob", "owner");
    const both = await Promise.allSettled([call("remove", "ada", "owner"), call("remove", "bob", "owner")]);
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.equal([await role("ada"), await role("bob")].filter((each) => each === "owner").length, 1);
  });

  test("is handed over in one step", async (t) => {
    const { add, call, role } = openOrganization(t);
    await add("ada", "owner");
    await add("bob", "member");
    await assert.rejects(call("transfer", "bob", "bob"), is("member", "forbidden_role"));
    await assert.rejects(call("transfer", "ada", "nobody"), is("member", "not_found"));
    await call("transfer", "ada", "ada");
    assert.equal(await role("ada"), "owner");
    await call("transfer", "ada", "bob");
    assert.deepEqual([await role("ada"), await role("bob")], ["admin", "owner"]);
  });

  test("lets nobody change a greater role than their own", async (t) => {
    const { add, call, role } = openOrganization(t);
    await add("ada", "owner");
    await add("bob", "member");
    await assert.rejects(call("remove", "ada", "admin"), is("member", "forbidden_role"));
    await assert.rejects(call("changeRole", "ada", "viewer", "admin"), is("member", "forbidden_role"));
    await assert.rejects(call("changeRole", "bob", "owner", "admin"), is("member", "forbidden_role"));
    await call("changeRole", "bob", "admin", "admin");
    assert.equal(await role("bob"), "admin");
  });

  test("hears of accounts at forges, later if it cannot hear at once: a sign-in, its end, and of who has left", async (t) => {
    const told = new EventEmitter();
    let isDown = true;
    const action = async ({ name, args }: { readonly name: string; readonly args: readonly unknown[] }) => {
      if (isDown) throw new HoldfastError("actor", "unavailable", "Try again");
      told.emit("told", name.replace("internal.", ""), ...args);
    };
    const client = () => ({ getOrCreate: () => ({ action }) }) as unknown as ClientBase;
    const people = openOrganization(t, {
      tellAccounts: (person) => accounts.tell(person),
      forgeAccountPauseMs: 1,
    });
    const { actors, add, call, signUp } = people;
    const accounts = new ForgeAccounts({ actors, client, log: silentLogger });
    /** Whatever is refused at first: a schedule of the person's actor repeats it. */
    const heardOf = async (change: () => Promise<unknown>): Promise<readonly unknown[]> => {
      isDown = true;
      await change();
      const heard = once(told, "told");
      isDown = false;
      return heard;
    };
    const { user } = await signUp("ada@example.org");
    await add(user.id, "member");
    await actors.user(user.id, "noteOrganization", "local");
    const account = { forge: "github", server: "https://forge.example", login: "ada" } as const;
    const proven = await heardOf(() => accounts.signedIn(user.id, account));
    assert.deepEqual(proven, ["accountProven", { person: user.id, ...account }]);
    // Nothing is new.
    await accounts.tell(user.id);
    assert.deepEqual(await actors.user(user.id, "untoldAccounts"), []);
    told.once("told", () => assert.fail("told without news"));
    await accounts.signedIn(user.id, account);
    told.removeAllListeners();

    const renamed = { ...account, login: "ada-l" };
    const again = await heardOf(() => accounts.signedIn(user.id, renamed));
    assert.deepEqual(again, ["accountProven", { person: user.id, ...renamed }]);
    const ended = await heardOf(() => accounts.disconnected(user.id, "github"));
    assert.deepEqual(ended, ["accountsEnded", user.id, account.server]);

    // Whoever stays a member after all keeps their accounts.
    await accounts.signedIn(user.id, account);
    const kept = await heardOf(() => accounts.leaving(user.id, "local"));
    assert.deepEqual(kept, ["accountProven", { person: user.id, ...account }]);
    const left = await heardOf(async () => {
      await accounts.leaving(user.id, "local");
      await call("remove", user.id, "owner");
    });
    assert.deepEqual(left, ["accountsEnded", user.id]);
  });

  test("reports whose rights have changed", async (t) => {
    const { add, call, changed, role } = openOrganization(t);
    await add("ada", "owner");
    await add("bob", "member");
    await call("changeRole", "bob", "viewer", "owner");
    await call("remove", "bob", "owner");
    assert.deepEqual(changed, ["bob", "bob"]);
    assert.equal(await role("bob"), null);
    await assert.rejects(call("remove", "bob", "owner"), is("member", "not_found"));
  });
});
