/** Signing in while the server is busy with a sync. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { author, githubApp, Summaries, storeSecrets } from "../repositories/support.ts";
import { ServerProcess, temporaryFolder } from "../support.ts";
import { joinAs, password, send } from "./studio-support.ts";

test("a person signs in within 300 ms while thousands of pull requests are copied", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(10_000, author);
  const dataDirectory = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, dataDirectory, undefined, { HOLDFAST_TEST_PEOPLE: "1" });
  await storeSecrets(dataDirectory, forge);
  const joinedAt = performance.now();
  await joinAs(server, { cookie: server.cookie }, "member", "ada@example.org");
  // It takes the hash of a password too: on a machine that is busy with other tests, both take longer.
  const limitMs = Math.max(300, 2 * (performance.now() - joinedAt));
  const summaries = await Summaries.watch(t, server.client);
  await server.client.organization.connectRepository(forge.source);
  await summaries.until(({ pullRequests }) => pullRequests > 0);
  const durations: number[] = [];
  // The limit of attempts allows three at once.
  for (let attempt = 0; attempt < 3; attempt++) {
    const startedAt = performance.now();
    const body = { email: "ada@example.org", password };
    const answer = await send(server, "POST", "/people/auth/sign-in/email", {}, body);
    durations.push(performance.now() - startedAt);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const [repository] = await server.client.organization.listRepositories();
    if (attempt === 0) assert.notEqual(repository?.status, "synced", "the sync was over too soon");
  }
  t.diagnostic(`${durations.map((each) => each.toFixed(0)).join(", ")} of ${limitMs.toFixed(0)} ms`);
  // Other tests may take the processor for a while, and a sync that holds up sign-ins holds up all of them.
  assert.ok(Math.min(...durations) < limitMs, durations.join(" "));
  await server.stop();
});
