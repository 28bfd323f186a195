import assert from "node:assert/strict";
import { test } from "node:test";
import { reachedAt, servedHosts } from "./served-hosts.ts";

const addresses = () => ["127.0.0.1", "192.0.2.7", "2001:db8::7"];

test("a Studio is served under the address or name that it was asked to listen at", () => {
  assert.deepEqual(servedHosts("192.0.2.7", addresses), ["192.0.2.7"]);
  assert.deepEqual(servedHosts("desk.example", addresses), ["desk.example"]);
  assert.deepEqual(servedHosts("2001:db8::7", addresses), ["[2001:db8::7]"]);
});

test("one that listens at every address is served under each of them, and linked to by the loopback", () => {
  for (const every of ["0.0.0.0", "::"])
    assert.deepEqual(servedHosts(every, addresses), ["127.0.0.1", "192.0.2.7", "[2001:db8::7]"]);
  assert.equal(reachedAt("0.0.0.0", 6420), "http://127.0.0.1:6420");
  assert.equal(reachedAt("::", 6420), "http://[::1]:6420");
  assert.equal(reachedAt("192.0.2.7", 6420), "http://192.0.2.7:6420");
  assert.equal(reachedAt("2001:db8::7", 6420), "http://[2001:db8::7]:6420");
});
