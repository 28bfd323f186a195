import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Endpoint } from "./endpoint.ts";

test("a directory in which no socket has room is refused before anything is started", async () => {
  const ignore = () => {};
  const options = {
    log: silentLogger,
    onRequest: ignore,
    onRefused: ignore,
    onProblem: ignore,
    onLost: ignore,
  };
  // The longer of the two names of sockets is added to it: 108 bytes in all, one more than there is room for.
  const directory = join("/", "d".repeat(107 - "/request.sock".length));
  await assert.rejects(Endpoint.open({ ...options, directory }), { code: "path_too_long" });
});
