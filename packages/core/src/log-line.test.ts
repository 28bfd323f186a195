import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { logJson, logLine } from "@holdfast/core";

describe("a log line", () => {
  test("has its fields beside the message, without undefined ones", () => {
    const fields = { actorId: "a", nothing: undefined, count: 2 };
    assert.deepEqual(JSON.parse(logLine({ level: "warn", message: "slow", time: 5, fields })), {
      ...{ level: "warn", message: "slow", time: 5 },
      ...{ actorId: "a", count: 2 },
    });
  });

  test("has the stack of an error, even of a nested one", () => {
    const error = new Error("boom");
    assert.equal(JSON.parse(logJson(error)), error.stack);
    assert.deepEqual(JSON.parse(logJson({ tries: [error] })), { tries: [error.stack] });
  });

  test("accepts values that JSON lacks", () => {
    const ring: Record<string, unknown> = { size: 2n ** 70n };
    ring["self"] = ring;
    ring["twice"] = [ring["size"], { ring }];
    assert.deepEqual(JSON.parse(logJson(ring)), {
      size: "1180591620717411303424",
      self: "[circular]",
      twice: ["1180591620717411303424", { ring: "[circular]" }],
    });
    const shared = { n: 1 };
    assert.deepEqual(JSON.parse(logJson([shared, shared])), [shared, shared]);
    assert.deepEqual([1n, Symbol("s"), undefined].map(logJson), ['"1"', '"Symbol(s)"', '"undefined"']);
  });

  test("accepts values that throw when read", () => {
    const hostile = {
      get secret(): never {
        throw new Error("no");
      },
      toString(): never {
        throw new Error("never");
      },
    };
    const line = logLine({ level: "error", message: "odd", time: 1, fields: { hostile, kept: true } });
    assert.equal(JSON.parse(line).kept, true);
  });
});
