/** Signing in while the server is busy with a sync. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { author, githubApp, Summaries, storeSecrets } from "../repositories/support.ts";
import { ServerProcess, temporaryFolder, withoutTasks } from "../support.ts";
import { joinAs, password, send } from "./studio-support.ts";

/** Of the hundred that the sync reads. One that held up sign-ins would read all that are left first. */
const maxPages = 50;

test("a sign-in waits for some pages of a sync of 10,000 pull requests, and not for its end", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(10_000, author);
  const dataDirectory = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, dataDirectory, undefined, {
    HOLDFAST_TEST_PEOPLE: "1",
    ...withoutTasks,
  });
  await storeSecrets(dataDirectory, forge);
  await joinAs(server, { cookie: server.cookie }, "member", "ada@example.org");
  const summaries = await Summaries.watch(t, server.client);
  await server.client.organization.connectRepository(forge.source);
  await summaries.until(({ pullRequests }) => pullRequests > 0);
  const pages = () => forge.emulator.requests.filter((each) => each.includes("/pulls?")).length;
  const waits: number[] = [];
  // The limit of attempts allows three at once.
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = pages();
    const body = { email: "ada@example.org", password };
    const answer = await send(server, "POST", "/people/auth/sign-in/email", {}, body);
    const waited = pages() - before;
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const [repository] = await server.client.organization.listRepositories();
    if (repository?.status !== "synced") waits.push(waited);
  }
  t.diagnostic(`${waits.join(", ")} pages`);
  assert.ok(waits.length > 0, "the sync was over too soon");
  // Other tests may take the processor for a while, and a sync that holds up sign-ins holds up all of them.
  assert.ok(Math.min(...waits) <= maxPages, waits.join(", "));
  await server.stop();
});
