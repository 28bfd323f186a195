import assert from "node:assert/strict";
import { test } from "node:test";
import { systemPackagesOf } from "./system-packages.ts";

test("a command installs what its own files need, and nothing for others", () => {
  assert.deepEqual(systemPackagesOf(["bench/actors"]), []);
  assert.deepEqual(systemPackagesOf(["packages/server/tests/lifecycle.test.ts"]), []);
  assert.deepEqual(systemPackagesOf(["bench/sandbox"]), ["git", "bubblewrap"]);
  assert.deepEqual(systemPackagesOf(["packages/plugins/tests/mail.test.ts"]), [
    "git",
    "bubblewrap",
    "dovecot-imapd",
    "exim4-daemon-light",
    "openssl",
  ]);
  assert.ok(systemPackagesOf(["tests/e2e/first-task.test.ts"]).includes("chromium-headless-shell"));
  assert.ok(!systemPackagesOf(["tests/e2e/first-task.test.ts"]).includes("docker.io"));
});
