import assert from "node:assert/strict";
import { test } from "node:test";
import { isLinearizable, type Model, type RecordedOperation } from "./linearizability.ts";

type Operation = "add" | "read";

const counter: Model<Operation, number> = {
  initial: "0",
  apply: (state, operation, result) => {
    const next = Number(state) + (operation === "add" ? 1 : 0);
    return result === undefined || result === next ? String(next) : undefined;
  },
};

function ran(
  operation: Operation,
  calledAt: number,
  returnedAt: number,
  result: number,
): RecordedOperation<Operation, number> {
  return { operation, calledAt, returnedAt, result };
}

function unknown(operation: Operation, calledAt: number): RecordedOperation<Operation, number> {
  return { operation, calledAt, returnedAt: Number.POSITIVE_INFINITY, result: undefined };
}

test("overlapping operations may have run in either order", () => {
  assert.equal(isLinearizable([ran("add", 0, 3, 2), ran("add", 1, 2, 1)], counter), "linearizable");
});

test("an operation that returned before another was called ran first", () => {
  const history = [ran("add", 0, 1, 2), ran("add", 2, 3, 1)];
  assert.equal(isLinearizable(history, counter), "not linearizable");
});

test("a lost update and a stale read are detected", () => {
  assert.equal(isLinearizable([ran("add", 0, 2, 1), ran("add", 1, 3, 1)], counter), "not linearizable");
  assert.equal(isLinearizable([ran("add", 0, 1, 1), ran("read", 2, 3, 0)], counter), "not linearizable");
});

test("an operation with unknown outcome ran once at any time after its call, or never", () => {
  const open = unknown("add", 0);
  assert.equal(isLinearizable([open, ran("read", 1, 2, 0), ran("read", 3, 4, 1)], counter), "linearizable");
  assert.equal(isLinearizable([open, ran("read", 1, 2, 0)], counter), "linearizable");
  assert.equal(isLinearizable([open, ran("read", 1, 2, 2)], counter), "not linearizable");
  const late = [ran("read", 0, 1, 1), unknown("add", 2)];
  assert.equal(isLinearizable(late, counter), "not linearizable");
});

test("a search that exceeds its limit is reported as unknown", () => {
  const history = Array.from({ length: 12 }, () => unknown("add", 0));
  assert.equal(isLinearizable([...history, ran("read", 1, 2, 13)], counter, 50), "unknown");
});
