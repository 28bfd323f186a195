import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseHolders, HolderChoice } from "./rendezvous.ts";

const shards = 1_024;
const nodes = ["a", "b", "c", "d"].map((id) => ({ id, weight: 1 }));

function share(holders: readonly ({ readonly id: string } | undefined)[], id: string): number {
  return holders.filter((holder) => holder?.id === id).length;
}

test("equal nodes get equal shares, and a node with twice the weight twice as much", () => {
  const equal = chooseHolders(nodes, "", shards);
  for (const { id } of nodes) assert.ok(Math.abs(share(equal, id) - shards / 4) < shards / 20, id);
  const weighted = chooseHolders([...nodes, { id: "e", weight: 4 }], "", shards);
  assert.ok(Math.abs(share(weighted, "e") - shards / 2) < shards / 20);
});

test("a node that joins or leaves moves only its own shards", () => {
  const before = chooseHolders(nodes, "", shards);
  const after = chooseHolders(nodes.slice(0, 3), "", shards);
  for (const [shard, holder] of before.entries()) {
    if (holder?.id !== "d") assert.equal(after[shard]?.id, holder?.id);
    else assert.notEqual(after[shard], undefined);
  }
});

test("scopes are spread independently", () => {
  const one = chooseHolders(nodes, "chat", shards);
  const other = chooseHolders(nodes, "counter", shards);
  const same = one.filter((holder, shard) => holder?.id === other[shard]?.id).length;
  assert.ok(Math.abs(same - shards / 4) < shards / 16);
});

test("no candidate, and none with weight 0, holds anything", () => {
  assert.deepEqual(chooseHolders([], "", 2), [undefined, undefined]);
  assert.deepEqual(chooseHolders([{ id: "a", weight: 0 }], "", 1), [undefined]);
});

test("a remembered choice is that of the candidates at hand", () => {
  const choice = new HolderChoice(shards);
  const later = nodes.map((node) => ({ ...node, expiresInMs: 5 }));
  for (const candidates of [nodes, later, nodes.slice(1), later.toReversed(), [], nodes]) {
    for (const scope of ["", "chat"])
      assert.deepEqual(choice.of(candidates, scope), chooseHolders(candidates, scope, shards));
    // The records of this reading, not equal ones of an earlier one.
    for (const holder of choice.of(candidates, ""))
      assert.ok(holder === undefined || candidates.includes(holder));
  }
  assert.deepEqual(
    choice.of(
      [
        { id: "a", weight: 1 },
        { id: "b", weight: 3 },
      ],
      "",
    ),
    chooseHolders(
      [
        { id: "a", weight: 1 },
        { id: "b", weight: 3 },
      ],
      "",
      shards,
    ),
  );
});
