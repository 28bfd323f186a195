import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf } from "./plugin-answers.ts";
import { PluginLoadError } from "./plugin-load-error.ts";

const failed = (message: string) => failureOf(new PluginLoadError("init_error", message), (text) => text);

test("of a long reason why a plugin did not come up, its beginning and its end are kept", () => {
  const short = failed("The plugin's process ended (exited, code 1): no");
  assert.deepEqual(short, {
    category: "init_error",
    message: "The plugin's process ended (exited, code 1): no",
  });
  const printed = `${"loading…\n".repeat(1_000)}Error: the last line says why`;
  const { message } = failed(`The plugin's process ended (exited, code 1): ${printed}`);
  assert.match(message, /^The plugin's process ended \(exited, code 1\): loading/);
  assert.match(message, /the last line says why$/);
  assert.ok(message.length <= 4_010, `${message.length} characters`);
});
