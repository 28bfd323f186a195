/** The data directory of a Studio that each earlier release has written opens in this version, and its tasks go on. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openAudit, openVault } from "@holdfast/gate";
import { connectWithCookie, createStudio, createStudioClient, type StudioClient } from "@holdfast/studio";
import { removeAtExit } from "@holdfast/testing/scratch";
import { organization, send, signIn } from "../../packages/studio/tests/people/studio-support.ts";
import { mentions, needsJail, readLog, Watch } from "../../packages/studio/tests/support.ts";
import { releases, unpack } from "./support/releases.ts";
import { studioOptions } from "./support/studio.ts";

for (const version of releases) {
  test(`a Studio of ${version} has all of its data, and its tasks go on`, { timeout: 120_000 }, async (t) => {
    if (!needsJail(t)) return;
    const directory = mkdtempSync(join(tmpdir(), "holdfast-upgrade-"));
    removeAtExit(directory);
    unpack(version, "studio", directory);
    const written = await (await openAudit(directory)).verify();
    assert.ok(written.ok && written.records > 20);
    const studio = await createStudio(studioOptions(directory));
    t.after(() => studio.close());

    // People sign in with their passwords.
    const credentials = await signIn(studio, "ada@example.org");
    const { body } = await send(studio, "GET", `${organization}/members`, credentials);
    const members = body["members"] as readonly Readonly<Record<string, string>>[];
    assert.deepEqual(
      members.map(({ email, role }) => `${email} ${role}`),
      ["ada@example.org owner", "bob@example.org viewer"],
    );
    const base = connectWithCookie(studio.url, credentials["cookie"] ?? "");
    t.after(() => base.dispose());
    const client = createStudioClient(base);
    const person = String((await send(studio, "GET", "/people/me", credentials)).body["id"]);

    // A finished task, with its transcript, its changes, and its place in the inbox.
    const { tasks } = await client.organization.listTasks();
    const [asking, finished] = tasks;
    assert.ok(asking !== undefined && finished !== undefined && tasks.length === 2);
    assert.deepEqual([finished.status, finished.labels], ["idle", ["kept"]]);
    const { sessionId } = await client.task(finished.id).get();
    const log = await readLog(client, sessionId);
    assert.ok(log.some((event) => mentions(event, "README.md")));
    assert.match(await changesOf(client, finished.id), /^\+Written before$/m);
    const { entries } = await client.inbox(person).list();
    assert.ok(entries.some(({ kind, task }) => kind === "finished" && task?.id === finished.id));

    // The one that waited for an answer asks again, and ends.
    const watch = await Watch.open(client, asking.id);
    await watch.answer("allow_once");
    await watch.status("idle", "failed");
    await watch.close();
    assert.match(await changesOf(client, asking.id), /^\+Asked before$/m);

    assert.equal((await client.drafts(person).get("new"))?.text, "Not sent yet");
    const [schedule] = await client.schedules.list();
    assert.deepEqual([schedule?.name, schedule?.isPaused], ["Yearly", true]);
    const { budgets } = await client.usage.budgets();
    assert.deepEqual(
      budgets.map(({ id, tokens }) => ({ id, tokens })),
      [{ id: "all", tokens: 1_000_000 }],
    );
    const secret = await openVault(directory).readSecret({ name: "deploy-key", owner: {} });
    assert.equal(secret, "a secret of the last release");
    // One chain, from the first record of that release to those of now.
    const check = await studio.client.administration.verifyAudit();
    assert.ok(check.isIntact && check.records > written.records, JSON.stringify(check));
  });
}

/** The changes of a task, as a patch. */
async function changesOf(client: StudioClient, task: string): Promise<string> {
  const { files } = await client.task(task).diff();
  return files.map(({ patch }) => patch).join("\n");
}
