import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { encodeValue, HoldfastError, isErrorCode, limits } from "@holdfast/core";
import {
  type ClientFrame,
  decode,
  decodeClientMessage,
  decodeParams,
  decodeServerMessage,
  type Encoding,
  encodeOutput,
  encodeParams,
  joinFrames,
  prepareClientFrame,
  prepareEvent,
  prepareResult,
  prepareServerFrame,
  type ServerFrame,
} from "../src/index.ts";

/** Every frame of version 1. The golden file is never edited: a change needs another version. */
const clientFrames: readonly ClientFrame[] = [
  { type: "call", id: 1, name: "increment", args: [5], idempotencyKey: "k1" },
  {
    type: "call",
    id: 70_000,
    name: "admin.ban",
    args: ["ann", { hours: 2n, since: new Date(0) }],
    idempotencyKey: "k2",
  },
  { type: "cancel", id: 1 },
  { type: "subscribe", event: "changed" },
  { type: "unsubscribe", event: "changed" },
  { type: "ping" },
];
const serverFrames: readonly ServerFrame[] = [
  { type: "init", version: 1, actorId: "actor-1", connId: "conn-1" },
  { type: "result", id: 1, value: new Uint8Array([1, 2, 255]) },
  { type: "result", id: 300, value: undefined },
  {
    type: "error",
    id: 2,
    error: { group: "user", code: "user_error", message: "No", metadata: { field: "x" } },
  },
  { type: "error", id: undefined, error: { group: "auth", code: "forbidden", message: "No" } },
  { type: "event", name: "moved", args: [1.5, -2] },
  { type: "pong" },
];
const encodings: readonly Encoding[] = ["cbor", "json"];
const goldenFile = new URL("./golden/wire-v1.json", import.meta.url);

function textOf(message: Uint8Array | string): string {
  return typeof message === "string" ? message : Buffer.from(message).toString("hex");
}

function messageOf(encoding: Encoding, text: string): Uint8Array | string {
  return encoding === "json" ? text : new Uint8Array(Buffer.from(text, "hex"));
}

function currentMessages(): Record<string, string> {
  const messages: Record<string, string> = {};
  for (const encoding of encodings) {
    const client = clientFrames.map((frame) => prepareClientFrame(encoding, frame));
    const server = serverFrames.map((frame) => prepareServerFrame(encoding, frame));
    messages[`${encoding} client`] = textOf(joinFrames(client));
    messages[`${encoding} server`] = textOf(joinFrames(server));
    for (const [index, frame] of clientFrames.entries()) {
      messages[`${encoding} client ${index} ${frame.type}`] = textOf(
        joinFrames([client[index] ?? assert.fail()]),
      );
    }
    for (const [index, frame] of serverFrames.entries()) {
      messages[`${encoding} server ${index} ${frame.type}`] = textOf(
        joinFrames([server[index] ?? assert.fail()]),
      );
    }
  }
  return messages;
}

describe("wire version 1", () => {
  if (process.env["WRITE_GOLDEN"] === "wire-v1") {
    writeFileSync(goldenFile, `${JSON.stringify(currentMessages(), null, 2)}\n`, { flag: "wx" });
  }
  const golden = JSON.parse(readFileSync(goldenFile, "utf8")) as Record<string, string>;

  test("writes what the golden file holds", () => {
    assert.deepEqual(currentMessages(), golden);
  });

  for (const encoding of encodings) {
    test(`reads what the golden file holds, in ${encoding}`, () => {
      const client = decodeClientMessage(encoding, messageOf(encoding, golden[`${encoding} client`] ?? ""));
      assert.deepEqual(client, clientFrames);
      const server = decodeServerMessage(encoding, messageOf(encoding, golden[`${encoding} server`] ?? ""));
      assert.deepEqual(server, serverFrames);
    });

    test(`takes over stored CBOR as it is, in ${encoding}`, () => {
      const value = { at: new Date(5), bytes: new Uint8Array([7]) };
      for (const id of [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 40]) {
        const message = joinFrames([
          prepareResult(encoding, id, encodeValue(value)),
          prepareEvent(encoding, "naïve", encodeValue([value])),
        ]);
        assert.deepEqual(decodeServerMessage(encoding, message), [
          { type: "result", id, value },
          { type: "event", name: "naïve", args: [value] },
        ]);
      }
      assert.deepEqual(decode(encoding, encodeOutput(encoding, encodeValue(value))), { output: value });
    });

    test(`sends what is as deep as a value may be, in ${encoding}`, () => {
      let deep: unknown = 1;
      for (let level = 0; level < 1_000; level++) deep = [deep];
      const stored = encodeValue(deep);
      const sent = joinFrames([prepareResult(encoding, 1, stored), prepareEvent(encoding, "deep", stored)]);
      assert.equal(decodeServerMessage(encoding, sent).length, 2);
      assert.ok(encodeOutput(encoding, stored).length > 1_000);
    });

    test(`joins any number of frames, in ${encoding}`, () => {
      for (const count of [0, 1, 23, 24, 255, 256, 70_000]) {
        const ping = prepareClientFrame(encoding, { type: "ping" });
        const message = joinFrames(Array.from({ length: count }, () => ping));
        if (count > 0) assert.equal(decodeClientMessage(encoding, message).length, count);
      }
    });

    test(`carries parameters up to their limit, in ${encoding}`, () => {
      const params = { token: "t/ü+?", list: [1, null, new Uint8Array([0, 255])] };
      const encoded = encodeParams(encoding, params);
      assert.match(encoded, /^[A-Za-z0-9_-]*$/);
      assert.deepEqual(decodeParams(encoding, encoded), params);
      // The quotes of JSON and the head of CBOR.
      const overhead = encoding === "json" ? 2 : 3;
      const longest = "x".repeat(limits.maxConnParamsBytes - overhead);
      assert.equal(decodeParams(encoding, encodeParams(encoding, longest)), longest);
      assert.throws(() => encodeParams(encoding, `${longest}x`), hasCode("message", "params_too_long"));
    });
  }
});

describe("frames that were added to version 1", () => {
  const resume = { token: "t", received: 3, resumed: true };
  const init = { type: "init", version: 1, actorId: "a", connId: "c" } as const;
  const server: readonly ServerFrame[] = [
    { ...init, resume },
    { ...init, resume, liveness: { intervalMs: 5_000, timeoutMs: 2_500 } },
    { type: "gap", received: 7 },
    { type: "stream", id: 1 },
    { type: "chunk", id: 1, value: "x" },
  ];
  const client: readonly ClientFrame[] = [
    {
      type: "send",
      id: 1,
      queue: "jobs",
      content: { body: [1n], wait: true, timeout: 5 },
      idempotencyKey: "k",
    },
    { type: "ping", received: 9 },
    { type: "cancel", id: 3, idempotencyKey: "k" },
    { type: "credit", id: 1, pieces: 2 },
  ];
  for (const encoding of encodings) {
    test(`are read as they were written, in ${encoding}`, () => {
      const sent = joinFrames(client.map((frame) => prepareClientFrame(encoding, frame)));
      assert.deepEqual(decodeClientMessage(encoding, sent), client);
      const answered = joinFrames(server.map((frame) => prepareServerFrame(encoding, frame)));
      assert.deepEqual(decodeServerMessage(encoding, answered), server);
    });
  }
});

describe("hostile messages", () => {
  const frames: readonly unknown[] = [
    5,
    {},
    [5],
    [[]],
    [["1"]],
    [[99]],
    [[1, -1, "a", [], "k"]],
    [[1, 1.5, "a", [], "k"]],
    [[1, 2 ** 60, "a", [], "k"]],
    [[1, 1, 5, [], "k"]],
    [[1, 1, "a", "args", "k"]],
    [[1, 1, "a", [], null]],
    [[2]],
    [[3, 5]],
    [[4]],
    [[7, 1, "jobs", [], "k"]],
    [[7, 1, "jobs", null, "k"]],
    [[7, 1, 2, {}, "k"]],
    [[7, 1, "jobs", {}]],
  ];
  for (const frame of frames) {
    test(`refuses ${JSON.stringify(frame)}`, () => {
      assert.throws(
        () => decodeClientMessage("cbor", encodeValue(frame)),
        (error) => error instanceof HoldfastError && error.group === "message",
      );
      assert.throws(
        () => decodeClientMessage("json", JSON.stringify(frame)),
        (error) => error instanceof HoldfastError && error.group === "message",
      );
    });
  }

  test("refuses bytes that are not the encoding", () => {
    assert.throws(() => decodeClientMessage("json", "[["), hasCode("message", "malformed_json"));
    assert.throws(
      () => decodeClientMessage("json", new Uint8Array([0xff, 0xfe])),
      hasCode("message", "malformed_json"),
    );
    assert.throws(
      () => decodeClientMessage("cbor", new Uint8Array([0x9f])),
      hasCode("message", "malformed_cbor"),
    );
    assert.throws(() => decodeParams("cbor", "!!"), hasCode("message", "malformed_params"));
    assert.throws(() => decodeParams("cbor", "A".repeat(6_000)), hasCode("message", "params_too_long"));
  });

  test("takes arguments of the full depth, and not one more", () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
    const call = (depth: number) =>
      prepareClientFrame("cbor", {
        type: "call",
        id: 1,
        name: "a",
        args: [nested(depth)],
        idempotencyKey: "k",
      });
    assert.equal(decodeClientMessage("cbor", joinFrames([call(limits.maxDepth)])).length, 1);
    assert.throws(
      () => decodeClientMessage("cbor", joinFrames([call(limits.maxDepth + 1)])),
      hasCode("message", "too_deep"),
    );
  });
});

function hasCode(group: string, code: string): (error: unknown) => boolean {
  return (error) => isErrorCode(error, group, code);
}
