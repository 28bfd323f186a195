import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fetchOver, unixAgent } from "@holdfast/sandbox-client/node";
import { ownImports } from "@holdfast/testing/own-imports";
import { createSandboxServer } from "../src/index.ts";
import { field, startSandbox, temporary, until } from "./harness.ts";
import { type Offers, scriptedAgent, scriptedAgents } from "./scripted-agent.ts";
import { assertGapless, SessionApi } from "./session-api.ts";

const ways: readonly (readonly [string, Offers])[] = [
  ["resumed", { resume: true, load: true }],
  ["loaded", { load: true }],
  ["replayed", {}],
];

/** Returns the agent's process id in a prompt's result. */
const pidOf = (prompt: unknown) => Number(field(prompt, "result", "_meta", "pid"));

/** A server on a data directory in a separate process, which can be killed and restarted. */
class Served {
  readonly #directory: string;
  readonly #t: TestContext;
  #child: ChildProcess | undefined;
  api = new SessionApi({ fetch, url: "" });

  constructor(t: TestContext, directory: string) {
    this.#t = t;
    this.#directory = directory;
  }

  /** `fileBlocks` limits the size of the server's files, in blocks of 512 bytes. */
  async start(fileBlocks?: number): Promise<SessionApi> {
    const entry = fileURLToPath(new URL("served.ts", import.meta.url));
    const limit = fileBlocks === undefined ? "" : `trap '' XFSZ; ulimit -f ${fileBlocks};`;
    const args = ["-c", `${limit} exec "$0" "$@"`, process.execPath, ...ownImports, entry, this.#directory];
    const child = spawn("/bin/sh", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    this.#t.after(() => child.kill("SIGKILL"));
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the server exited with ${code}`)));
      createInterface({ input: child.stdout }).once("line", resolve);
    });
    this.api = new SessionApi({ fetch, url });
    return this.api;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const exited = new Promise((resolve) => this.#child?.once("exit", resolve));
    this.#child?.kill(signal);
    await exited;
  }
}

async function served(t: TestContext, offers: Offers): Promise<Served> {
  const directory = await temporary(t);
  await Promise.all(["home", "work"].map((name) => mkdir(join(directory, name))));
  const agent = await scriptedAgent(directory, "scripted", offers);
  await writeFile(join(directory, "agent.json"), JSON.stringify(agent));
  return new Served(t, directory);
}

describe("recovery", () => {
  for (const [recovery, offers] of ways) {
    test(`after the agent was killed, a session is ${recovery} by its next prompt`, async (t) => {
      const agents = await scriptedAgents(t, { scripted: offers });
      const api = new SessionApi(await startSandbox(t, "unix", { agents }));
      const id = await api.create("scripted", { mode: "fast", model: "small" });
      const pid = pidOf(await api.prompt(id, "remember the word harbour"));
      process.kill(pid, "SIGKILL");
      await until(
        "the session is detached",
        async () => field(await api.session(id), "status") === "detached",
      );
      const back = await api.prompt(id, "what was it");
      assert.equal(field(back, "recovery"), recovery);
      assert.equal(field(back, "status"), "completed");
      if (recovery === "replayed") {
        assert.match(JSON.stringify(field(back, "result", "_meta", "heard", 0)), /harbour[\s\S]*I heard/);
      } else assert.equal(field(back, "result", "_meta", "turns"), 2);
      const next = await api.prompt(id, "and again");
      assert.equal(field(next, "recovery"), undefined);
      assert.deepEqual(field(next, "result", "_meta", "heard"), ["and again"]);
      const session = await api.session(id);
      assert.deepEqual([field(session, "mode"), field(session, "model")], ["fast", "small"]);
      const events = await api.events(id);
      assertGapless(events);
      const sets = events.filter((event) => field(event, "payload", "method") === "session/set_mode");
      assert.equal(sets.length, 2, "the new process was told the mode too");
      assert.equal(
        events.filter((event) => JSON.stringify(field(event, "payload")).includes("user_message_chunk"))
          .length,
        0,
        "what a load repeats is not logged again",
      );
    });

    test(`after SIGKILL of the server in a turn, a session is ${recovery}, with one log`, async (t) => {
      const server = await served(t, offers);
      let api = await server.start();
      const id = await api.create("scripted");
      await api.prompt(id, "remember the word harbour", "first");
      await api.accept(id, "ask 1", "second");
      await api.accept(id, "third words", "third");
      await api.asked(id, 1);
      const before = await api.events(id);
      await server.end("SIGKILL");
      api = await server.start();
      // Accepted prompts run without another request.
      const third = await api.prompt(id, "third words", "third");
      assert.equal(field(third, "status"), "completed");
      assert.equal(field(third, "recovery"), recovery);
      const second = await api.prompt(id, "ask 1", "second");
      assert.equal(field(second, "status"), "interrupted");
      assert.equal(field(second, "error", "code"), "server_died");
      assert.equal(field(await api.prompt(id, "remember the word harbour", "first"), "status"), "completed");
      assert.equal((await api.permissions(id)).length, 0);
      assert.equal((await api.permissions(id, "cancelled")).length, 1);
      const after = await api.events(id);
      assertGapless(after);
      assert.deepEqual(after.slice(0, before.length), before, "nothing that was seen has changed");
      assert.equal(field(await api.session(id), "recovery"), recovery);
      assert.equal(field(await api.expect(200, "GET", "/v1/sessions"), "durable"), true);
      await server.end("SIGTERM");
    });
  }

  for (const offers of [
    { load: true, brokenBy: "end" },
    { load: true, brokenBy: "silence" },
    { resume: true, brokenBy: "end" },
  ] as const satisfies readonly Offers[]) {
    test(`an agent that cannot recover a session (${JSON.stringify(offers)}) gets its transcript`, async (t) => {
      const agents = await scriptedAgents(t, { scripted: offers });
      const limits = { sessionOpenTimeoutMs: offers.brokenBy === "silence" ? 5_000 : 60_000 };
      const api = new SessionApi(await startSandbox(t, "unix", { agents, limits }));
      const id = await api.create("scripted");
      await api.prompt(id, "remember the word harbour");
      assert.equal(field(await api.prompt(id, "die"), "status"), "failed");
      const back = await api.prompt(id, "what was it");
      assert.deepEqual([field(back, "status"), field(back, "recovery")], ["completed", "replayed"]);
      assert.match(String(field(back, "result", "_meta", "heard", 0)), /remember the word harbour/);
      assertGapless(await api.events(id));
    });
  }

  test("a session is recovered and its agent ended on request", async (t) => {
    const agents = await scriptedAgents(t, { scripted: { resume: true } });
    const sandbox = await startSandbox(t, "unix", { agents });
    const api = new SessionApi(sandbox);
    const id = await api.create("scripted");
    const closed = await api.expect(200, "POST", `/v1/sessions/${id}/close`);
    assert.equal(field(closed, "status"), "detached");
    assert.equal(field(closed, "serverId"), undefined);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
    const resume = () => api.expect(200, "POST", `/v1/sessions/${id}/resume`);
    assert.equal(field(await resume(), "recovery"), "resumed");
    assert.equal(field(await resume(), "recovery"), null);
    assert.equal(field(await api.session(id), "status"), "idle");
  });

  test("an idle agent is ended, and its session is recovered by the next prompt", async (t) => {
    const agents = await scriptedAgents(t, { scripted: { resume: true } });
    const sandbox = await startSandbox(t, "unix", { agents, limits: { idleInstanceMs: 150 } });
    const api = new SessionApi(sandbox);
    const id = await api.create("scripted");
    const waiting = api.prompt(id, "ask 1");
    const [permission] = await api.asked(id, 1);
    // A turn that waits for a permission does not count as idle.
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(field(await api.session(id), "status"), "waiting");
    await api.answer(id, permission, { reply: "once" });
    assert.equal(field(await waiting, "status"), "completed");
    await until("the agent is ended", async () => (await sandbox.client.listAcpServers()).length === 0);
    assert.equal(field(await api.prompt(id, "still there"), "recovery"), "resumed");
  });

  test("an agent that cannot restart fails the prompt, and the next prompt tries again", async (t) => {
    const agents = await scriptedAgents(t, { scripted: { resume: true } });
    const sandbox = await startSandbox(t, "unix", { agents });
    const api = new SessionApi(sandbox);
    const id = await api.create("scripted");
    const directory = join(sandbox.home, ".local/share/sandbox-agent/bin/agent_processes");
    await mkdir(directory, { recursive: true });
    const launcher = join(directory, "scripted-acp");
    const row = agents.at(-1);
    await writeFile(launcher, "#!/bin/sh\necho no luck >&2\nexit 3\n", { mode: 0o755 });
    const died = await api.prompt(id, "die");
    assert.equal(field(died, "error", "data", "details", "stderr"), "dying");
    const failed = await api.prompt(id, "go on");
    assert.equal(field(failed, "status"), "failed");
    assert.equal(field(failed, "error", "code"), "agent_process_exited");
    assert.match(JSON.stringify(field(failed, "error", "data")), /no luck/);
    await writeFile(launcher, `#!/bin/sh\nexec '${process.execPath}' '${row?.args[0]}'\n`, { mode: 0o755 });
    assert.equal(field(await api.prompt(id, "go on"), "recovery"), "resumed");
  });

  test("a session closed with queued prompts stays closed", async (t) => {
    const sandbox = await startSandbox(t);
    const api = new SessionApi(sandbox);
    const id = await api.create("demo");
    const path = `/v1/sessions/${id}`;
    const ids = ["asks", "waits", "waits-too"];
    for (const each of ids) await api.accept(id, "write notes", each);
    await api.asked(id, 1);
    const closed = await api.expect(200, "POST", `${path}/close`);
    assert.deepEqual([field(closed, "status"), field(closed, "queuedPrompts")], ["detached", 0]);
    const statuses = ids.map(async (each) =>
      field(await api.expect(200, "GET", `${path}/prompts/${each}`), "status"),
    );
    assert.deepEqual(await Promise.all(statuses), ["cancelled", "cancelled", "cancelled"]);
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
    assert.equal(field(await api.prompt(id, "without asking"), "status"), "completed");
  });

  test("a transcript that the agent rejects is sent again with the next prompt", async (t) => {
    const agents = await scriptedAgents(t, { plain: {} });
    const api = new SessionApi(await startSandbox(t, "unix", { agents }));
    const id = await api.create("plain");
    await api.prompt(id, "lantern");
    await api.expect(200, "POST", `/v1/sessions/${id}/close`);
    const refused = await api.prompt(id, "refuse");
    assert.deepEqual([field(refused, "status"), field(refused, "recovery")], ["failed", "replayed"]);
    const heard = async (text: string) => field(await api.prompt(id, text), "result", "_meta", "heard");
    const told = await heard("go on");
    assert.match(String(field(told, 0)), /lantern/);
    assert.equal(field(told, 1), "go on");
    assert.deepEqual(await heard("and on"), ["and on"]);
  });

  test("a prompt of a raw client after a crash finds its session", async (t) => {
    const agents = await scriptedAgents(t, { scripted: { load: true } });
    const sandbox = await startSandbox(t, "unix", { agents });
    const acp = sandbox.client.acp("raw", { agent: "scripted" });
    sandbox.connections.add(acp);
    await acp.request("initialize", { protocolVersion: 1 });
    const opened = await acp.request("session/new", { cwd: sandbox.work, mcpServers: [] });
    const sessionId = field(opened, "sessionId");
    const prompt = (text: string) =>
      acp.request("session/prompt", { sessionId, prompt: [{ type: "text", text }] });
    await prompt("first");
    await assert.rejects(prompt("die"));
    assert.equal(field(await prompt("second"), "_meta", "turns"), 3);
    const sessions = await new SessionApi(sandbox).expect(200, "GET", "/v1/sessions");
    assert.equal(field(sessions, "sessions", 0, "recovery"), "loaded");
    assert.equal(field(sessions, "sessions", 1), undefined);
  });

  test("when the log cannot be written, the agent is ended and the log stays intact", async (t) => {
    const server = await served(t, { resume: true });
    let api = await server.start(2_000);
    const id = await api.create("scripted");
    const filler = "x".repeat(100_000);
    let answer: unknown;
    for (let count = 0; count < 50 && field(answer, "code") !== "log_failed"; count += 1) {
      const prompt = { prompt: `say ${filler}` };
      answer = (await api.call("POST", `/v1/sessions/${id}/prompt?wait=true`, prompt)).body;
      if (field(answer, "status") === "failed") break;
    }
    assert.match(JSON.stringify(answer), /log_failed|session_log_failed/);
    await api.expect(200, "GET", "/v1/health");
    const before = await api.events(id);
    assertGapless(before);
    await until(
      "the agent is ended or idle",
      async () => field(await api.session(id), "status") !== "running",
    );
    await server.end("SIGKILL");
    api = await server.start();
    const after = await api.events(id);
    assertGapless(after);
    assert.deepEqual(after.slice(0, before.length), before);
    assert.equal(field(await api.prompt(id, "there is room again"), "status"), "completed");
    await server.end("SIGTERM");
  });

  test("a data directory is used by one server at a time", async (t) => {
    const directory = await temporary(t);
    const options = { home: directory, cwd: directory, dataDirectory: join(directory, "data") };
    const first = await createSandboxServer({ ...options, listen: { unix: join(directory, "a.sock") } });
    t.after(() => first.close());
    await assert.rejects(createSandboxServer({ ...options, listen: { unix: join(directory, "b.sock") } }), {
      code: "data_directory_in_use",
    });
    await first.close();
    const second = await createSandboxServer({ ...options, listen: { unix: join(directory, "b.sock") } });
    await second.close();
  });

  test("a server that cannot read its stored sessions does not start and releases everything", async (t) => {
    const directory = await temporary(t);
    const [dataDirectory, unix] = [join(directory, "data"), join(directory, "sock")];
    const first = await createSandboxServer({
      home: directory,
      cwd: directory,
      dataDirectory,
      listen: { unix },
    });
    const agent = unixAgent(unix);
    const api = new SessionApi({ fetch: fetchOver(agent), url: "http://sandbox" });
    const id = await api.create("demo", { mode: "auto" });
    await api.prompt(id, "write notes");
    agent.destroy();
    await first.close();
    const database = new DatabaseSync(join(dataDirectory, "sessions.db"));
    database.exec("UPDATE prompts SET status = 'queued', version = 99");
    database.close();
    for (const _ of ["once", "again"]) {
      const again = createSandboxServer({ home: directory, cwd: directory, dataDirectory, listen: { unix } });
      await assert.rejects(again, { code: "log_damaged" });
    }
  });

  test("a session taken over by another instance outlives the first one", async (t) => {
    const agents = await scriptedAgents(t, { scripted: { load: true } });
    const sandbox = await startSandbox(t, "unix", { agents });
    const api = new SessionApi(sandbox);
    const open = async (name: string) => {
      const acp = sandbox.client.acp(name, { agent: "scripted" });
      sandbox.connections.add(acp);
      await acp.request("initialize", { protocolVersion: 1 });
      return acp;
    };
    const place = { cwd: sandbox.work, mcpServers: [] };
    const first = await open("first");
    const sessionId = field(await first.request("session/new", place), "sessionId");
    const second = await open("second");
    await second.request("session/load", { sessionId, ...place });
    const prompt = [{ type: "text", text: "ask 1" }];
    const turn = second.request("session/prompt", { sessionId, prompt });
    const id = String(field(await api.expect(200, "GET", "/v1/sessions"), "sessions", 0, "id"));
    const [permission] = await api.asked(id, 1);
    await first.close();
    assert.equal(field(await api.session(id), "status"), "waiting");
    assert.equal((await api.answer(id, permission, { reply: "once" })).status, 200);
    assert.deepEqual(field(await turn, "_meta", "answers"), ["yes"]);
    const told = (await api.events(id)).map((event) => field(event, "payload", "method"));
    assert.ok(!told.includes("_adapter/agent_exited"), "the end of the first is not told of it");
  });
});
