/** Export and import of an organization: what comes back, what does not, and that a damaged archive leaves nothing. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { createStudioClient, type Studio } from "../../src/index.ts";
import { type ArchiveEntry, packArchive, readArchive } from "../../src/portability/archive.ts";
import { type Credentials, connectAs } from "../access/people-support.ts";
import { type Answer, asOperator, code, joinAs, send, start } from "./studio-support.ts";

const at = "/people/organizations";
const uuid = (last: number) => `0198c0de-0000-7000-8000-${String(last).padStart(12, "0")}`;
/** Two pieces. */
const content = Buffer.from("heron\n".repeat(100_000));
const file = { id: uuid(9), name: "herons.txt", mediaType: "text/plain", bytes: content.length };
const pieces = [content.subarray(0, 512 * 1024), content.subarray(512 * 1024)];
const events = Array.from({ length: 1_500 }, (_, index) => ({
  seq: index + 1,
  at: 1_700_000_000_000 + index,
  body:
    index === 0
      ? { type: "prompt", text: "Count the herons", attachments: [file] }
      : { type: "note", text: `A heron stands at number ${index}` },
}));
const usage = { inputTokens: 5, outputTokens: 7, requests: 1 };

function taskOf(id: string, session: string, repository: object) {
  return {
    state: {
      ...{ version: 1, id, title: "Count the herons", ...repository, unsafe: false, agent: "demo" },
      ...{
        startedBy: { id: "ada", name: "Ada" },
        createdAt: 1_700_000_000_000,
        updatedAt: 1_700_000_009_000,
      },
      ...{ sessionId: session, status: "idle", usage, people: ["ada"], labels: ["birds", "wetland"] },
      prompts: [
        {
          ...{
            id: "p",
            text: "Count the herons",
            state: "done",
            attempts: 1,
            by: { id: "ada", name: "Ada" },
          },
          ...(id === uuid(3) ? { attachments: [file] } : {}),
        },
      ],
    },
  };
}

const entries: readonly ArchiveEntry[] = [
  {
    name: "manifest.json",
    value: {
      ...{ format: "holdfast-organization", version: 1, exportedAt: 1 },
      organization: { id: "local", name: "Birds" },
    },
  },
  { name: "members.json", value: [{ person: "ada", name: "Ada", email: "ada@example.org", role: "admin" }] },
  {
    name: "repositories.json",
    value: [
      {
        ...{ id: uuid(1), name: "team/app" },
        source: {
          ...{ kind: "git", url: "https://git.example.invalid/team/app" },
          // An archive may name any secret: the import uses none of them.
          credential: { username: "git", secret: "model.anthropic" },
        },
      },
      { id: uuid(2), name: "/srv/app", source: { kind: "folder", path: "/srv/app" } },
    ],
  },
  {
    name: "schedules.json",
    value: [
      {
        ...{ name: "Nightly", repository: uuid(1), cron: "0 3 * * *", timezone: "Europe/Berlin" },
        ...{ agent: "demo", prompt: "Count again" },
      },
    ],
  },
  {
    name: "budgets.json",
    value: [{ id: "all", scope: "organization", period: "day", warnAt: 0.8, costMicros: 5_000_000 }],
  },
  { name: "prices.json", value: [{ model: "heron-1", input: 1, output: 2 }] },
  { name: "notification-defaults.json", value: { mailAfterMinutes: 9 } },
  { name: "views.json", value: [{ person: "ada", views: [{ id: "v", name: "Mine", filter: {} }] }] },
  {
    name: `tasks/${uuid(3)}.json`,
    value: taskOf(uuid(3), uuid(4), { repository: "team/app", connected: { id: uuid(1) } }),
  },
  ...pieces.map((piece, index) => ({
    ...{ name: `attachments/${file.id}/${index}.json`, value: piece.toString("base64") },
  })),
  { name: `sessions/${uuid(4)}/0.json`, value: events.slice(0, 1_000) },
  { name: `sessions/${uuid(4)}/1000.json`, value: events.slice(1_000) },
  // A task in a folder of another machine.
  {
    name: `tasks/${uuid(5)}.json`,
    value: { ...taskOf(uuid(5), uuid(6), { repository: "/etc" }), archivedAt: 7 },
  },
];

async function* iterate(all: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  yield* all;
}

const packed = (all: readonly ArchiveEntry[]) => buffer(packArchive(iterate(all)));

async function importAs(studio: Studio, by: Credentials, name: string, archive: Buffer): Promise<Answer> {
  const response = await fetch(`${studio.url}${at}/import?name=${encodeURIComponent(name)}`, {
    method: "POST",
    headers: { ...by, "content-type": "application/gzip" },
    body: new Uint8Array(archive),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"], cookies: [] };
}

async function exported(studio: Studio, by: Credentials, id: string): Promise<readonly ArchiveEntry[]> {
  const response = await fetch(`${studio.url}${at}/${id}/export`, { headers: by });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/gzip");
  const found: ArchiveEntry[] = [];
  const body = Readable.from([Buffer.from(await response.arrayBuffer())]);
  for await (const entry of readArchive(body)) found.push(entry);
  return found;
}

test("an archive becomes an organization, and an organization an archive", async (t) => {
  const studio = await start(t);
  const operator = await asOperator(studio);
  const ann = await joinAs(studio, operator, "owner", "ann@example.org");
  const ben = await joinAs(studio, operator, "viewer", "ben@example.org");
  const count = async () =>
    ((await send(studio, "GET", at, operator)).body["organizations"] as readonly unknown[]).length;
  let id = "";

  await t.test("comes back with tasks, transcripts and settings, under new ids", async () => {
    const made = await importAs(studio, ann.credentials, "Birds again", await packed(entries));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { report, ...summary } = made.body as {
      readonly report: Record<string, unknown>;
      readonly id: string;
    };
    id = summary.id;
    assert.deepEqual(summary, { id, name: "Birds again", role: "owner" });
    const { notCarried, ...counts } = report;
    assert.deepEqual(counts, { tasks: 2, repositories: 1, schedules: 1, invitations: 1 });
    assert.match(String(notCarried), /secrets.*accounts.*files.*\/srv\/app/s);

    const client = createStudioClient(connectAs(t, studio.url, ann.credentials), id);
    const [repository] = await client.organization.listRepositories();
    assert.ok(repository, "a repository");
    assert.ok(repository.id.startsWith(`${id}_`));
    const { source } = await client.repository(repository.id).get();
    assert.deepEqual(source.kind === "git" && source.credential?.secret, `repository.${repository.id}.token`);
    const [schedule] = await client.schedules.list();
    assert.deepEqual([schedule?.isPaused, schedule?.repository, schedule?.nextAt], [true, repository.id, []]);
    assert.deepEqual(
      (await client.usage.budgets()).budgets.map((budget) => budget.id),
      ["all"],
    );
    assert.deepEqual(await client.attention.notificationDefaults(), { mailAfterMinutes: 9 });

    const { tasks } = await client.organization.listTasks({ search: "heron" });
    const [task] = tasks;
    assert.equal(tasks.length, 1, "the other one is archived");
    assert.deepEqual([task?.title, task?.status, task?.startedBy?.name], ["Count the herons", "idle", "Ada"]);
    assert.deepEqual(task?.labels, ["birds", "wetland"]);
    const view = await client.task(task?.id ?? "").get();
    const log = client.session(view.sessionId);
    const pages = [await log.events({ after: 0, limit: 1_000 }), await log.events({ after: 1_000 })];
    const [first, ...rest] = pages.flatMap((page) => page.events);
    assert.deepEqual(rest, events.slice(1));
    // The file is there, under a new id.
    const [attached] = first?.body.type === "prompt" ? (first.body.attachments ?? []) : [];
    assert.deepEqual({ ...attached, id: "" }, { ...file, id: "" });
    assert.notEqual(attached?.id, file.id);
    const path = `${studio.url}/organizations/${id}/attachments/${attached?.id}`;
    const downloaded = await fetch(path, { headers: ann.credentials });
    assert.equal(downloaded.status, 200);
    assert.ok(Buffer.from(await downloaded.arrayBuffer()).equals(content));
    const invited = await send(studio, "GET", `${at}/${id}/invitations`, ann.credentials);
    assert.match(JSON.stringify(invited.body), /ada@example\.org/);
  });

  await t.test("an export has the same again, and can be imported again", async () => {
    const found = await exported(studio, ann.credentials, id);
    assert.deepEqual(
      found.map(({ name }) =>
        name.replaceAll(/org[0-9a-f]{12}_[0-9a-f-]{36}/g, "ID").replace(/[0-9a-f-]{36}/, "FILE"),
      ),
      [
        ...["manifest.json", "members.json", "repositories.json", "schedules.json", "budgets.json"],
        ...["prices.json", "notification-defaults.json", "views.json"],
        ...["tasks/ID.json", "attachments/FILE/0.json", "attachments/FILE/1.json"],
        ...["sessions/ID/0.json", "sessions/ID/1000.json", "tasks/ID.json"],
      ],
    );
    const entryValue = (name: string) => found.find((entry) => entry.name === name)?.value;
    for (const name of ["budgets.json", "views.json"])
      assert.deepEqual(entryValue(name), entries.find((entry) => entry.name === name)?.value, name);
    assert.deepEqual(
      found
        .filter(({ name }) => name.startsWith("sessions/"))
        .flatMap(({ value }) => value)
        .slice(1),
      events.slice(1),
    );
    assert.doesNotMatch(JSON.stringify(found), /"(hash|token)":/);
    const again = await importAs(studio, operator, "Third", await packed(found));
    assert.equal(again.status, 201, JSON.stringify(again.body));
    assert.equal((again.body["report"] as { readonly tasks: number }).tasks, 2);
  });

  await t.test("only owners export, and viewers import nothing", async () => {
    assert.equal(code(await send(studio, "GET", `${at}/local/export`, ben.credentials)), "auth.forbidden");
    const refused = await importAs(studio, ben.credentials, "Bens", await packed(entries));
    assert.equal(code(refused), "organization.may_not_create");
  });

  await t.test("all of it or nothing: a damaged or hostile archive leaves no organization", async () => {
    const before = await count();
    const good = await packed(entries);
    const withoutEnd = good.subarray(0, good.length - 200);
    const swapped = entries.map((entry) =>
      entry.name.startsWith("sessions/") ? { ...entry, value: events.slice(5) } : entry,
    );
    const outside = { name: "../../etc/passwd", value: {} };
    const newer = { name: "manifest.json", value: { format: "holdfast-organization", version: 3 } };
    for (const [what, archive] of [
      ["cut off", withoutEnd],
      ["no archive", Buffer.from("not an archive")],
      ["empty", Buffer.alloc(0)],
      ["a gap in a transcript", await packed(swapped)],
      [
        "a file that is something else",
        await packed(
          entries.map((entry) =>
            entry.name.startsWith("attachments/")
              ? { ...entry, value: Buffer.from(String(entry.value)).toString("base64") }
              : entry,
          ),
        ),
      ],
      ["half a file", await packed(entries.filter(({ name }) => !name.endsWith("/1.json")))],
      ["an unknown part", await packed([...entries, outside])],
      ["a newer version", await packed([newer, ...entries.slice(1)])],
      [
        "a task that runs",
        await packed([
          ...entries.slice(0, 1),
          { name: "tasks/x.json", value: { state: { ...taskOf("x", "y", {}).state, status: "running" } } },
        ]),
      ],
      ["no manifest", await packed(entries.slice(1))],
    ] as const) {
      const answer = await importAs(studio, ann.credentials, "Broken", archive);
      assert.equal(code(answer), "organization.invalid_archive", `${what}: ${JSON.stringify(answer.body)}`);
      assert.equal(await count(), before, what);
    }
    const left = await fetch(`${studio.url}/actors?name=organizations`, { headers: operator });
    assert.equal(left.status, 200);
  });
});
