import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mailServerProblem } from "@holdfast/testing/mail-server";
import { scriptPrompt } from "@holdfast/testing/mock-model";
import { eventsOf, spoken } from "./log.ts";
import { randomText } from "./repository.ts";
import { findInFiles, findInProcesses, Secret } from "./secrets.ts";
import { SharedTask } from "./shared-task.ts";
import { World } from "./world.ts";

/** What differs between agents; everything else holds for each of them. */
export interface AgentFacts {
  readonly id: string;
  /** Asks before it changes a file. */
  readonly asksForEdits: boolean;
  /** Tells the person when the model refuses; otherwise the turn only ends. */
  readonly tellsFailures: boolean;
  /** Offers the tools of MCP servers over standard streams to the model right away. */
  readonly callsMcpTools: boolean;
  /** Only agent-specific cases: editing, asking, stopping and the key. Other agents cover the rest. */
  readonly brief?: boolean;
}

/** The whole path, with a real agent in a real jail: Studio, gate, sandbox, agent, model, git. */
export function agentSuite(facts: AgentFacts): void {
  const missing = spawnSync("bwrap", ["--version"]).error !== undefined;
  describe(`${facts.id} in a jail`, { skip: missing && "needs bubblewrap" }, () => {
    let world: World;
    let shared: SharedTask;
    const mail = facts.callsMcpTools && facts.brief !== true;
    before(async (t) => {
      world = await World.create(facts.id, { mail });
      shared = new SharedTask(world, facts.id);
      if (mail && world.mail === undefined) t.diagnostic(`no mail: ${mailServerProblem()}`);
    });
    after(async () => {
      await world?.destroy();
    });

    test("edits files, asks, and its work lands on a branch", () => editsAndApplies(shared, facts));
    if (facts.callsMcpTools) {
      test("uses tools of the gate; what matters is allowed by a person, once", () =>
        usesGate(world, shared));
    }
    if (facts.asksForEdits) test("a denied edit leaves the file alone", () => deniedEdit(shared));
    if (facts.brief !== true) {
      test("after a refusal by the model the next prompt works", () => failingModel(shared, facts));
      test("a stream that breaks is tried again", () => brokenStream(shared));
      test("continues after kill -9 in the middle of a turn", () => survivesKill(world, shared));
    }
    test("stop ends a turn in the middle of a stream", () => stops(world, shared));
    if (facts.brief !== true && facts.tellsFailures)
      test("a refused key is reported", () => refusedKey(shared));
    test("the model key is nowhere but on the way to the model", () => keepsTheKey(world));
  });
}

async function editsAndApplies(shared: SharedTask, { asksForEdits }: AgentFacts): Promise<void> {
  const repository = await shared.repository();
  const untouched = await repository.state();
  const readme = `# ${randomText("New title")}\n`;
  const added = `${randomText("first line")}\nsecond line\n`;
  const script = scriptPrompt(
    [
      { think: "I look first." },
      { say: "I read the file." },
      { read: "README.md" },
      { edit: { path: "README.md", content: readme } },
      { edit: { path: "docs/added.md", content: added } },
      { run: "env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; ls -la ~ /run/holdfast" },
      { say: "Everything is done." },
    ],
    { inputTokens: 100, outputTokens: 10 },
  );
  const task = await shared.give(`Please work. ${script}`);
  const { view, approvals } = await task.finish(() => "allow");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  if (asksForEdits) assert.ok(approvals >= 2, `two edits were asked for, not ${approvals}`);
  else assert.equal(approvals, 0);
  const log = await task.log();
  assert.match(spoken(log), /Everything is done\./);
  assert.deepEqual(
    eventsOf(log, "agent-started").map((event) => event.resumed),
    ["new"],
  );
  assert.ok(view.usage.inputTokens >= 500 && view.usage.outputTokens >= 50, JSON.stringify(view.usage));

  const diff = await task.diff();
  assert.deepEqual(diff.files.map((file) => `${file.status} ${file.path}`).sort(), [
    "added docs/added.md",
    "modified README.md",
  ]);
  const applied = await task.apply("agent-work");
  assert.equal(await repository.show(applied.branch, "README.md"), readme);
  assert.equal(await repository.show(applied.branch, "docs/added.md"), added);
  assert.equal(
    await repository.show(applied.branch, "src/index.js"),
    await repository.show("main", "src/index.js"),
  );
  await repository.git("branch", "--quiet", "--delete", "--force", applied.branch);
  assert.equal(await repository.state(), untouched);
}

/**
 * The gate end to end: memory, and a mail that a person allows once and that arrives. Without mail servers on this
 * machine, a schedule asks instead.
 */
async function usesGate(world: World, shared: SharedTask): Promise<void> {
  const fact = randomText("The office plant is a fern");
  const call = (tool: string, args: Record<string, unknown>) => ({
    call: { server: "holdfast", tool, arguments: args },
  });
  const name = randomText("water").replaceAll(" ", "-");
  const [title, args] =
    world.mail === undefined
      ? ["scheduler: schedule_create", { name, prompt: "Water it", cron: "0 9 * * 1" }]
      : ["mail: mail_send", { to: [world.mail.address], subject: name, text: "Water it" }];
  const tool = title.slice(title.indexOf(" ") + 1);
  const script = scriptPrompt([
    call("memory_store", { type: "fact", content: fact }),
    call(tool, args),
    call(tool, args),
    call("memory_search", { query: "office plant" }),
    { say: "All calls are made." },
  ]);
  const task = await shared.give(script);
  let cards = 0;
  let sentBefore: number | undefined;
  const { view } = await task.finish((asked) => {
    if (asked !== title) return "allow";
    cards += 1;
    if (cards === 1) sentBefore = world.mail?.received(name);
    return cards === 1 ? "allow" : "deny";
  });
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  const log = await task.log();
  assert.match(spoken(log), /All calls are made\./);
  assert.equal(cards, 2, "the second call of the same kind asked again");
  const boundary = eventsOf(log, "approval-requested").filter(
    ({ approval }) => approval.boundary !== undefined,
  );
  assert.deepEqual(
    boundary.map(({ approval }) => approval.boundary?.tool),
    [tool, tool],
  );
  assert.ok(JSON.stringify(log).includes("CONFIRMATION_DENIED"), "the agent received the denial");
  assert.ok(
    JSON.stringify(world.model.requests.at(-1)).includes(fact) || JSON.stringify(log).split(fact).length > 3,
    "the stored entry was found",
  );
  const records = auditOf(world);
  const made = records.filter(({ type, data }) => type === "tool.call" && data?.tool === tool);
  assert.equal(made.length, 1, "it was done once");
  assert.ok(made[0]?.data?.approval, "with the approval on record");
  const asked = records.filter(({ type, data }) => type === "tool.confirmation_asked" && data?.tool === tool);
  const refused = records.filter(({ data }) => data?.code === "CONFIRMATION_DENIED");
  assert.deepEqual(
    [asked.length, refused.map(({ data }) => data?.topic)],
    [2, [`tool.invoke.${tool}`]],
    "both questions and the refusal are on record",
  );
  if (world.mail === undefined) return;
  assert.equal(sentBefore, 0, "nothing was sent before the person had answered");
  await world.mail.waitForDelivery(name);
  assert.equal(world.mail.received(name), 1, "the message arrived, once");
  assert.equal(records.filter(({ data }) => data?.connection === "smtp").length, 1, "by one connection");
}

function auditOf({ dataDirectory }: World): AuditLine[] {
  return readFileSync(join(dataDirectory, "gate", "audit.log"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as AuditLine);
}

interface AuditLine {
  readonly type: string;
  readonly data?: {
    readonly tool?: string;
    readonly topic?: string;
    readonly code?: string;
    readonly approval?: string;
    readonly connection?: string;
  };
}

async function deniedEdit(shared: SharedTask): Promise<void> {
  const script = scriptPrompt([
    { read: "README.md" },
    { edit: { path: "README.md", content: randomText("unwanted") } },
    { say: "Understood." },
  ]);
  const before = await shared.changes();
  const task = await shared.give(script);
  const { approvals } = await task.finish((title) => (/README|[Ee]dit/.test(title) ? "deny" : "allow"));
  assert.ok(approvals >= 1);
  assert.deepEqual(await shared.changes(), before);
  const outcomes = eventsOf(await task.log(), "approval-settled").map((event) => event.outcome);
  assert.ok(outcomes.slice(-approvals).includes("denied"), outcomes.join(" "));
}

async function failingModel(shared: SharedTask, { tellsFailures }: AgentFacts): Promise<void> {
  const task = await shared.give(scriptPrompt([{ fail: { status: 400 } }]));
  await task.finish(() => "allow");
  if (tellsFailures) assert.match(JSON.stringify(await task.log()), /scripted failure 400/);
  const words = randomText("again");
  await task.prompt(scriptPrompt([{ say: words }]));
  const { view } = await task.finish(() => "allow");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  assert.match(spoken(await task.log()), new RegExp(words));
}

async function brokenStream(shared: SharedTask): Promise<void> {
  const words = randomText("the end");
  const script = [{ say: "The beginning." }, { cut: { times: 1 } }, { read: "README.md" }, { say: words }];
  const task = await shared.give(scriptPrompt(script));
  const { view } = await task.finish(() => "allow");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  assert.match(spoken(await task.log()), new RegExp(words));
}

async function refusedKey(shared: SharedTask): Promise<void> {
  const task = await shared.give(scriptPrompt([{ fail: { status: 401 } }]));
  const { view } = await task.finish(() => "allow");
  assert.equal(view.status, "failed");
  assert.match(view.error?.message ?? "", /[Aa]uthentication/);
}

async function survivesKill(world: World, shared: SharedTask): Promise<void> {
  const memory = randomText("remember");
  const before = randomText("before");
  const after = randomText("after");
  const hold = randomText("hold");
  const first = await shared.give(`${memory} ${scriptPrompt([{ say: "Noted." }])}`);
  await first.finish(() => "allow");
  await first.prompt(
    scriptPrompt([
      { edit: { path: "before.txt", content: before } },
      { say: "In the middle." },
      { hold },
      { edit: { path: "after.txt", content: after } },
      { say: "To the end." },
    ]),
  );
  const held = world.model.held(hold, AbortSignal.timeout(120_000));
  const answering = first.finish(() => "allow").catch(() => undefined);
  await held;
  await keepsTheKeyOut(world);
  const starts = eventsOf(await first.log(), "agent-started").map((event) => event.resumed);
  await world.killHost();
  await answering;
  const requests = world.model.requests.length;
  world.model.release(hold);

  await world.startHost();
  const task = await shared.find();
  const { view } = await task.finish(() => "allow");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  const log = await task.log();
  assert.equal(eventsOf(log, "interrupted").length, 1);
  assert.deepEqual(
    eventsOf(log, "agent-started").map((event) => event.resumed),
    [...starts, "native"],
  );
  assert.match(spoken(log), /To the end\./);
  // The agent's own memory: the model receives the conversation from before the kill.
  const resumed = world.model.requests.slice(requests).map((request) => request.prompt);
  assert.ok(resumed.some((prompt) => prompt.includes(memory)));
  const repository = await shared.repository();
  const applied = await task.apply("after-kill");
  assert.equal((await repository.show(applied.branch, "before.txt")).trimEnd(), before);
  assert.equal((await repository.show(applied.branch, "after.txt")).trimEnd(), after);
}

/** While an agent runs: nothing that it or its jail was started with holds the key. */
async function keepsTheKeyOut({ host, secret, directory }: World): Promise<void> {
  assert.deepEqual(await findInProcesses(host.pid, secret), []);
  assert.deepEqual(await findInFiles(directory, secret), []);
  // The same search finds the agent's placeholder, so it searched where a key would be.
  const placeholder = new Secret("sk-holdfast-placeholder-");
  const places = [
    ...(await findInProcesses(host.pid, placeholder)),
    ...(await findInFiles(directory, placeholder)),
  ];
  assert.notDeepEqual(places, []);
}

async function stops(world: World, shared: SharedTask): Promise<void> {
  const hold = randomText("hold");
  const prompt = scriptPrompt([{ say: "Here I wait." }, { hold }, { say: "Never said." }]);
  const task = await shared.give(prompt);
  await world.model.held(hold, AbortSignal.timeout(120_000));
  await task.stop();
  assert.equal((await task.get()).status, "stopped");
  assert.doesNotMatch(spoken(await task.log()), /Never said/);
}

async function keepsTheKey(world: World): Promise<void> {
  const { model, secret } = world;
  assert.ok(model.requests.length > 0);
  assert.deepEqual(
    model.requests
      .filter((request) => request.key !== "accepted")
      .map((request) => `${request.path} ${request.key}`),
    [],
  );
  for (const request of model.requests) assert.deepEqual(secret.formsIn(request.prompt), []);
  assert.deepEqual(await findInFiles(world.directory, secret), []);
  assert.deepEqual(secret.formsIn(world.output), []);
  // The search itself works: it finds the key where it was put.
  assert.notDeepEqual(secret.formsIn(`x${Buffer.from(`xy${world.key}z`).toString("base64")}`), []);
}
