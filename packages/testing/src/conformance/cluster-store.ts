import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterStore, ClusterView, NodeDescription, NodeSession } from "@holdfast/actors";
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

  test(`${name}: a renewal reports changes of others, and the end of the session`, async () => {
    const [store, other] = await harness.open();
    const node = describe("a");
    await store.join(node, ttlMs);
    const first = await store.renew(node, false, ttlMs);
    assert.ok(first);
    assert.equal(first.nextExpiryMs, undefined);
    assert.deepEqual(await store.renew(node, false, ttlMs), first);
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
}

function describe(id: string, incarnation = `run of ${id}`): NodeDescription {
  const address = `http://127.0.0.1/${id}`;
  const common = { version: "1.0.0", weight: 1, zone: "", draining: false, serves: ["chat"] };
  return { id, incarnation, address, ...common };
}

function held({ leases }: ClusterView, { id, incarnation }: NodeSession, scope: string): readonly number[] {
  const own = leases.filter((lease) => lease.id === id && lease.incarnation === incarnation);
  return own.filter((lease) => lease.scope === scope).flatMap(({ shards }) => shards);
}
