import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestServices } from "@holdfast/gate/plugin-testing";
import { readSettings } from "./settings.ts";

const at = (host: string, config: Record<string, unknown> = {}) =>
  readSettings({
    ...createTestServices(),
    connections: { imap: { host, port: 143, localPort: 1 } },
    config: { address: "me@example.com", ...config },
  });

test("a password is sent unencrypted only to servers on this machine", () => {
  const clear = { imap_security: "none" };
  for (const host of ["mail.example.com", "192.0.2.1", "localhost.example.com", "10.0.0.1"]) {
    assert.throws(() => at(host, clear), /is only allowed for servers on this machine/);
  }
  for (const host of ["127.0.0.1", "localhost", "::1"]) assert.equal(at(host, clear).imap?.security, "none");
  assert.equal(at("mail.example.com").imap?.security, "tls");
});

test("new messages are published only to a group that may read mail", () => {
  const watching = (config: Record<string, unknown>) => at("mail.example.com", config).watch;
  assert.equal(watching({}), undefined);
  assert.deepEqual(watching({ watch_group: "home", watch_from: ["Ada@Example.com", "@Friends.example"] }), {
    ...{ group: "home", folder: "INBOX", seconds: 60 },
    from: ["ada@example.com", "@friends.example"],
  });
  assert.equal(watching({ watch_group: "home", groups: ["home"] })?.group, "home");
  assert.throws(() => watching({ watch_group: "home", groups: ["work"] }), /not one of groups/);
});

test("a server without an address is not configured", () => {
  assert.equal(at("mail.example.com", { address: "" }).imap, undefined);
  assert.equal(at("mail.example.com").smtp, undefined);
  assert.equal(at("mail.example.com").imap?.user, "me@example.com");
});
