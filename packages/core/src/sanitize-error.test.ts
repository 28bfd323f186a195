import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeValue } from "./codec/cbor-encode.ts";
import { HoldfastError, toWireError, UserError } from "./errors.ts";
import { sanitizeError } from "./sanitize-error.ts";

/** Returns the caller's view of `error`, and what was logged. */
function sanitized(error: unknown, expose = false): { seen: HoldfastError; reported: unknown[] } {
  const reported: unknown[] = [];
  const seen = sanitizeError(error, "id", (_id, full) => reported.push(full), expose);
  return { seen, reported };
}

describe("a caller's view of an error", () => {
  test("a typed error is passed on unchanged", () => {
    const error = new UserError("Sold out", { code: "sold_out" });
    const { seen, reported } = sanitized(error);
    assert.equal(seen, error);
    assert.deepEqual(reported, []);
  });

  test("metadata is copied when the error is thrown", () => {
    const left = new Set([1]);
    const given = { left, at: new Date(5), list: [{ big: 5n, bytes: new Uint8Array([1]) }] };
    const { seen, reported } = sanitized(new UserError("Sold out", { code: "sold_out", metadata: given }));
    assert.deepEqual(seen.metadata, structuredClone(given));
    assert.deepEqual([seen.code, seen.message, seen.statusCode, reported], ["sold_out", "Sold out", 400, []]);
    left.add(2);
    assert.deepEqual(seen.metadata, { ...given, left: new Set([1]) });
  });

  test("a getter in an error is read once", () => {
    const once = (value: unknown): (() => unknown) => {
      let reads = 0;
      return () => {
        if (reads++ > 0) throw new Error("read a second time");
        return value;
      };
    };
    const getter = (name: string, get: () => unknown): PropertyDescriptorMap => ({
      [name]: { get, enumerable: true },
    });
    const inside = Object.defineProperties({ deep: [] as unknown[] }, getter("value", once(5)));
    inside.deep.push(Object.defineProperties({ run: () => 1 }, getter("value", once(6))));
    const proxied = new Proxy({ value: 7 }, { get: once(7) });
    const own = Object.defineProperties(
      new UserError("no"),
      getter("metadata", once(Object.defineProperties({}, getter("value", once(8))))),
    );
    const seen = (metadata: unknown): unknown => sanitized(new UserError("no", { metadata })).seen.metadata;
    assert.deepEqual(seen(inside), { deep: [{ value: 6 }], value: 5 });
    assert.deepEqual(seen(proxied), { value: 7 });
    assert.deepEqual(sanitized(own).seen.metadata, { value: 8 });
    const text = Object.defineProperties(new UserError("no"), getter("message", once("told once")));
    assert.equal(sanitized(text).seen.message, "told once");
  });

  test("metadata may contain the same value twice, or many times", () => {
    let shared: unknown = { n: 1 };
    for (let level = 0; level < 12; level++) shared = [shared, shared];
    const { seen, reported } = sanitized(new UserError("no", { metadata: shared }));
    assert.deepEqual([encodeValue(seen.metadata), reported], [encodeValue(shared), []]);
  });

  test("metadata that cannot be encoded is sent in its JSON form", () => {
    class Point {
      x = 1;
    }
    const metadata = { at: new Point(), retry: () => true, big: 5n };
    const error = new UserError("no", { code: "c", metadata });
    error.actor = { actorId: "a", generation: 1 };
    const { seen, reported } = sanitized(error);
    assert.deepEqual(toWireError(seen), {
      group: "user",
      code: "c",
      message: "no",
      metadata: { at: { x: 1 }, big: "5" },
      actor: { actorId: "a", generation: 1 },
    });
    assert.equal(seen.statusCode, 400);
    assert.deepEqual(reported, [error]);
  });

  test("metadata that even JSON cannot encode is dropped; the error is sent", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const trap = {
      get value(): never {
        throw new Error("trap");
      },
    };
    let deep: unknown = 1;
    for (let level = 0; level < 950; level++) deep = [deep];
    for (const metadata of [cycle, trap, deep, () => 1, Symbol("s")]) {
      const { seen } = sanitized(new UserError("no", { metadata }));
      assert.deepEqual([seen.group, seen.message, seen.metadata], ["user", "no", undefined]);
      encodeValue(toWireError(seen));
    }
  });

  test("a typed error with fields of the wrong type keeps those that can be read", () => {
    const changed = (name: string, descriptor: PropertyDescriptor): HoldfastError =>
      Object.defineProperty(new UserError("no", { code: "c" }), name, descriptor);
    const odd: readonly [HoldfastError, readonly unknown[]][] = [
      [changed("message", { value: () => "no" }), ["user", "c", "", 400]],
      [changed("statusCode", { value: "abc" }), ["user", "c", "no", 400]],
      [changed("statusCode", { value: 42 }), ["user", "c", "no", 400]],
      [changed("actor", { value: () => 1 }), ["user", "c", "no", 400]],
      [
        changed("code", { value: () => "c" }),
        ["internal", "internal_error", "An internal error occurred", 500],
      ],
    ];
    for (const [error, expected] of odd) {
      const { seen } = sanitized(error);
      assert.deepEqual([seen.group, seen.code, seen.message, seen.statusCode], expected);
      encodeValue(toWireError(seen));
    }
  });

  test("a value that throws when inspected is an internal error", () => {
    const thrower = (): never => {
      throw new Error("trap");
    };
    const traps = [
      new Proxy({}, { get: thrower, has: thrower, getPrototypeOf: thrower }),
      Object.defineProperty({}, Symbol.for("holdfast.error"), { get: thrower }),
      Object.defineProperty(new UserError("no"), "message", { get: thrower }),
    ];
    for (const trap of traps) {
      for (const expose of [false, true]) {
        const { seen, reported } = sanitized(trap, expose);
        assert.equal(seen.code, "internal_error");
        assert.equal(reported[0], trap);
        encodeValue(toWireError(seen));
      }
    }
  });

  test("a value without group and code is an internal error", () => {
    const trap = {
      get group(): never {
        throw new Error("trap");
      },
    };
    for (const thrown of ["text", undefined, null, 5, Symbol("s"), {}, new Error("secret"), trap]) {
      const { seen, reported } = sanitized(thrown);
      assert.deepEqual(toWireError(seen), {
        group: "internal",
        code: "internal_error",
        message: "An internal error occurred",
        metadata: { errorId: "id" },
      });
      assert.deepEqual(reported, [thrown]);
      assert.equal(typeof sanitized(thrown, true).seen.message, "string");
    }
    assert.equal(sanitized(Object.create(null), true).seen.code, "internal_error");
  });

  test("an object with group and code keeps them; its message is passed on only for public codes", () => {
    const own = { group: "warehouse", code: "closed", message: "under the mat", metadata: { key: 1 } };
    const hidden = sanitized(own).seen;
    assert.deepEqual([hidden.group, hidden.code], ["warehouse", "closed"]);
    assert.deepEqual([hidden.message, hidden.metadata], ["An internal error occurred", { errorId: "id" }]);

    const forbidden = { group: "auth", code: "forbidden", message: "Not you", metadata: { need: "admin" } };
    const shown = sanitized(forbidden);
    assert.deepEqual(toWireError(shown.seen), forbidden);
    assert.deepEqual([shown.seen.statusCode, shown.reported], [403, []]);
    assert.equal(sanitized({ group: "user", code: "mine", message: "m" }).seen.message, "m");
    assert.notEqual(sanitized({ group: "queue", code: "mine", message: "m" }).seen.message, "m");
  });

  test("a typed error that is not public hides its message, even with a public code", () => {
    const error = new HoldfastError("auth", "forbidden", "secret", { public: false, metadata: 1 });
    const { seen, reported } = sanitized(error);
    assert.deepEqual([seen.message, seen.statusCode], ["An internal error occurred", 403]);
    assert.deepEqual(reported, [error]);
  });
});
