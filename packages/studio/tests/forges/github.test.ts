import assert from "node:assert/strict";
import { test } from "node:test";
import { githubAsApp, repositoryName as name } from "./fixture.ts";

test("an installation's token is renewed when it expires or is revoked", async (t) => {
  const { forge, emulator } = await githubAsApp();
  t.after(() => emulator.close());
  await forge.repository(name);
  emulator.accounts.tokens.clear();
  await forge.repository(name);
  emulator.advance(2 * 60 * 60 * 1000);
  await forge.repository(name);
  const renewals = emulator.requests.filter((line) => line.includes("access_tokens"));
  assert.equal(renewals.length, 3);
});

test("an unchanged page costs nothing of the rate limit", async (t) => {
  const { forge, emulator } = await githubAsApp();
  t.after(() => emulator.close());
  const first = await forge.pullRequests(name, {});
  assert.ok(first.isModified && first.etag !== undefined);
  const { remaining } = emulator.rateLimit;
  assert.deepEqual(await forge.pullRequests(name, { etag: first.etag }), { isModified: false });
  assert.equal(emulator.rateLimit.remaining, remaining);
});

test("a credential of git lasts an hour at most", async (t) => {
  const { forge, emulator } = await githubAsApp();
  t.after(() => emulator.close());
  const { expiresAt, isForRepositoryOnly } = await forge.gitCredential(name);
  assert.ok(expiresAt !== undefined && expiresAt <= emulator.now() + 60 * 60 * 1000);
  assert.equal(isForRepositoryOnly, true);
});
