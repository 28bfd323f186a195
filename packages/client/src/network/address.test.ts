import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { actorPath, rawPath } from "./address.ts";

describe("the path of an actor", () => {
  test("is unique per key, and stays below the root", () => {
    const paths = [["a,b"], ["a", "b"], [""], [], [".."], ["/"], ["~"], ["%2C"]].map((key) =>
      actorPath({ type: "getOrCreate", name: "room", key }, true),
    );
    assert.deepEqual(paths.slice(0, 4), [
      "/actors/room/~a%2Cb,",
      "/actors/room/~a,b,",
      "/actors/room/~,",
      "/actors/room/~",
    ]);
    assert.equal(new Set(paths).size, paths.length);
    for (const path of paths) assert.equal(new URL(path, "http://host").pathname, path);
  });

  test("marks an existing actor with @, and an id cannot be read as a key", () => {
    assert.equal(actorPath({ type: "getOrCreate", name: "room", key: ["a"] }), "/actors/room/@a,");
    assert.equal(actorPath({ type: "get", name: "room", key: ["a"] }, true), "/actors/room/@a,");
    assert.equal(actorPath({ type: "id", name: "a/b", id: "~a," }), "/actors/a%2Fb/%7Ea%2C");
    assert.equal(actorPath({ type: "id", name: "room", id: "@a," }), "/actors/room/%40a%2C");
    for (const id of ["", ".", ".."]) {
      assert.throws(
        () => actorPath({ type: "id", name: "room", id }),
        (error) => isErrorCode(error, "actor", "not_found"),
      );
    }
  });
});

describe("the path of a raw request", () => {
  test("keeps the path and query of its input, below the root of the actor", () => {
    const expected = {
      "": "/",
      "a/b": "/a/b",
      "/a?x=1&x=%2C#part": "/a?x=1&x=%2C",
      "?q": "/?q",
      "//host/a": "//host/a",
      "../../a": "/a",
      "/%2e%2e/a": "/a",
      "http://host:1/a?b": "/a?b",
      "ws://host": "/",
      "a b": "/a%20b",
    };
    for (const [input, path] of Object.entries(expected)) assert.equal(rawPath(input), path, input);
    assert.equal(rawPath(new URL("https://host/a?b#c")), "/a?b");
    assert.throws(
      () => rawPath("http://"),
      (error) => isErrorCode(error, "client", "invalid_url"),
    );
  });
});
