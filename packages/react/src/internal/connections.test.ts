import assert from "node:assert/strict";
import { test } from "node:test";
import type { UseActorOptions } from "../types.ts";
import { hashOf } from "./connections.ts";

test("keys that mean the same actor share a connection, and a refused key does not fail a render", () => {
  assert.equal(hashOf({ name: "room", key: "a" }), hashOf({ name: "room", key: ["a"] }));
  assert.equal(hashOf({ name: "room" }), hashOf({ name: "room", key: [], noCreate: false }));
  assert.notEqual(hashOf({ name: "room", key: ["a,b"] }), hashOf({ name: "room", key: ["a", "b"] }));
  const unknownYet = { name: "room", key: [undefined], enabled: false } as unknown as UseActorOptions<string>;
  assert.notEqual(hashOf(unknownYet), hashOf({ name: "room" }));
});

test("all serializable parameters have a hash, and different parameters share no connection", () => {
  const hashes = [
    undefined,
    null,
    { id: 1n },
    { id: 2n },
    new Map([["team", "a"]]),
    new Map([["team", "b"]]),
    new Set(["a"]),
    new Uint8Array([1]),
    new Uint8Array([2]),
    { team: "a" },
  ].map((params) => hashOf({ name: "room", params }));
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(hashOf({ name: "room", params: { id: 1n } }), hashes[2]);
  assert.ok(hashOf({ name: "room", params: { render: () => undefined } }));
});
