import assert from "node:assert/strict";
import { test } from "node:test";
import type { UseActorOptions } from "../types.ts";
import { hashOptions } from "./connections.ts";

test("keys of the same actor share a connection, and an invalid key does not fail a render", () => {
  assert.equal(hashOptions({ name: "room", key: "a" }), hashOptions({ name: "room", key: ["a"] }));
  assert.equal(hashOptions({ name: "room" }), hashOptions({ name: "room", key: [], noCreate: false }));
  assert.notEqual(
    hashOptions({ name: "room", key: ["a,b"] }),
    hashOptions({ name: "room", key: ["a", "b"] }),
  );
  const unknownYet = { name: "room", key: [undefined], enabled: false } as unknown as UseActorOptions<string>;
  assert.notEqual(hashOptions(unknownYet), hashOptions({ name: "room" }));
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
  ].map((params) => hashOptions({ name: "room", params }));
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(hashOptions({ name: "room", params: { id: 1n } }), hashes[2]);
  assert.ok(hashOptions({ name: "room", params: { render: () => undefined } }));
});
