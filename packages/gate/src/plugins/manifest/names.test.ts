import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { below, credentialKey, type PluginName, pluginName } from "./names.ts";

test("names of plugins and keys of credentials are plain, and bounded", () => {
  for (const name of ["a", "git_hub-2", "a".repeat(40)]) assert.equal(pluginName(name), name);
  for (const name of ["", "A", "1a", "-a", "a.b", "../credentials", "a/b", "a\0", "a\n", "a".repeat(41), 7]) {
    assert.throws(
      () => pluginName(name),
      (error) => isErrorCode(error, "plugin", "invalid_name"),
    );
  }
  for (const key of ["A", "api-key.v2", "_a", "k".repeat(128)]) assert.equal(credentialKey(key), key);
  for (const key of ["", ".", "..", "a..b", "../x", "a/b", "-a", ".a", "a\0", "k".repeat(129), null]) {
    assert.throws(
      () => credentialKey(key),
      (error) => isErrorCode(error, "plugin", "invalid_credential_key"),
    );
  }
});

test("a name that was checked nowhere leads nowhere but below its folder", () => {
  assert.equal(below("/plugins", pluginName("git")), "/plugins/git");
  assert.equal(below("plugins/..", pluginName("git")), `${process.cwd()}/git`);
  for (const name of ["..", "../other", "/etc", ".", "", "a/../../b"]) {
    // What the type keeps out, a mistake could let in.
    assert.throws(
      () => below("/plugins", name as PluginName),
      (error) => isErrorCode(error, "plugin", "invalid_name"),
    );
  }
});
