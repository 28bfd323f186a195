import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, isHoldfastError } from "../errors.ts";
import { decodeValue } from "./cbor-decode.ts";
import { encodeValue } from "./cbor-encode.ts";
import { decodeJson, encodeJson } from "./json.ts";

const samples: readonly unknown[] = [
  null,
  undefined,
  true,
  false,
  0,
  -0,
  1,
  -1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  4_294_967_295,
  4_294_967_296,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  1.5,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0n,
  -1n,
  2n ** 53n + 1n,
  -(2n ** 200n),
  "",
  "plain",
  "é".repeat(30),
  "x".repeat(23),
  "x".repeat(24),
  "x".repeat(255),
  "x".repeat(70_000),
  "emoji 🙂",
  "lone \ud800 surrogate",
  "nul \u0000",
  new Date(0),
  new Date(8.64e15),
  new Date(Number.NaN),
  /a+b/giu,
  new Uint8Array([1, 2, 3]),
  new Uint8Array([1, 2, 3]).buffer,
  new Uint8ClampedArray([1, 255]),
  new Uint16Array([1, 65_535]),
  new Uint32Array([1]),
  new BigUint64Array([1n]),
  new Int8Array([-1]),
  new Int16Array([-1]),
  new Int32Array([-1]),
  new BigInt64Array([-1n]),
  new Float32Array([1.5]),
  new Float64Array([1.5, Number.NaN]),
  new Map<unknown, unknown>([
    ["a", 1],
    [2, new Set([1, "b"])],
  ]),
  new Set([1, 2]),
  [],
  [1, [2, [3]]],
  ["$Date", 0],
  ["$$x"],
  {},
  { a: undefined, b: null, "": 1, nested: { c: [1n] } },
];

const codecs = [
  { name: "cbor", roundTrip: (value: unknown) => decodeValue(encodeValue(value)) },
  { name: "json", roundTrip: (value: unknown) => decodeJson(encodeJson(value)) },
];

for (const { name, roundTrip } of codecs) {
  describe(`${name} codec`, () => {
    test("every kind of value survives a round trip", () => {
      for (const sample of samples) assert.deepStrictEqual(roundTrip(sample), sample);
    });

    test("an error keeps its name and message but not its stack", () => {
      const error = new TypeError("wrong");
      const copy = roundTrip(error);
      assert.ok(copy instanceof Error);
      assert.equal(copy.name, "TypeError");
      assert.equal(copy.message, "wrong");
      assert.notEqual(copy.stack, error.stack);
    });

    test("an error whose name and message are not strings is encoded with strings", () => {
      for (const [name, message, shown] of [
        [5, { a: 1 }, ["5", "[object Object]"]],
        [undefined, undefined, ["Error", ""]],
        [null, Symbol("s"), ["null", "Symbol(s)"]],
      ] as const) {
        const copy = roundTrip(Object.assign(new Error("before"), { name, message }));
        assert.ok(copy instanceof Error);
        assert.deepEqual([copy.name, copy.message], shown);
      }
    });

    test("a __proto__ key is data", () => {
      const value: unknown = JSON.parse('{"__proto__":{"polluted":true},"a":1}');
      const copy = roundTrip(value) as Record<string, unknown>;
      assert.equal(Object.getPrototypeOf(copy), Object.prototype);
      assert.deepEqual(Object.keys(copy), ["__proto__", "a"]);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    });

    test("a value that cannot be encoded is a typed error", () => {
      class Custom {}
      const cyclic: unknown[] = [];
      cyclic.push(cyclic);
      for (const value of [
        () => 1,
        Symbol("s"),
        new Custom(),
        new WeakMap(),
        cyclic,
        new DataView(new ArrayBuffer(1)),
      ]) {
        assert.throws(() => roundTrip(value), isHoldfastError);
      }
    });

    test("the error of a value that cannot be encoded has its path", () => {
      const onClick = () => 1;
      for (const [value, path] of [
        [[{ user: { onClick } }], "[0].user.onClick"],
        [{ "a b": [1, Symbol("s")] }, '["a b"][1]'],
        [new Map([["x", { deep: new Set([onClick]) }]]), '.get("x").deep[0]'],
      ] as const) {
        assert.throws(
          () => roundTrip(value),
          (error: unknown) => {
            assert.ok(isErrorCode(error, "message", "unsupported_value"));
            assert.deepEqual(error.metadata, { path });
            assert.ok(error.message.endsWith(`, at ${path}`), error.message);
            return true;
          },
        );
      }
    });

    test("the error of an unsupported view of bytes names its class", () => {
      class Samples extends Float32Array {}
      const half: unknown = Reflect.construct(Reflect.get(globalThis, "Float16Array"), [1]);
      for (const [view, name] of [
        [new DataView(new ArrayBuffer(1)), "DataView"],
        [half, "Float16Array"],
        [new Samples(1), "Samples"],
      ] as const) {
        assert.throws(() => roundTrip(view), {
          code: "unsupported_value",
          message: `A value of this kind cannot be encoded: an instance of ${name}`,
        });
      }
    });
  });
}

describe("a value whose getters have side effects", () => {
  class Point {
    x = 1;
  }

  test("may encode other values during encoding, in either format, even unsupported ones", () => {
    let inside: unknown[] = [];
    const value = {
      before: "x".repeat(100),
      get nested() {
        const other = { deep: ["y".repeat(10_000), this.before] };
        inside = [decodeValue(encodeValue(other)), decodeJson(encodeJson(other))];
        assert.deepEqual(inside, [other, other]);
        assert.throws(() => encodeValue({ a: 1, f: () => 1 }), isHoldfastError);
        assert.throws(() => encodeJson(new Point()), isHoldfastError);
        return inside.length;
      },
      after: [1, new Map([[1, 2]])],
    };
    const plain = { before: value.before, nested: 2, after: value.after };
    assert.deepEqual(decodeValue(encodeValue(value)), plain);
    assert.deepEqual(decodeJson(encodeJson(value)), plain);
    const point = { ...plain, point: new Point() };
    const text = encodeJson(Object.defineProperties(point, Object.getOwnPropertyDescriptors(value)), {
      instances: "plain",
    });
    assert.deepEqual(decodeJson(text), { ...plain, point: { x: 1 } });
    assert.throws(
      () =>
        encodeValue({
          get f() {
            throw new Error("mine");
          },
        }),
      /mine/,
    );
    assert.deepEqual(decodeValue(encodeValue(plain)), plain);
  });

  test("may change its container: the result matches its announced length, or is a typed error", () => {
    const changing = <Item>(add: (item: Item) => void): Item =>
      ({
        get v() {
          add(5 as Item);
          return 1;
        },
      }) as Item;
    const list: unknown[] = [];
    list.push(changing((item) => list.push(item)));
    assert.deepEqual(decodeValue(encodeValue(list)), [{ v: 1 }]);
    const set = new Set<unknown>();
    set.add(changing((item) => set.add(item)));
    assert.throws(() => encodeValue(set), isHoldfastError);
    const map = new Map<unknown, unknown>();
    map.set(
      0,
      changing((item) => map.set(item, item)),
    );
    assert.throws(() => encodeValue(map), isHoldfastError);
  });
});

describe("class instances in JSON", () => {
  const plain = (value: unknown): unknown => decodeJson(encodeJson(value, { instances: "plain" }));

  class Point {
    x = 1;
    when = new Date(5);
    move = () => this.x;
    get far() {
      return this.x > 10;
    }
  }

  test("are encoded as by JSON.stringify with instances: plain", () => {
    assert.deepStrictEqual(plain([new Point(), { at: new URL("http://a/b") }]), [
      { x: 1, when: new Date(5) },
      { at: "http://a/b" },
    ]);
    // `toJSON` encodes re-entrantly.
    const own = { toJSON: () => JSON.parse(encodeJson([1])) as unknown };
    assert.deepStrictEqual(plain([Object.setPrototypeOf(own, Point.prototype), new Point()]), [
      [1],
      { x: 1, when: new Date(5) },
    ]);
  });

  test("are refused when nothing of them would remain, and by default", () => {
    for (const value of [Promise.resolve(1), new Headers({ a: "b" }), new WeakMap(), Object("s"), () => 1]) {
      assert.throws(() => plain([value]), isHoldfastError);
    }
    assert.throws(() => encodeJson(new Point()), isHoldfastError);
    const cyclic = { self: new Point() as object };
    cyclic.self = Object.assign(new Point(), { cyclic });
    assert.throws(() => plain(cyclic), isHoldfastError);
  });
});

describe("cbor decoder", () => {
  const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

  test("reads the test vectors of RFC 8949 appendix A", () => {
    const vectors: readonly (readonly [string, unknown])[] = [
      ["1903e8", 1000],
      ["1b000000e8d4a51000", 1_000_000_000_000],
      ["1bffffffffffffffff", 18_446_744_073_709_551_615n],
      ["c249010000000000000000", 18_446_744_073_709_551_616n],
      ["3903e7", -1000],
      ["f93c00", 1],
      ["f90001", 2 ** -24],
      ["f97c00", Number.POSITIVE_INFINITY],
      ["fa47c35000", 100_000],
      ["64f0908591", "𐅑"],
      ["83010203", [1, 2, 3]],
      ["a26161016162820203", { a: 1, b: [2, 3] }],
    ];
    for (const [hex, value] of vectors) assert.deepStrictEqual(decodeValue(fromHex(hex)), value);
  });

  test("refuses forged lengths, trailing bytes, duplicate keys, bad UTF-8 and unknown tags", () => {
    const bad = [
      "",
      "9bffffffffffffffff",
      "5a7fffffff00",
      "0000",
      "a2616101616102",
      "61ff",
      "d9ffff00",
      "9f01ff",
      "1c",
    ];
    for (const hex of bad) {
      assert.throws(() => decodeValue(fromHex(hex)), { group: "message", code: "malformed_cbor" });
    }
  });

  test("limits nesting exactly", () => {
    const nested = (depth: number) => fromHex(`${"81".repeat(depth)}00`);
    assert.doesNotThrow(() => decodeValue(nested(64)));
    assert.throws(() => decodeValue(nested(65)), { group: "message", code: "too_deep" });
    assert.throws(() => decodeValue(nested(1_000_000)), { group: "message", code: "too_deep" });
  });

  test("any bytes decode to a value or a typed error", () => {
    const seed = Number(process.env["HOLDFAST_SEED"] ?? 1);
    let state = seed;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    };
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: next() % 40 }, next);
      try {
        decodeValue(bytes);
      } catch (error) {
        assert.ok(isHoldfastError(error), `seed ${seed}, round ${round}: ${String(error)}`);
      }
    }
  });

  test("every truncation of a valid message is a typed error", () => {
    const bytes = encodeValue({ a: [1, "two", new Map([[3n, new Date(4)]])], b: new Float32Array([5]) });
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeValue(bytes.subarray(0, end)), { group: "message", code: "malformed_cbor" });
    }
  });
});
