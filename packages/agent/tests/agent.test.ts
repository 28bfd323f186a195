import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { UserError } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { z } from "zod";
import { type Approval, agent, type ChunkEvent, type Turn, tool } from "../src/index.ts";
import { firstOf, startSandbox } from "./support.ts";

const { sandbox, cwd, close } = await startSandbox();
after(close);
const forecasts: unknown[] = [];
const ended: string[] = [];

const coder = agent({
  agent: "demo",
  sandbox,
  cwd,
  instructions: "Answer briefly.",
  memory: { maxFacts: 2 },
  onTurnEnd: (_c, turn, text) => void ended.push(`${turn.status} ${text.length > 0}`),
  tools: {
    weather: tool({
      description: "The weather in a city",
      input: z.object({ city: z.string() }),
      readOnly: true,
      handler: async (c, { city }) => {
        forecasts.push({ city, key: c.key });
        await c.kv.put("asked", city);
        if (city === "Atlantis") throw new UserError("It sank", { code: "sunk" });
        return { sky: "grey", asked: await c.kv.get("asked") };
      },
    }),
  },
});
const careless = agent({ agent: "demo", sandbox, cwd, permissions: "allow" });
const strict = agent({
  agent: "demo",
  sandbox,
  cwd,
  permissions: ({ kind }) => (kind === "edit" ? "deny" : "ask"),
});
const registry = createRegistry({
  use: { coder, careless, strict },
  store: () => assert.fail("a test has its own store"),
});

test("a turn streams to who watches, and its messages are kept", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const handle = client.careless.getOrCreate(["ann"]);
  const conn = handle.connect();
  await conn.ready;
  const chunks: ChunkEvent[] = [];
  conn.on("chunk", (chunk) => chunks.push(chunk));
  const { turn, text, message } = await conn.ask('write "one" to one.txt');
  assert.equal(turn.status, "completed");
  assert.equal(turn.stopReason, "end_turn");
  assert.match(text, /Done\./);
  assert.equal(await readFile(join(cwd, "one.txt"), "utf8"), "one\n");
  assert.deepEqual(
    chunks.map(({ position }) => position),
    chunks.map((_, at) => at),
    "no chunk is missing",
  );
  assert.equal(chunks.at(-1)?.chunk.type, "finish");
  assert.ok(message.parts.some((part) => part.type === "data-plan" && part.data.length === 3));
  const edit = message.parts.find((part) => part.type === "dynamic-tool" && part.toolName === "edit");
  assert.ok(edit?.type === "dynamic-tool" && edit.state === "output-available", JSON.stringify(edit));
  await crash();
  const kept = await handle.messages();
  assert.deepEqual(
    kept.map(({ role }) => role),
    ["user", "assistant"],
  );
  assert.deepEqual(kept[1], message);
});

test("a question waits for a client, whose first answer counts", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.coder.getOrCreate(["bob"]);
  const conn = handle.connect();
  await conn.ready;
  const asked = firstOf<Approval>((listener) => conn.on("approval", listener));
  const { id: turnId } = await handle.prompt('write "two" to two.txt');
  const { id, title, options } = await asked;
  assert.equal(title, "Edit two.txt");
  assert.deepEqual(
    (await handle.approvals()).map((approval) => approval.id),
    [id],
  );
  const before = (await handle.messages()).at(-1)?.parts.at(-1);
  assert.ok(before?.type === "dynamic-tool" && before.state === "approval-requested");
  await assert.rejects(handle.answer(id, { optionId: "no such" }), { code: "unsupported_reply" });
  await assert.rejects(handle.answer("no such", "once"), { code: "unknown_approval" });
  const answered = await handle.answer(id, "once");
  assert.equal(answered.approved, true);
  assert.ok(options.some(({ optionId }) => optionId === answered.optionId));
  assert.deepEqual(await handle.answer(id, "once"), answered);
  await assert.rejects(handle.answer(id, "reject"), { code: "approval_settled" });
  const { turn, message } = await handle.result(turnId);
  assert.equal(turn.status, "completed");
  assert.equal(await readFile(join(cwd, "two.txt"), "utf8"), "two\n");
  const part = message.parts.find((each) => each.type === "dynamic-tool" && each.toolName === "edit");
  assert.ok(part?.type === "dynamic-tool" && part.state === "output-available" && part.approval?.approved);
  assert.deepEqual(await handle.approvals(), []);
});

test("a policy answers before anybody is asked", async (t) => {
  const { client } = await setupTest(t, registry);
  const { text, message } = await client.strict.getOrCreate(["s"]).ask('write "no" to never.txt');
  assert.match(text, /You said no/);
  const part = message.parts.find((each) => each.type === "dynamic-tool" && each.toolName === "edit");
  assert.ok(part?.type === "dynamic-tool" && part.state === "output-error");
});

test("the agent calls functions of the program, which may refuse and fail", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.coder.getOrCreate(["cleo"]);
  const use = (city: unknown) =>
    `use the tool \`weather\` with {"city":${JSON.stringify(city)}} without asking`;
  forecasts.length = 0;
  assert.match((await handle.ask(use("Kiel"))).text, /weather answered: \{"sky":"grey","asked":"Kiel"\}/);
  assert.deepEqual(forecasts, [{ city: "Kiel", key: ["cleo"] }]);
  assert.match((await handle.ask(use("Atlantis"))).text, /It sank \(user\.sunk\)/);
  assert.match((await handle.ask(use(7))).text, /The input of the tool "weather" is invalid/);
  assert.equal(forecasts.length, 2);
});

test("the agent remembers, and is told what it knows when a session begins", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.coder.getOrCreate(["dan"]);
  const remember = 'use the tool `remember` with {"text":"Dan likes tea."} without asking';
  assert.match((await handle.ask(remember)).text, /Dan likes tea/);
  assert.deepEqual(
    (await handle.facts("tea")).map(({ text }) => text),
    ["Dan likes tea."],
  );
  assert.match(
    (await handle.ask('use the tool `recall` with {"text":"tea OR"} without asking')).text,
    /likes tea/,
  );
  await handle.remember("Dan has a dog.");
  assert.match((await handle.remember("Dan has a dog.")).text, /dog/, "a fact is kept once");
  await assert.rejects(handle.remember("A third."), { code: "too_many_facts" });
  await assert.rejects(handle.remember(" "), { code: "invalid_fact" });
  await handle.reset();
  // Without other words the demo agent writes its prompt into a file: what it was told is in there.
  await handle.ask("Note it without asking");
  const told = await readFile(join(cwd, "NOTES.md"), "utf8");
  assert.match(told, /Answer briefly\./);
  assert.match(told, /1\. Dan likes tea\./);
  const [fact] = await handle.facts("tea");
  assert.equal(await handle.forget(fact?.id ?? 0), true);
  assert.deepEqual(await handle.facts("tea"), []);
});

test("a crash interrupts the turn, keeps what was said, and the chat goes on", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const handle = client.coder.getOrCreate(["eve"]);
  const conn = handle.connect();
  await conn.ready;
  const asked = firstOf<Approval>((listener) => conn.on("approval", listener));
  const first = await handle.prompt('write "three" to three.txt');
  const second = await handle.prompt("Note it without asking", { id: "second" });
  const { id } = await asked;
  await conn.dispose();
  await crash();
  const { turn, message } = await handle.result(first.id);
  assert.equal(turn.status, "interrupted");
  const part = message.parts.at(-1);
  assert.ok(part?.type === "dynamic-tool" && part.state === "output-error", JSON.stringify(part));
  assert.ok(message.parts.some(({ type }) => type === "reasoning"));
  await assert.rejects(handle.answer(id, "once"), { code: "approval_settled" });
  assert.equal((await handle.result(second.id)).turn.status, "completed");
  assert.equal(
    (await handle.prompt("again", { id: "second" })).id,
    second.id,
    "a repeated prompt is one turn",
  );
  assert.deepEqual(
    (await handle.messages()).map(({ role }) => role),
    ["user", "assistant", "user", "assistant"],
  );
});

test("a cancelled turn ends, and so does one that waits", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.coder.getOrCreate(["fay"]);
  const conn = handle.connect();
  await conn.ready;
  const begun = firstOf<ChunkEvent>(
    (listener) => conn.on("chunk", listener),
    ({ chunk }) => chunk.type === "text-delta",
  );
  ended.length = 0;
  const [first, second] = [await handle.prompt("slowly"), await handle.prompt("slowly")];
  await begun;
  assert.deepEqual(await handle.cancel(), [first.id, second.id]);
  const results = await Promise.all([first, second].map(({ id }) => handle.result(id)));
  assert.deepEqual(
    results.map(({ turn }) => turn.status),
    ["cancelled", "cancelled"],
  );
  assert.deepEqual(ended, ["cancelled false", "cancelled true"]);
  assert.deepEqual(await handle.cancel(), []);
  await assert.rejects(handle.cancel("no such"), { code: "unknown_turn" });
});

test("an agent that fails settles its turn, and the next one works", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.careless.getOrCreate(["gus"]);
  const { turn } = await handle.ask("crash");
  assert.equal(turn.status, "failed");
  assert.match(turn.error?.message ?? "", /exited|ended/);
  assert.equal((await handle.ask("Note it")).turn.status, "completed");
  assert.deepEqual(
    (await handle.turns(1)).map(({ status }: Turn) => status),
    ["completed"],
  );
});

test("bad prompts and definitions are refused", async (t) => {
  const { client } = await setupTest(t, registry);
  const handle = client.careless.getOrCreate(["hal"]);
  for (const prompt of [
    "",
    " ",
    [],
    7,
    [{ type: "text" }],
    [{ type: "file", mediaType: "a/b", url: "http://x" }],
  ])
    await assert.rejects(handle.prompt(prompt as string), { group: "agent", code: "invalid_prompt" });
  await assert.rejects(handle.prompt("x", { id: "" }), { code: "invalid_prompt" });
  assert.deepEqual(await handle.messages(), []);
  for (const wrong of [
    { agent: "" },
    { cwd: "relative" },
    { tools: { "a b": tool({ description: "", handler: () => 1 }) } },
    { memory: true, tools: { recall: tool({ description: "", handler: () => 1 }) } },
  ])
    assert.throws(() => agent({ agent: "demo", sandbox, ...wrong }), { code: "invalid_definition" });
});
