/** Commands about pull requests, branches and webhooks, against an emulated forge and real git over HTTP. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "@holdfast/cli";
import { createStudio } from "../../src/index.ts";
import { onlyPull, startTask } from "../publish/support.ts";
import { githubApp, storeSecrets } from "../repositories/support.ts";
import { needsJail, temporaryFolder } from "../support.ts";
import { commandsOf } from "./support.ts";

test("a pull request is listed, followed, addressed and merged from a shell", async (t) => {
  if (!needsJail(t)) return;
  const forge = await githubApp(t);
  const data = join(temporaryFolder(t), "data");
  const environment = { PATH: process.env.PATH };
  const studio = await createStudio({ dataDirectory: data, environment, vault: { logins: false } });
  t.after(() => studio.close());
  await storeSecrets(data, forge);
  const published = await startTask(t, forge, studio.client);
  const { id, watch } = published;
  const run = await commandsOf(t, studio, data);
  assert.match((await run("pulls", "status", id)).text, /not published\. Publish it with: holdfast publish/);
  await run("publish", id, "--title", "Add one");
  const { number, headCommit } = onlyPull(published);

  assert.match((await run("repositories", "branches", "team/app")).text, / {2}main$/m);
  await run("pulls", "status", id, "--read");
  const listed = (await run("pulls", "list", "team/app", "--state", "open", "--json")).json<{
    title: string;
  }>();
  assert.deepEqual(
    listed.map(({ title }) => title),
    ["Add one"],
  );
  assert.equal(
    (await run("pulls", "list", "team/app", "--state", "merged")).text,
    "There are no such pull requests.",
  );
  assert.ok((await run("pulls", "show", "team/app", String(number))).text.startsWith(`#${number}`));

  forge.repository.setCheck("test", headCommit, "failure", { isStatus: true });
  const status = await run("pulls", "status", id, "--read");
  assert.match(status.text, /checks: failure/);
  assert.match(status.text, /failure +test\n1 not sent to the agent yet/);
  assert.equal((await run("pulls", "address", id)).text, "Sent to the agent.");
  await watch.answer("allow_once");
  await watch.status("idle");
  forge.repository.setCheck("test", headCommit, "success", { isStatus: true });
  await run("pulls", "status", id, "--read");
  assert.match((await run("pulls", "merge", id, "--squash")).text, /\(merged/);
  assert.ok(onlyPull(published).mergeCommit);

  const setup = await run("repositories", "webhook", "team/app", "https://studio.example.org");
  assert.match(setup.text, /https:\/\/studio\.example\.org\/forges\//);
  assert.equal((await run("repositories", "cancel", "team/app")).text, "No fetch runs any more.");
  for (const wrong of [
    ["pulls", "list", "team/app", "--state", "late"],
    ["pulls", "show", "team/app", "one"],
    ["pulls", "merge", id, "--state", "open"],
    ["repositories", "webhook", "team/app"],
  ])
    await assert.rejects(run(...wrong), UsageError, wrong.join(" "));
});
