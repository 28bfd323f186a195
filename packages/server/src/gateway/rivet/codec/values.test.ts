import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeValue, isHoldfastError } from "@holdfast/core";
import { decodeCallBody, decodeFrame, decodeQueueBody, encodeError, encodeFrame } from "./bare.ts";
import { decodeCbor, decodeText, encodeCbor, encodeText } from "./values.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    assert.ok(isHoldfastError(error), String(error));
    return `${error.group}.${error.code}`;
  }
}

describe("values", () => {
  test("survive CBOR and JSON", () => {
    const values = [
      ...[null, true, "text", 1.5, -1, 2 ** 40, -(2 ** 40), 5n, -(2n ** 80n), undefined, [], {}, [undefined]],
      ...[
        new Uint8Array([0, 255]),
        new Uint8Array([1]).buffer,
        new Set([1, ["a"]]),
        ["$x", 1],
        ["$$x", [2n]],
        ["$x"],
      ],
      ...[JSON.parse('{"__proto__":1}')],
    ];
    for (const value of values) {
      assert.deepEqual(decodeCbor(encodeCbor(value)), value);
      assert.deepEqual(decodeText(encodeText(value)), value);
    }
    const binary = [new Date(1_700_000_000_123), /a\/b/gi, new Map([[1, "one"]]), new Float64Array([1, 2])];
    for (const value of binary) assert.deepEqual(decodeCbor(encodeCbor(value)), value);
    const error = decodeCbor(encodeCbor(new TypeError("why"))) as Error;
    assert.equal(error.message, "why");
  });

  test("that JSON lacks become what is nearest to them", () => {
    const value = [
      new Date(0),
      /x/g,
      new Map([["a", 1]]),
      new Map([[1, 2]]),
      new Int8Array([-1]),
      Number.NaN,
    ];
    assert.deepEqual(JSON.parse(encodeText(value)), [
      ...["1970-01-01T00:00:00.000Z", "/x/g", { a: 1 }, [[1, 2]], [-1], null],
    ]);
  });

  test("integers of more than 32 bits are floats, which every decoder reads as numbers", () => {
    assert.equal(encodeCbor(2 ** 32)[0], 0xfb);
    assert.equal(encodeCbor(2 ** 32 - 1)[0], 0x1a);
    assert.equal(encodeValue(2 ** 32)[0], 0x1b);
  });

  test("malformed ones are typed errors", () => {
    const texts = [
      "{",
      '["$BigInt","x"]',
      '["$BigInt",1]',
      '["$Uint8Array","*"]',
      '["$Set",1]',
      `${"[".repeat(9_999)}${"]".repeat(9_999)}`,
    ];
    for (const text of texts)
      assert.match(
        codeOf(() => decodeText(text)),
        /^message\.(malformed_json|too_deep)$/,
      );
    for (const bytes of [
      [0x9a, 0xff, 0xff, 0xff, 0xff],
      [0xc1],
      [0xd8, 0x1b, 0x80],
      [0xd8, 0x1b, 0x82, 0x66, ...Buffer.from("RegExp"), 0x61, 0x28],
      [0xff],
    ])
      assert.match(
        codeOf(() => decodeCbor(new Uint8Array(bytes))),
        /^message\.malformed_(cbor|json)$/,
      );
  });
});

describe("BARE", () => {
  const args = encodeCbor([1]);
  const call = (version: number, ...content: number[]): Uint8Array =>
    Uint8Array.from([version, 0, ...content]);

  test("reads every version, and writes the one that is asked for", () => {
    for (const version of [1, 2, 3, 4]) {
      const read = decodeCallBody(call(version, args.length, ...args));
      assert.deepEqual(read, { version, value: [1] });
      const error = {
        group: "g",
        code: "c",
        message: "m",
        actor: { actorId: "i", generation: 300, key: ["a", "b"] },
      };
      const tail = version < 4 ? [0] : [0, 1, 1, 0x69, 0xac, 0x02, 1, 3, ...Buffer.from("a/b")];
      assert.deepEqual([...encodeError(version, error)], [version, 0, 1, 0x67, 1, 0x63, 1, 0x6d, ...tail]);
    }
    const init = { tag: "Init", actorId: "a", connectionId: "c" } as const;
    assert.deepEqual([...encodeFrame(1, init)], [1, 0, 0, 1, 0x61, 1, 0x63, 0]);
    assert.deepEqual([...encodeFrame(4, init)], [4, 0, 0, 1, 0x61, 1, 0x63]);
    const queue = call(4, args.length, ...args, 0, 1, 1, 1, 0xe8, 3, 0, 0, 0, 0, 0, 0);
    assert.deepEqual(decodeQueueBody(queue).value, { body: [1], wait: true, timeout: 1_000 });
  });

  test("refuses unknown versions, absurd lengths, and what is cut off or too long", () => {
    const whole = call(4, args.length, ...args);
    for (const version of [0, 5, 255])
      assert.equal(
        codeOf(() => decodeCallBody(call(version, 0))),
        "message.unsupported_version",
      );
    assert.equal(
      codeOf(() => decodeQueueBody(call(2, 0))),
      "message.unsupported_version",
    );
    for (const bytes of [
      ...[
        [],
        [4],
        [4, 0],
        [4, 0, 5, 1],
        [4, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
        [4, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      ],
      [...whole, 0],
    ]) {
      assert.equal(
        codeOf(() => decodeCallBody(Uint8Array.from(bytes))),
        "message.malformed_bare",
        String(bytes),
      );
    }
    for (const bytes of [[2], [1, 1, 0x61, 2], [1, 2, 0xff, 0xfe, 1], [0, 1, 1, 0x61]])
      assert.match(
        codeOf(() => decodeFrame(call(4, ...bytes))),
        /^message\.malformed_bare$/,
        String(bytes),
      );
  });

  test("every truncation and every flipped byte of a frame is a frame or a typed error", () => {
    const frame = call(4, 0, 7, 3, ...Buffer.from("add"), args.length, ...args);
    for (let at = 0; at < frame.length; at++) {
      codeOf(() => decodeFrame(frame.subarray(0, at)));
      for (const flipped of [0x00, 0x7f, 0x80, 0xff]) {
        const changed = frame.slice();
        changed[at] = flipped;
        codeOf(() => decodeFrame(changed));
      }
    }
  });
});
