/** Prompts with files, options of the agent, and the queue: against a real server and an agent in a real jail. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isErrorCode } from "@holdfast/core";
import { createStudio, type Studio, studioLimits } from "../../src/index.ts";
import { createTranscript, reduceTranscript } from "../../src/transcript.ts";
import { logIn, makeRepository, needsJail, readLog, temporaryFolder, untilEvent, Watch } from "../support.ts";

/** Starts of a PNG and of nothing known. */
const png = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(900)]);
const binary = Buffer.from([0, 1, 2, 3, 255, 254]);

interface Started {
  readonly studio: Studio;
  readonly repository: string;
  readonly cookie: string;
}

async function start(t: TestContext): Promise<Started> {
  const folder = temporaryFolder(t);
  const directory = join(folder, "agent");
  mkdirSync(directory);
  const source = fileURLToPath(new URL("../fixtures/prompt-agent.mjs", import.meta.url));
  copyFileSync(source, join(directory, "agent.mjs"));
  const agent = (id: string, ...more: string[]) => ({
    ...{ id, directory, command: "{node}", args: ["{directory}/agent.mjs", ...more] },
  });
  const studio = await createStudio({
    dataDirectory: join(folder, "data"),
    environment: {},
    vault: { logins: false },
    customAgents: [agent("echo"), agent("plain", "plain")],
  });
  t.after(() => studio.close());
  const files = { "README.md": "# Hi\n", "main.ts": "export {};\n" };
  const cookie = await logIn(studio.url, await studio.issueTicket());
  return { studio, repository: makeRepository(folder, files), cookie };
}

async function upload({ studio, cookie }: Started, name: string, body: Buffer) {
  const path = `/organizations/local/attachments?name=${encodeURIComponent(name)}`;
  const response = await fetch(`${studio.url}${path}`, { method: "POST", headers: { cookie }, body });
  const answer = (await response.json()) as Readonly<Record<string, unknown>>;
  return {
    status: response.status,
    id: String(answer["id"]),
    code: `${answer["group"]}.${answer["code"]}`,
    answer,
  };
}

async function transcriptOf({ studio }: Started, sessionId: string) {
  return reduceTranscript(createTranscript(), await readLog(studio.client, sessionId));
}

async function lastMessage(started: Started, sessionId: string): Promise<string> {
  const { items } = await transcriptOf(started, sessionId);
  const message = items.findLast(({ type }) => type === "message");
  return message?.type === "message" ? message.text : "";
}

describe("files of prompts", () => {
  test("go to an agent as content if it takes them, and into the workspace otherwise, and are no changes", async (t) => {
    if (!needsJail(t)) return;
    const started = await start(t);
    const { studio, repository } = started;
    const { organization } = studio.client;
    const image = await upload(started, "shot.png", png);
    assert.deepEqual([image.status, image.answer["mediaType"]], [201, "image/png"]);
    const note = await upload(started, "note.txt", Buffer.from("remember"));
    // Its name lies.
    const lie = await upload(started, "lie.png", binary);
    assert.equal(lie.answer["mediaType"], "application/octet-stream");

    const attachments = [image.id, note.id, lie.id];
    const task = await organization.createTask({ repository, agent: "echo", prompt: "look", attachments });
    const watch = await Watch.open(studio.client, task.id);
    const { sessionId } = await watch.status("idle");
    const told = await lastMessage(started, sessionId);
    assert.match(told, /image image\/png 908\nresource attachment:\/\/\/note\.txt remember$/);
    assert.match(
      told,
      /^- (\.holdfast\/attachments\/\S+-lie\.png) \(application\/octet-stream, 6 bytes\)\n\1 has 6$/m,
    );
    assert.deepEqual((await studio.client.task(task.id).diff()).files, []);
    const { items } = await transcriptOf(started, sessionId);
    const [prompt] = items;
    assert.ok(prompt?.type === "prompt");
    assert.deepEqual(
      prompt.attachments?.map(({ name }) => name),
      ["shot.png", "note.txt", "lie.png"],
    );

    const shown = await fetch(`${studio.url}/organizations/local/attachments/${image.id}`, {
      headers: { cookie: started.cookie },
    });
    assert.equal(shown.headers.get("content-type"), "image/png");
    assert.deepEqual(Buffer.from(await shown.arrayBuffer()), png);
    await watch.close();

    // An agent that takes text alone.
    const again = await upload(started, "shot.png", png);
    const plain = await organization.createTask({
      ...{ repository, agent: "plain", prompt: "look" },
      attachments: [again.id],
    });
    const other = await Watch.open(studio.client, plain.id);
    const view = await other.status("idle");
    assert.match(
      await lastMessage(started, view.sessionId),
      /shot\.png \(image\/png, 908 bytes\)\n\S+ has 908$/,
    );
    await other.close();

    // A deleted task takes its files along.
    await organization.deleteTask(task.id);
    const gone = await fetch(`${studio.url}/organizations/local/attachments/${image.id}`, {
      headers: { cookie: started.cookie },
    });
    assert.equal(gone.status, 404);
  });

  test("are refused with a reason if they are too large, empty, badly named, too many or of another task", async (t) => {
    if (!needsJail(t)) return;
    const started = await start(t);
    const { studio, repository } = started;
    const { maxAttachmentBytes, maxAttachments } = studioLimits;
    assert.equal((await upload(started, "limit.bin", Buffer.alloc(maxAttachmentBytes))).status, 201);
    const large = await upload(started, "large.bin", Buffer.alloc(maxAttachmentBytes + 1));
    assert.deepEqual([large.status, large.code], [413, "attachment.too_large"]);
    assert.equal((await upload(started, "empty.txt", Buffer.alloc(0))).code, "attachment.empty");
    for (const name of ["../evil", "a/b", "two\nlines", "", "..", "x".repeat(121)])
      assert.equal((await upload(started, name, png)).code, "attachment.invalid_name", name);

    const create = (attachments: readonly string[]) =>
      studio.client.organization.createTask({ repository, agent: "echo", prompt: "look", attachments });
    const many = Array.from({ length: maxAttachments + 1 }, (_, index) => `id-${index}`);
    await assert.rejects(create(many), (error) => isErrorCode(error, "attachment", "too_many"));
    await assert.rejects(create(["nothing"]), (error) => isErrorCode(error, "attachment", "not_found"));
    const { id } = await upload(started, "shot.png", png);
    await create([id]);
    await assert.rejects(create([id]), (error) => isErrorCode(error, "attachment", "not_found"));
  });
});

describe("the options of an agent", () => {
  test("are in the transcript, and apply from the next prompt on; one that it lacks is noted", async (t) => {
    if (!needsJail(t)) return;
    const started = await start(t);
    const { studio, repository } = started;
    const task = await studio.client.organization.createTask({
      ...{ repository, agent: "echo", prompt: "first" },
      options: { model: "large", effort: "high" },
    });
    const handle = studio.client.task(task.id);
    const watch = await Watch.open(studio.client, task.id);
    const { sessionId } = await watch.status("idle");
    assert.match(await lastMessage(started, sessionId), /^ask\/large\n/);
    const { options, commands, items } = await transcriptOf(started, sessionId);
    assert.deepEqual(
      options.map(({ id, current, values }) => [id, current, values.length]),
      [
        ["model", "large", 2],
        ["mode", "ask", 2],
      ],
    );
    assert.deepEqual(commands, [{ name: "review", description: "Reviews the changes", hint: "what" }]);
    const notes = items.filter((item) => item.type === "notice" && item.kind === "note");
    assert.equal(notes.length, 1, "the agent has no option effort");

    await handle.chooseOption("mode", "code");
    await handle.prompt("second");
    await watch.until(
      ({ status, options: chosen }) => status === "idle" && chosen?.["mode"] === "code",
      "the end",
    );
    await untilEvent(studio.client, sessionId, ({ body }) => JSON.stringify(body).includes("code/large"));
    await assert.rejects(handle.chooseOption("mode", ""), (e) => isErrorCode(e, "task", "invalid_input"));
    await watch.close();
  });
});

describe("queued prompts", () => {
  test("are edited, moved and removed until their turn begins", async (t) => {
    if (!needsJail(t)) return;
    const started = await start(t);
    const { studio, repository } = started;
    const task = await studio.client.organization.createTask({ repository, agent: "echo", prompt: "hold" });
    const handle = studio.client.task(task.id);
    const watch = await Watch.open(studio.client, task.id);
    const { sessionId } = await watch.status("running");
    await untilEvent(studio.client, sessionId, ({ body }) => JSON.stringify(body).includes("ask/small"));
    for (const text of ["one", "two", `three ${"x".repeat(600)}`]) await handle.prompt(text);
    const queued = async () => (await handle.get()).queued ?? [];
    const [one, two, three] = await queued();
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    assert.equal(three.text.length, 500, "the view has the beginning");
    assert.equal((await handle.queuedPrompt(three.id)).text.length, 606);

    await handle.movePrompt(three.id, 0);
    await handle.editPrompt(one.id, "one, better");
    await handle.removePrompt(two.id);
    assert.deepEqual(
      (await queued()).map(({ id, text }) => [id, text.slice(0, 11)]),
      [
        [three.id, "three xxxxx"],
        [one.id, "one, better"],
      ],
    );
    const notQueued = (error: unknown) => isErrorCode(error, "task", "prompt_not_queued");
    await assert.rejects(handle.removePrompt(two.id), notQueued);
    await assert.rejects(handle.editPrompt(two.id, "x"), notQueued);
    await assert.rejects(handle.editPrompt(one.id, " "), (e) => isErrorCode(e, "task", "empty_prompt"));
    await assert.rejects(handle.movePrompt(one.id, -1), (e) => isErrorCode(e, "task", "invalid_input"));
    const running = (await readLog(studio.client, sessionId)).flatMap(({ body }) =>
      body.type === "prompt" ? [body.text] : [],
    );
    assert.deepEqual(running, ["hold"]);
    await handle.stop();
    assert.deepEqual(await queued(), []);
    await watch.close();
  });
});

describe("files of a repository", () => {
  test("are found by parts of their paths, for a task and before it", async (t) => {
    if (!needsJail(t)) return;
    const started = await start(t);
    const { studio, repository } = started;
    const { organization } = studio.client;
    assert.deepEqual((await organization.repositoryFiles(repository, "")).paths, ["README.md", "main.ts"]);
    assert.deepEqual((await organization.repositoryFiles(repository, "mts")).paths, ["main.ts"]);
    const task = await organization.createTask({ repository, agent: "echo", prompt: "look" });
    const watch = await Watch.open(studio.client, task.id);
    await watch.status("idle");
    assert.deepEqual((await studio.client.task(task.id).files("read")).paths, ["README.md"]);
    await watch.close();
  });
});

describe("drafts", () => {
  test("are the same on all devices of a person, and an empty one leaves nothing", async (t) => {
    if (!needsJail(t)) return;
    const { studio } = await start(t);
    const drafts = studio.client.drafts("operator");
    const heard: unknown[] = [];
    const both = Promise.withResolvers<void>();
    const watch = await drafts.on("changed", ({ scope, device, draft }) => {
      if (heard.push([scope, device, draft?.text]) === 2) both.resolve();
    });
    await drafts.save("new", { text: "half a", attachments: [] }, "phone");
    assert.equal((await drafts.get("new"))?.text, "half a");
    assert.equal(await drafts.get("other"), null);
    await drafts.save("new", { text: "", attachments: [] }, "laptop");
    assert.equal(await drafts.get("new"), null);
    await both.promise;
    assert.deepEqual(heard, [
      ["new", "phone", "half a"],
      ["new", "laptop", undefined],
    ]);
    const long = { text: "x".repeat(studioLimits.maxPromptBytes + 1), attachments: [] };
    await assert.rejects(drafts.save("new", long, "phone"), (e) => isErrorCode(e, "draft", "too_long"));
    const wrong = { text: "x", attachments: [{ id: 1 }] } as never;
    await assert.rejects(drafts.save("new", wrong, "phone"), (e) => isErrorCode(e, "draft", "invalid"));
    await watch.close();
  });
});
