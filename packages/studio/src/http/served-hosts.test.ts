import assert from "node:assert/strict";
import { test } from "node:test";
import { allowedHosts, localUrl } from "./served-hosts.ts";

const addresses = () => ["127.0.0.1", "192.0.2.7", "2001:db8::7"];

test("a Studio accepts the host name or address that it listens on", () => {
  assert.deepEqual(allowedHosts("192.0.2.7", addresses), ["192.0.2.7"]);
  assert.deepEqual(allowedHosts("desk.example", addresses), ["desk.example"]);
  assert.deepEqual(allowedHosts("2001:db8::7", addresses), ["[2001:db8::7]"]);
});

test("a Studio that listens on all addresses accepts each of them, and links to the loopback address", () => {
  for (const every of ["0.0.0.0", "::"])
    assert.deepEqual(allowedHosts(every, addresses), ["127.0.0.1", "192.0.2.7", "[2001:db8::7]"]);
  assert.equal(localUrl("0.0.0.0", 6420), "http://127.0.0.1:6420");
  assert.equal(localUrl("::", 6420), "http://[::1]:6420");
  assert.equal(localUrl("192.0.2.7", 6420), "http://192.0.2.7:6420");
  assert.equal(localUrl("2001:db8::7", 6420), "http://[2001:db8::7]:6420");
});
