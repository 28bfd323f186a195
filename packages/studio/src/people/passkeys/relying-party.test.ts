import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { Challenges } from "./challenge.ts";
import { relyingPartyOf } from "./relying-party.ts";

test("a passkey is for the name behind --origin, whatever the request says", () => {
  const site = { id: "studio.example.org", origin: "https://studio.example.org" };
  for (const host of ["studio.example.org", "10.0.0.5:6420", "localhost:6420", undefined])
    assert.deepEqual(relyingPartyOf(site.origin, host), site);
  const other = "https://studio.example.org:8443";
  assert.deepEqual(relyingPartyOf(other, undefined), { id: "studio.example.org", origin: other });
});

test("without --origin it is for localhost, where the person has opened it so", () => {
  const local = { id: "localhost", origin: "http://localhost:6420" };
  assert.deepEqual(relyingPartyOf("http://127.0.0.1:6420", "localhost:6420"), local);
  assert.deepEqual(relyingPartyOf("http://localhost:6420", undefined), local);
  for (const [origin, host] of [
    ["http://127.0.0.1:6420", "127.0.0.1:6420"],
    ["http://127.0.0.1:6420", "localhost:1"],
    ["http://[::1]:6420", undefined],
    ["http://studio.example.org", "studio.example.org"],
    ["https://10.0.0.5", "localhost"],
  ] as const)
    assert.throws(
      () => relyingPartyOf(origin, host),
      (error) => isErrorCode(error, "people", "passkeys_unavailable"),
      origin,
    );
});

test("a challenge is accepted at all nodes, for its purpose, until it expires", () => {
  let now = 1_000;
  const made = new Challenges("secret", () => now).make("sign-in");
  const other = new Challenges("secret", () => now);
  assert.ok((other.expiryOf(made, "sign-in") ?? 0) > now);
  assert.equal(other.expiryOf(made, "register ada"), undefined);
  assert.equal(new Challenges("another", () => now).expiryOf(made, "sign-in"), undefined);
  assert.equal(other.expiryOf(`${made.slice(0, 30)}A${made.slice(31)}`, "sign-in"), undefined);
  assert.equal(other.expiryOf("", "sign-in"), undefined);
  now += 15 * 60 * 1_000;
  assert.equal(other.expiryOf(made, "sign-in"), undefined);
});
