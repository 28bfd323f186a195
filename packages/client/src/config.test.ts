import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createClient } from "./client.ts";
import { readConfig } from "./config.ts";

test("a configuration is an endpoint, an object or undefined", () => {
  assert.deepEqual(readConfig(undefined), {});
  assert.deepEqual(readConfig("http://there.example"), { endpoint: "http://there.example" });
  for (const encoding of ["json", "cbor", "bare", undefined]) assert.ok(readConfig({ encoding }));
  for (const config of [null, 5, true, [], { endpoint: 5 }, { encoding: "xml" }, { encoding: null }]) {
    assert.throws(
      () => createClient(config as never),
      (error) => isErrorCode(error, "client", "invalid_config"),
    );
  }
});
