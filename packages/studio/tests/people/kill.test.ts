/** An organization that is deleted or imported while the server is killed, or while a repository is being synced. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createStudioClient } from "../../src/index.ts";
import { type ArchiveEntry, packArchive } from "../../src/portability/archive.ts";
import { connectAs } from "../access/people-support.ts";
import { author, githubApp, storeSecrets } from "../repositories/support.ts";
import { ServerProcess, temporaryFolder, withoutTasks } from "../support.ts";
import { code, send } from "./studio-support.ts";

const at = "/people/organizations";
const people = { HOLDFAST_TEST_PEOPLE: "1", ...withoutTasks };
const uuid = (last: number) => `0198c0de-0000-7000-8000-${String(last).padStart(12, "0")}`;
const taskCount = 40;

/** An organization with tasks, each with a transcript. */
function* entries(): Generator<ArchiveEntry> {
  const organization = { id: "local", name: "Birds" };
  const manifest = { format: "holdfast-organization", version: 1, exportedAt: 1, organization };
  yield { name: "manifest.json", value: manifest };
  for (let n = 1; n <= taskCount; n += 1) {
    const [id, session] = [uuid(n), uuid(1_000 + n)];
    const state = {
      ...{ version: 1, id, title: `Count ${n}`, repository: "/srv/app", unsafe: false, agent: "demo" },
      ...{ createdAt: 1, updatedAt: 2, sessionId: session, status: "idle", people: ["ada"] },
      usage: { inputTokens: 0, outputTokens: 0, requests: 0 },
      prompts: [{ id: "p", text: "Count", state: "done", attempts: 1 }],
    };
    yield { name: `tasks/${id}.json`, value: { state } };
    // Text that does not get smaller, so that half of the archive is half of its tasks.
    const event = () => ({
      type: "note",
      text: Buffer.from(crypto.getRandomValues(new Uint8Array(3_000))).toString("base64"),
    });
    const events = Array.from({ length: 10 }, (_, index) => ({ seq: index + 1, at: 1, body: event() }));
    yield { name: `sessions/${session}/0.json`, value: events };
  }
}

async function* iterate(): AsyncGenerator<ArchiveEntry> {
  yield* entries();
}

/** Sends an archive, as far as `archive` yields it. */
function importInto(server: ServerProcess, name: string, archive: Readable): Promise<Response> {
  return fetch(`${server.url}${at}/import?name=${name}`, {
    method: "POST",
    headers: { cookie: server.cookie, "content-type": "application/gzip" },
    body: Readable.toWeb(archive) as ReadableStream,
    duplex: "half",
  } as RequestInit);
}

async function listed(server: ServerProcess, actor: string): Promise<string> {
  const response = await fetch(`${server.url}/actors?name=${actor}`, { headers: { cookie: server.cookie } });
  assert.equal(response.status, 200);
  return response.text();
}

const kinds = [
  ...["organization", "attention", "usage", "schedules", "drafts", "inbox", "members", "task", "session"],
  ...["repository", "notifications", "billing", "administration"],
];

/** Everything with an id of an organization, after the work that a start has resumed. */
async function leftOf(t: TestContext, server: ServerProcess, data: string, id: string) {
  // A regular end waits for the deletions that the start has resumed.
  await server.stop();
  const last = await ServerProcess.start(t, data, server.cookie, people);
  const left: string[] = [];
  for (const kind of kinds) if ((await listed(last, kind)).includes(id)) left.push(kind);
  for (const folder of ["tasks", "environments", "mirrors", "repositories"])
    if (existsSync(join(data, folder)))
      left.push(...readdirSync(join(data, folder)).filter((name) => name.includes(id)));
  return { last, left };
}

async function organizationsOf(server: ServerProcess): Promise<readonly { readonly name: string }[]> {
  const { body } = await send(server, "GET", at, { cookie: server.cookie });
  return body["organizations"] as readonly { readonly name: string }[];
}

test("SIGKILL in the middle of a deletion: the next start completes it", async (t) => {
  const data = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, data, undefined, people);
  const made = await importInto(server, "Birds", packArchive(iterate()));
  assert.equal(made.status, 201, await made.clone().text());
  const { id } = (await made.json()) as { readonly id: string };
  const client = createStudioClient(connectAs(t, server.url, { cookie: server.cookie }), id);
  const deleted: string[] = [];
  const reached = Promise.withResolvers<void>();
  await client.organization.on("taskDeleted", ({ taskId }) => {
    deleted.push(taskId);
    if (deleted.length === taskCount / 4) reached.resolve();
  });
  const answer = send(server, "DELETE", `${at}/${id}`, { cookie: server.cookie }, { name: "Birds" }).then(
    () => "answered",
    () => "cut off",
  );
  await reached.promise;
  await server.kill();
  assert.equal(await answer, "cut off");
  assert.ok(deleted.length < taskCount, "it was in the middle");

  const next = await ServerProcess.start(t, data, server.cookie, people);
  assert.equal((await organizationsOf(next)).length, 1, "nobody sees it any more");
  const again = await send(next, "DELETE", `${at}/${id}`, { cookie: next.cookie }, { name: "Birds" });
  assert.equal(code(again), "organization.not_found");
  const { last, left } = await leftOf(t, next, data, id);
  assert.deepEqual(left, []);
  await last.stop();
});

test("SIGKILL in the middle of an import: nothing of it is left, and it can be imported again", async (t) => {
  const data = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, data, undefined, people);
  const archive = await buffer(packArchive(iterate()));
  const open = new Readable({ read() {} });
  open.push(archive.subarray(0, archive.length / 2));
  const answer = importInto(server, "Birds", open).then(
    () => "answered",
    () => "cut off",
  );
  // Half of the archive has arrived when a quarter of its tasks are there.
  let id = "";
  for (let tasks = 0; tasks < taskCount / 4; ) {
    const found = [...(await listed(server, "task")).matchAll(/(org[0-9a-f]{12})_[0-9a-f-]{36}/g)];
    id = found[0]?.[1] ?? "";
    tasks = new Set(found.map(([task]) => task)).size;
  }
  assert.equal((await organizationsOf(server)).length, 1, "nobody sees it until it is complete");
  await server.kill();
  assert.equal(await answer, "cut off");

  const next = await ServerProcess.start(t, data, server.cookie, people);
  const { last, left } = await leftOf(t, next, data, id);
  assert.deepEqual(left, []);
  const again = await importInto(last, "Birds", Readable.from([archive]));
  assert.equal(again.status, 201, await again.clone().text());
  const { report } = (await again.json()) as { readonly report: { readonly tasks: number } };
  assert.equal(report.tasks, taskCount);
  assert.deepEqual(
    (await organizationsOf(last)).map(({ name }) => name),
    ["First organization", "Birds"],
  );
  await last.stop();
});

test("an organization that is deleted while a repository of it is being synced is gone with it", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(300, author);
  const data = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, data, undefined, people);
  await storeSecrets(data, forge);
  const by = { cookie: server.cookie };
  const { body } = await send(server, "POST", at, by, { name: "Syncing" });
  const id = String(body["id"]);
  const client = createStudioClient(connectAs(t, server.url, by), id);
  // The second page is not answered before the deletion is.
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hold = (): Promise<void> => {
    reached.resolve();
    return held.promise;
  };
  forge.emulator.faults.push({ at: /\/pulls\?.*&page=2$/, kind: "call", call: hold });
  await client.organization.connectRepository(forge.source);
  await reached.promise;
  const gone = await send(server, "DELETE", `${at}/${id}`, by, { name: "Syncing" });
  assert.equal(gone.status, 204, JSON.stringify(gone.body));
  const { length } = forge.emulator.requests;
  held.resolve();
  const { last, left } = await leftOf(t, server, data, id);
  assert.deepEqual(left, []);
  // Only the page that was on its way was still answered.
  const later = forge.emulator.requests.slice(length).filter((line) => line.includes("/pulls?"));
  assert.ok(later.length <= 1, later.join("\n"));
  await last.stop();
});
