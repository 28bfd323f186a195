import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { DueCursor, DueFilter, ListFilter } from "@holdfast/actors";
import type { ActorKey } from "@holdfast/core";
import { addressHash, createDueFilter } from "@holdfast/server";
import type { Suite } from "./actor-store-suite.ts";
import { create, created, newActor, next, type TestActor } from "./batches.ts";

/** Conformance cases for finding actors by key, in pages, and by wake-up time. */
export function lookupCases(suite: Suite): void {
  test("a record has the values that its actor was created with", async () => {
    const actor = newActor("chat-room", ["a,b", "", "slash/", "nul\0", "😀", randomUUID()]);
    await suite.store().commit(create(actor));
    const store = await suite.reopen();
    const record = { ...actor, epoch: 1, version: 1, createdAt: 1_700_000_000_000 };
    assert.deepEqual(await store.find("chat-room", actor.key), record);
    assert.deepEqual(await store.get(actor.id), record);
    assert.equal(await store.get("none"), undefined);
    assert.equal(await store.find("Chat-room", actor.key), undefined);
  });

  test("similar keys are different keys", async () => {
    const store = suite.store();
    const name = `keys-${randomUUID()}`;
    const keys: ActorKey[] = [
      [],
      [""],
      ["", ""],
      ["a"],
      ["a", ""],
      ["a,"],
      ["a", "b"],
      ["a,b"],
      ["a%2Cb"],
      ["A"],
    ];
    for (const key of keys) await store.commit(create(newActor(name, key)));
    for (const key of keys) assert.deepEqual((await store.find(name, key))?.key, key);
    assert.equal(await store.find(name, ["b"]), undefined);
  });

  pageCases(suite);
  dueCases(suite);
}

function pageCases(suite: Suite): void {
  test("pages list every living actor once, in order of id", async () => {
    const store = suite.store();
    const name = `paged-${randomUUID()}`;
    const actors = Array.from({ length: 7 }, (_, index) => newActor(name, [`${index}`]));
    await Promise.all(actors.map((actor) => store.commit(create(actor))));
    const [gone, ...living] = actors;
    if (gone !== undefined) await store.commit(next(gone.id, 2, 1, { destroyedAt: 1 }));
    const expected = living.map((actor) => actor.id).sort();
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await store.list({ name, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      pages.push(page.actors.map((record) => record.id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(pages.flat(), expected);
    assert.deepEqual(
      pages.map((page) => page.length),
      [2, 2, 2],
    );
  });

  test("pages and counts respect filters", async () => {
    const store = suite.store();
    const name = `filtered-${randomUUID()}`;
    const keys: ActorKey[] = [["a"], ["a", "b"], ["ab"], ["a,b"], [], ["%"], ["_"]];
    for (const [at, key] of keys.entries()) {
      const actor = newActor(name, key);
      const batch = create(actor);
      await store.commit({ ...batch, create: { name, key, createdAt: 1_000 + at } });
    }
    const found = async (filter: { readonly keyPrefix?: string; readonly createdAfter?: number }) => {
      const { actors } = await store.list({ name, limit: 50, ...filter });
      assert.equal(await store.count({ name, ...filter }), actors.length);
      return actors.map(({ key }) => key.join("|")).sort();
    };
    assert.deepEqual(await found({}), ["", "%", "_", "a", "a,b", "ab", "a|b"]);
    assert.deepEqual(await found({ keyPrefix: "a," }), ["a", "a|b"]);
    assert.deepEqual(await found({ keyPrefix: "a" }), ["a", "a,b", "ab", "a|b"]);
    assert.deepEqual(await found({ keyPrefix: "%25" }), ["%"]);
    assert.deepEqual(await found({ keyPrefix: "_" }), ["_"]);
    assert.deepEqual(await found({ createdAfter: 1_004 }), ["%", "_"]);
    assert.deepEqual(await found({ createdAfter: 1_006 }), []);
    const first = await store.list({ name, keyPrefix: "a", limit: 3 });
    assert.equal(first.actors.length, 3);
    const rest = await store.list({ name, keyPrefix: "a", limit: 3, cursor: first.cursor ?? "" });
    assert.equal(rest.actors.length, 1);
    assert.equal(rest.cursor, undefined);
    const all = await store.count({ keyPrefix: "" });
    assert.ok(all >= keys.length);
  });

  test("pages and counts respect namespaces", async () => {
    const store = suite.store();
    const unique = randomUUID().slice(0, 8);
    const [one, other] = [`one${unique}`, `other${unique}`];
    const names = [`${one}:n${unique}`, `${other}:n${unique}`, `n${unique}`, `n:${unique}`];
    for (const name of names) {
      const actor = newActor(name, ["k", name]);
      await store.commit({ ...create(actor), create: { name, key: ["k", name], createdAt: 1 } });
    }
    const found = async (filter: ListFilter) => {
      const { actors } = await store.list({ limit: 50, keyPrefix: "k,", ...filter });
      assert.equal(await store.count({ keyPrefix: "k,", ...filter }), actors.length);
      return actors
        .map(({ name }) => name)
        .filter((name) => name.includes(unique))
        .sort();
    };
    assert.deepEqual(await found({ namespaces: { only: one } }), [names[0]]);
    assert.deepEqual(await found({ namespaces: { without: [one, other] } }), names.slice(2).sort());
    assert.deepEqual(await found({ namespaces: { only: other }, name: `${one}:n${unique}` }), []);
    assert.deepEqual(await found({ namespaces: { only: one }, name: `${one}:n${unique}` }), [names[0]]);
    const first = await store.list({ namespaces: { without: [one] }, limit: 1, keyPrefix: "k," });
    assert.equal(first.actors.length, 1);
    const cursor = first.cursor ?? "";
    const next = await store.list({ namespaces: { without: [one] }, limit: 50, keyPrefix: "k,", cursor });
    assert.equal(
      next.actors.some(({ id }) => id === first.actors[0]?.id),
      false,
    );
  });

  test("a page without a name lists actors of all names", async () => {
    const store = suite.store();
    const [a, b] = [await created(store), await created(store)];
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await store.list({ limit: 50, ...(cursor === undefined ? {} : { cursor }) });
      for (const record of page.actors) ids.add(record.id);
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.equal(ids.has(a.id) && ids.has(b.id), true);
    assert.deepEqual(await store.list({ name: "no-such-name", limit: 5 }), { actors: [] });
  });
}

function dueCases(suite: Suite): void {
  test("due lists the actors to wake by now, earliest first, and the earliest time of all", async () => {
    const store = suite.store();
    // Earlier than the times of the other cases, so that these come first.
    const [late, soon, never] = [
      await created(store, { wakeAt: -100 }),
      await created(store, { wakeAt: -200 }),
      await created(store),
    ];
    const mine = new Set([late.id, soon.id, never.id]);
    const due = async (now: number) =>
      (await store.due(now, 100)).actors.map((record) => record.id).filter((id) => mine.has(id));
    assert.deepEqual(await due(-201), []);
    assert.deepEqual(await due(-200), [soon.id]);
    assert.deepEqual(await due(-100), [soon.id, late.id]);
    assert.equal((await store.due(-300, 10)).nextAt, -200);
    assert.deepEqual(
      (await store.due(-100, 1)).actors.map((record) => record.wakeAt),
      [-200],
    );
    const rest = await store.due(-100, 10, { wakeAt: -200, id: soon.id });
    assert.deepEqual([rest.actors.map((record) => record.id), rest.nextAt], [[late.id], -100]);
    const future = await store.due(-200, 10, { wakeAt: -200, id: soon.id });
    assert.deepEqual([future.actors, future.nextAt], [[], -100]);
    await store.commit(next(soon.id, 2, 1));
    assert.deepEqual(await due(-200), [soon.id]);
    await store.commit(next(soon.id, 3, 1, { wakeAt: null }));
    assert.deepEqual(await due(-100), [late.id]);
    await store.commit(next(late.id, 2, 1, { wakeAt: -50 }));
    assert.equal((await (await suite.reopen()).due(-300, 10)).nextAt, -50);
    await suite.store().commit(next(late.id, 3, 1, { destroyedAt: 1 }));
    assert.deepEqual((await suite.store().due(-1, 10)).actors, []);
  });

  test("due of some shards has only their actors, and names with leases of their own have theirs", async () => {
    const store = suite.store();
    const shardCount = store.cluster?.shards ?? 8;
    const shardOf = ({ name, key }: TestActor): number => addressHash(name, key) & (shardCount - 1);
    const common = `common-${randomUUID()}`;
    const apart = `apart-${randomUUID()}`;
    const names = [common, apart, `acme:${apart}`];
    // Due in this order, before those of the other cases.
    const actors = Array.from({ length: 24 }, (_, at) => newActor(names[at % 3], [`${at}`]));
    for (const [at, actor] of actors.entries()) await store.commit(create(actor, { wakeAt: -10_000 + at }));
    const due = async (filter: Partial<DueFilter>, now = -5_000, limit = 100) => {
      const whole = createDueFilter({
        shardCount,
        shards: [],
        namespaces: ["acme"],
        names: new Map(),
        ...filter,
      });
      const found: string[] = [];
      let cursor: DueCursor | undefined;
      for (;;) {
        const page = await store.due(now, limit, cursor, whole);
        found.push(...page.actors.map(({ id }) => id));
        const last = page.actors.at(-1);
        if (last === undefined) return { found, nextAt: page.nextAt };
        cursor = { wakeAt: last.wakeAt ?? Number.NaN, id: last.id };
      }
    };
    const ids = (wanted: (actor: TestActor) => boolean) => actors.filter(wanted).map(({ id }) => id);
    const every = Array.from({ length: shardCount }, (_, shard) => shard);
    const [first, second] = [shardOf(actors[0] as TestActor), shardOf(actors[1] as TestActor)];
    assert.deepEqual(
      (await due({ shards: every })).found,
      ids(() => true),
    );
    for (const limit of [1, 3, 100]) {
      const mine = await due({ shards: [first, second] }, -5_000, limit);
      assert.deepEqual(
        mine.found,
        ids((actor) => [first, second].includes(shardOf(actor))),
      );
    }
    const others = every.filter((shard) => shard !== first);
    assert.deepEqual(
      (await due({ shards: others })).found,
      ids((actor) => shardOf(actor) !== first),
    );
    // Without a due actor, the time of the first one in these shards is known.
    assert.deepEqual(await due({ shards: [first] }, -20_000), { found: [], nextAt: -10_000 });
    assert.deepEqual(await due({ shards: [] }), { found: [], nextAt: undefined });
    const without = await due({ shards: every, names: new Map([[apart, []]]) });
    assert.deepEqual(
      without.found,
      ids(({ name }) => name === common),
    );
    const both = await due({
      shards: [first],
      names: new Map([
        [apart, [second]],
        ["other", every],
      ]),
    });
    const isWanted = (actor: TestActor) => shardOf(actor) === (actor.name === common ? first : second);
    assert.deepEqual(both.found, ids(isWanted));
    for (const { id } of actors) await store.commit(next(id, 2, 1, { wakeAt: null }));
  });
}
