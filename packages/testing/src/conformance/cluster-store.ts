import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  type ClusterStore,
  type ClusterView,
  type NodeDescription,
  type NodeSession,
  placeMark,
} from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";

const ttlMs = 60_000;

/** Opens empty stores; `open` is called once for each case. */
export interface ClusterStoreHarness {
  /** Returns two stores over the same data, as two nodes have them. */
  open(): Promise<readonly [ClusterStore, ClusterStore]>;
  dispose(): Promise<void>;
}

/** The conformance suite of `ClusterStore`. */
export function clusterStoreConformance(name: string, start: () => Promise<ClusterStoreHarness>): void {
  let harness: ClusterStoreHarness;
  before(async () => {
    harness = await start();
  });
  after(() => harness.dispose());

  const all = (count: number): number[] => Array.from({ length: count }, (_, shard) => shard);

  test(`${name}: a node joins once, and the id is free again when it has left`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    await assert.rejects(other.join(describe("a", "second run"), ttlMs), (error) =>
      isErrorCode(error, "cluster", "node_exists"),
    );
    const { nodes } = await other.view();
    assert.deepEqual(
      nodes.map(({ expiresInMs, ...rest }) => {
        assert.ok(expiresInMs > ttlMs / 2 && expiresInMs <= ttlMs);
        return rest;
      }),
      [node],
    );
    await store.leave(node);
    await other.join(describe("a", "second run"), ttlMs);
  });

  test(`${name}: a scope of a place begins without holders, and takes none from a node that joins`, async () => {
    const [store, other] = await harness.open();
    const a = { ...describe("a"), region: "east", pools: ["gpu", "large"] };
    await store.join(a, ttlMs);
    await store.claim(a, "", all(4));
    const scope = `chat${placeMark}east${placeMark}`;
    const before = await store.view();
    await store.openScope(scope);
    await other.openScope(scope);
    const view = await other.view();
    assert.ok(view.revision > before.revision);
    assert.deepEqual(view.scopes, [scope]);
    assert.deepEqual(held(view, a, scope), []);
    assert.deepEqual([view.nodes[0]?.region, view.nodes[0]?.pools], ["east", ["gpu", "large"]]);
    await other.join({ ...describe("b"), serves: ["chat", "counter"] }, ttlMs);
    assert.deepEqual(held(await store.view(), a, scope), []);
    await store.claim(a, scope, [1]);
    assert.deepEqual(held(await store.view(), a, scope), [1]);
    assert.equal(await store.place("no-such-actor", 1, "region=east"), false);
  });

  test(`${name}: a session changes its weight, and only its own`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    const { revision } = await store.view();
    await store.reweigh(node, 0);
    await store.reweigh(describe("a", "another run"), 3);
    const seen = await other.view();
    assert.deepEqual(
      seen.nodes.map(({ weight }) => weight),
      [0],
    );
    assert.ok(seen.revision > revision);
  });

  test(`${name}: a renewal reports changes of others, and the end of the session`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    const first = await store.renew(node, false, ttlMs);
    assert.ok(first);
    assert.equal(first.nextExpiryMs, undefined);
    const again = await store.renew(node, false, ttlMs);
    assert.ok(again && again.now >= first.now);
    assert.deepEqual({ ...again, now: 0 }, { ...first, now: 0 });
    await other.join(describe("b"), 30_000);
    const second = await store.renew(node, false, ttlMs);
    assert.ok(second && second.revision > first.revision);
    assert.ok(second.nextExpiryMs !== undefined && second.nextExpiryMs > 0 && second.nextExpiryMs <= 30_000);
    const draining = await store.renew(node, true, ttlMs);
    assert.ok(draining && draining.revision > second.revision);
    assert.equal((await other.view()).nodes[0]?.draining, true);
    await store.leave(node);
    assert.equal(await store.renew(node, false, ttlMs), undefined);
  });

  test(`${name}: each change has a mark that stays, and is not that of another one`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    const first = await store.view();
    await other.claim(node, "", [0]);
    const second = await other.view(first.revision);
    assert.equal(typeof first.mark, "number");
    assert.equal(second.seenMark, first.mark);
    assert.notEqual(second.mark, first.mark);
    assert.equal((await store.renew(node, false, ttlMs))?.mark, second.mark);
    const draining = await store.renew(node, true, ttlMs);
    assert.ok(draining);
    assert.equal((await store.view(draining.revision)).seenMark, draining.mark);
    assert.equal((await other.view(draining.revision + 1)).seenMark, undefined);
  });

  test(`${name}: a node learns with its next renewal that it should drain, and does not forget it`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    const before = await store.renew(node, false, ttlMs);
    assert.equal(before?.draining, false);
    assert.equal(await other.drain("a"), true);
    assert.equal(await other.drain("b"), false);
    const after = await store.renew(node, false, ttlMs);
    assert.ok(after?.draining === true && after.revision > before.revision);
  });

  test(`${name}: credentials are replaced by one of several nodes that start together`, async () => {
    const [store, other] = await harness.open();
    assert.deepEqual(await store.credentials(), []);
    const first = await Promise.all([
      store.replaceCredentials([], ["a"]),
      other.replaceCredentials([], ["b", "c"]),
    ]);
    assert.deepEqual([...first].sort(), [false, true]);
    const recorded = await other.credentials();
    assert.deepEqual(recorded, first[0] ? ["a"] : ["b", "c"]);
    assert.equal(await store.replaceCredentials(["x"], ["d"]), false);
    assert.equal(await store.replaceCredentials(recorded, ["d"]), true);
    assert.deepEqual(await other.credentials(), ["d"]);
  });

  test(`${name}: a shard that is held cannot be claimed, one of a node that left can`, async () => {
    const [store, other] = await harness.open();
    const [a, b] = [describe("a"), describe("b")];
    await store.join(a, ttlMs);
    await other.join(b, ttlMs);
    await Promise.all([store.claim(a, "", all(8)), other.claim(b, "", all(8))]);
    const view = await store.view();
    assert.equal(held(view, a, "").length + held(view, b, "").length, 8);
    await store.leave(a);
    await other.claim(b, "", all(8));
    assert.deepEqual(held(await other.view(), b, ""), all(8));
  });

  test(`${name}: the leases of an expired session go to whoever claims them, and it cannot be renewed`, async () => {
    const [store, other] = await harness.open();
    const [a, b] = [describe("a"), describe("b")];
    await store.join(a, 40);
    await store.claim(a, "", all(4));
    await other.join(b, ttlMs);
    for (;;) {
      const { nodes } = await other.view();
      const expiry = nodes.find(({ id }) => id === "a")?.expiresInMs ?? -1;
      if (expiry < 0) break;
      await delay(expiry + 1);
    }
    // Until somebody else claims, nobody else serves, so the session may still be extended.
    await other.claim(b, "", all(4));
    assert.deepEqual(held(await other.view(), b, ""), all(4));
    assert.equal(await store.renew(a, false, ttlMs), undefined);
    await store.claim(a, "", all(4));
    assert.deepEqual(held(await other.view(), b, ""), all(4));
  });

  test(`${name}: a holder passes its shards on, but not those of others, and not to a node that left`, async () => {
    const [store, other] = await harness.open();
    const [a, b] = [describe("a"), describe("b")];
    await store.join(a, ttlMs);
    await other.join(b, ttlMs);
    await store.claim(a, "", all(4));
    await other.transfer(b, b, "", [0]);
    await store.transfer(a, describe("b", "another run"), "", [1]);
    await store.transfer(a, b, "", [2, 3]);
    const view = await other.view();
    assert.deepEqual(held(view, a, ""), [0, 1]);
    assert.deepEqual(held(view, b, ""), [2, 3]);
  });

  test(`${name}: a name that not all nodes serve gets leases of its own, which start where they were`, async () => {
    const [store, other] = await harness.open();
    const a = { ...describe("a"), serves: ["chat", "counter"] };
    const b = { ...describe("b"), serves: ["chat"] };
    await store.join(a, ttlMs);
    await store.claim(a, "", all(4));
    assert.deepEqual((await store.view()).scopes, []);
    await other.join(b, ttlMs);
    await store.transfer(a, b, "", [3]);
    const view = await store.view();
    assert.deepEqual(view.scopes, ["counter"]);
    assert.deepEqual(held(view, a, "counter"), all(4));
    assert.deepEqual(held(view, a, ""), [0, 1, 2]);
  });

  test(`${name}: a name that only a newcomer serves gets leases without holders`, async () => {
    const [store, other] = await harness.open();
    const a = describe("a");
    await store.join(a, ttlMs);
    await store.claim(a, "", all(4));
    const b = { ...describe("b"), serves: ["counter"] };
    await other.join(b, ttlMs);
    const view = await store.view();
    assert.deepEqual(view.scopes, ["chat", "counter"]);
    assert.deepEqual(held(view, a, "chat"), all(4));
    assert.deepEqual(held(view, a, "counter"), []);
  });

  test(`${name}: a name gets leases of its own when nodes differ in the state version of its actors`, async () => {
    const [store, other] = await harness.open();
    const a = { ...describe("a"), serves: ["chat", "counter"], stateVersions: { counter: 1 } };
    const b = { ...describe("b"), serves: ["chat", "counter"], stateVersions: { counter: 2 } };
    await store.join(a, ttlMs);
    await store.claim(a, "", all(4));
    await store.join({ ...a, ...describe("c"), serves: a.serves }, ttlMs);
    assert.deepEqual((await store.view()).scopes, []);
    await other.join(b, ttlMs);
    const view = await store.view();
    assert.deepEqual(view.scopes, ["counter"]);
    assert.deepEqual(held(view, a, "counter"), all(4));
    assert.deepEqual(
      view.nodes.map(({ serves, stateVersions }) => ({ serves, stateVersions })),
      // In order of the ids.
      [a, b, a].map(({ serves, stateVersions }) => ({ serves, stateVersions })),
    );
  });
}

function describe(id: string, incarnation = `run of ${id}`): NodeDescription {
  const address = `http://127.0.0.1/${id}`;
  const common = {
    version: "1.0.0",
    weight: 1,
    zone: "",
    region: "",
    pools: [],
    draining: false,
    serves: ["chat"],
  };
  return { id, incarnation, address, ...common };
}

function held({ leases }: ClusterView, { id, incarnation }: NodeSession, scope: string): readonly number[] {
  const own = leases.filter((lease) => lease.id === id && lease.incarnation === incarnation);
  return own
    .filter((lease) => lease.scope === scope)
    .flatMap(({ shards }) => shards)
    .sort((one, other) => one - other);
}
