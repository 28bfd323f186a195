import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommitBatch } from "@holdfast/actors";
import { type CommittedRow, type Outcome, outcomeOf, type Turn } from "./turn.ts";

const batch: CommitBatch = { actorId: "a", epoch: 3, version: 10, commitId: "mine" };

function turn(flags: Partial<Turn>, changes: Partial<CommitBatch> = {}): Turn {
  const whole = { ...batch, ...changes };
  const nothing = () => {};
  return {
    ...{ batch: whole, work: [], size: 0, resolve: nothing, reject: nothing },
    ...{ isUncertain: false, isFenced: false, ...flags },
  };
}

const row = (epoch: number, version: number, lastCommit = "other", more: Partial<CommittedRow> = {}) => ({
  ...{ epoch, version, lastCommit, isDestroyed: false, hasState: true },
  ...more,
});

test("the row of an actor settles a turn whose connection was lost", () => {
  const cases: readonly (readonly [CommittedRow | undefined, Outcome])[] = [
    [row(3, 10, "mine"), "committed"],
    [row(3, 12), "committed"],
    [row(4, 10, "mine"), "committed"],
    [row(3, 9), "open"],
    [row(4, 9), "fenced"],
    [row(4, 10), "fenced"],
    [row(4, 11), "unknown"],
    [row(3, 8), "unknown"],
    [row(2, 9), "unknown"],
    [row(3, 9, "other", { isDestroyed: true }), "fenced"],
    [undefined, "fenced"],
  ];
  for (const [stored, expected] of cases) {
    assert.equal(outcomeOf(turn({ isUncertain: true }), stored), expected, JSON.stringify(stored));
  }
});

test("the row of an actor says why a fence has failed", () => {
  const fenced = turn({ isFenced: true });
  for (const stored of [row(4, 9), row(3, 10), row(3, 12), row(3, 9), row(3, 10, "mine"), undefined]) {
    assert.equal(outcomeOf(fenced, stored), "fenced", JSON.stringify(stored));
  }
  const patch = turn({ isFenced: true }, { state: { type: "patch", bytes: new Uint8Array() } });
  assert.equal(outcomeOf(patch, row(3, 9, "other", { hasState: false })), "invalid");
});

test("a creation that was lost is open until its row exists", () => {
  const create = { name: "n", key: [], createdAt: 1 };
  const first = { version: 1, epoch: 1, create };
  assert.equal(outcomeOf(turn({ isUncertain: true }, first), undefined), "open");
  assert.equal(outcomeOf(turn({ isUncertain: true }, first), row(1, 1, "mine")), "committed");
  assert.equal(outcomeOf(turn({ isUncertain: true, isFenced: true }, first), undefined), "duplicate");
  assert.equal(outcomeOf(turn({ isFenced: true }, first), row(1, 1)), "fenced");
});
