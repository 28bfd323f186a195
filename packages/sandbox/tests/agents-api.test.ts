import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { agentTable, customAgent, sandboxAgents } from "../src/index.ts";
import { field, openSession, type Sandbox, startSandbox, temporary, withScript } from "./harness.ts";

async function get(sandbox: Sandbox, path: string): Promise<{ status: number; body: unknown }> {
  const response = await sandbox.fetch(`${sandbox.url}${path}`);
  return { status: response.status, body: await response.json() };
}

async function install(sandbox: Sandbox, id: string, body?: string) {
  const response = await sandbox.fetch(`${sandbox.url}/v1/agents/${id}/install`, {
    method: "POST",
    ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Capability flags that the peer's clients expect for each id. Source: section 2.2 of the peer's documentation. */
const peerFlags: Readonly<Record<string, string>> = {
  claude: "mcpTools permissions questions streamingDeltas textMessages toolCalls toolResults",
  codex:
    "commandExecution errorEvents fileAttachments fileChanges images itemStarted mcpTools permissions planMode reasoning sessionLifecycle status streamingDeltas textMessages toolCalls toolResults",
  opencode:
    "errorEvents fileAttachments images itemStarted mcpTools sessionLifecycle streamingDeltas textMessages toolCalls toolResults",
  amp: "errorEvents mcpTools textMessages toolCalls toolResults",
  pi: "errorEvents images itemStarted sessionLifecycle streamingDeltas textMessages toolCalls toolResults",
  cursor:
    "errorEvents images itemStarted permissions planMode sessionLifecycle streamingDeltas textMessages toolCalls toolResults",
  mock: "commandExecution errorEvents fileAttachments fileChanges images itemStarted mcpTools permissions planMode questions reasoning sessionLifecycle status streamingDeltas textMessages toolCalls toolResults",
};

describe("agents over HTTP", () => {
  test("flags are those that clients of the peer expect", () => {
    const rows = new Map(sandboxAgents().map((row) => [row.id, row]));
    for (const [id, flags] of Object.entries(peerFlags)) {
      const entries = Object.entries(rows.get(id)?.capabilities ?? {});
      assert.equal(entries.length, 18, id);
      const set = entries.filter(([, value]) => value).map(([name]) => name);
      assert.equal(set.sort().join(" "), flags, id);
    }
  });

  test("every built-in agent reports options before its first session", async (t) => {
    const sandbox = await startSandbox(t);
    const { agents } = Object((await get(sandbox, "/v1/agents?config=true")).body);
    const without = agents.filter((agent: unknown) => Object(field(agent, "configOptions")).length === 0);
    assert.deepEqual(without, []);
    const demo = agents.find((agent: unknown) => field(agent, "id") === "demo");
    const [mode] = demo.configOptions;
    await openSession(sandbox);
    const observed = (await get(sandbox, "/v1/agents/demo?config=true")).body;
    assert.deepEqual(field(observed, "configOptions"), [mode], "what a session of it says is the same");
  });

  test("mock is the demo agent, unless HOME has a launcher override", async (t) => {
    const sandbox = await startSandbox(t);
    const mock = (await get(sandbox, "/v1/agents/mock?config=true")).body;
    assert.equal(field(mock, "installed"), true);
    assert.equal(field(mock, "version"), "builtin");
    const categories = (field(mock, "configOptions") as { category: string }[]).map((each) => each.category);
    assert.deepEqual(categories, ["model", "mode", "thought_level"]);
    const session = await openSession(sandbox, { agent: "mock", allow: true });
    assert.equal(field(await session.prompt("write notes"), "stopReason"), "end_turn");
    const { sessionId, acp } = session;
    const set = async (configId: string, value: string) =>
      await acp.request("session/set_config_option", { sessionId, configId, value });
    assert.equal(field(await set("model", "mock-fast"), "configOptions", 0, "currentValue"), "mock-fast");
    assert.equal(field(await set("thought_level", "high"), "configOptions", 2, "currentValue"), "high");
    await assert.rejects(set("model", "gpt"), /no option model with the value gpt/);
    await acp.request("session/set_mode", { sessionId, modeId: "plan" });
    await rm(join(sandbox.work, "NOTES.md"));
    await session.prompt("write notes");
    await assert.rejects(readFile(join(sandbox.work, "NOTES.md")), "in plan mode nothing is changed");

    const directory = join(sandbox.home, ".local/share/sandbox-agent/bin/agent_processes");
    await mkdir(directory, { recursive: true });
    const launcher = join(directory, "mock-acp");
    await writeFile(launcher, "#!/bin/sh\nexit 7\n", { mode: 0o755 });
    assert.equal(field((await get(sandbox, "/v1/agents/mock?config=true")).body, "path"), launcher);
    const { body } = await install(sandbox, "mock", "{}");
    assert.deepEqual(body, { already_installed: true, artifacts: [] });
  });

  test("a launcher override in XDG_DATA_HOME takes precedence over one in HOME", async (t) => {
    const dataHome = join(await temporary(t), "data");
    const sandbox = await startSandbox(t, "unix", { env: { XDG_DATA_HOME: dataHome } });
    const path = async () => field((await get(sandbox, "/v1/agents/mock?config=true")).body, "path");
    for (const base of [join(sandbox.home, ".local/share"), dataHome]) {
      const directory = join(base, "sandbox-agent/bin/agent_processes");
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, "mock-acp"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
      assert.equal(await path(), join(directory, "mock-acp"));
    }
  });

  test("the first requests are corrected for a strict agent only", async (t) => {
    const sandbox = await startSandbox(t);
    const directory = join(sandbox.home, ".local/share/sandbox-agent/bin/agent_processes");
    await mkdir(directory, { recursive: true });
    const script = join(directory, "mirror.mjs");
    await writeFile(
      script,
      `import { createInterface } from "node:readline";
      for await (const line of createInterface({ input: process.stdin })) {
        const { id, params } = JSON.parse(line);
        console.log(JSON.stringify({ jsonrpc: "2.0", id, result: params ?? "none" }));
      }`,
    );
    const asked: readonly (readonly [method: string, params: unknown, right: unknown])[] = [
      ["initialize", { protocolVersion: "1.0", x: 1 }, { protocolVersion: 1, x: 1 }],
      ["initialize", { protocolVersion: "one" }, { protocolVersion: "one" }],
      ["initialize", undefined, "none"],
      ["session/new", { cwd: "/tmp" }, { cwd: "/tmp", mcpServers: [] }],
      ["session/new", { mcpServers: null }, { mcpServers: null }],
      ["_own/new", { cwd: "/tmp" }, { cwd: "/tmp" }],
    ];
    for (const agent of ["pi", "codex"]) {
      const launcher = `#!/bin/sh\nexec '${process.execPath}' '${script}'\n`;
      await writeFile(join(directory, `${agent}-acp`), launcher, { mode: 0o755 });
      for (const [id, [method, params, right]] of asked.entries()) {
        const response = await sandbox.fetch(`${sandbox.url}/v1/acp/${agent}?agent=${agent}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ jsonrpc: "2.0", id, method, params }),
        });
        const seen = field(await response.json(), "result");
        assert.deepEqual(seen, agent === "pi" ? right : (params ?? "none"), `${agent} ${method}`);
      }
    }
  });

  test("options of a running agent replace those of the table, and no_cache refreshes them", async (t) => {
    const broken = `process.stderr.write("no licence\\n"); process.exit(3);`;
    const agents = [...sandboxAgents(), ...(await withScript(t, "broken", broken)).slice(-1)];
    const sandbox = await startSandbox(t, "unix", { agents });
    const modes = async (query: string) => {
      const { body } = await get(sandbox, `/v1/agents/mock?config=true${query}`);
      const option = (
        field(body, "configOptions") as { category: string; options: { value: string }[] }[]
      ).find((each) => each.category === "mode");
      return option?.options.map((each) => each.value);
    };
    assert.deepEqual(await modes(""), ["normal", "plan"]);
    const asked = (await modes("&no_cache=true")) ?? [];
    assert.ok(asked.includes("plan") && asked.includes("auto"), String(asked));
    assert.deepEqual(await modes(""), asked, "what was heard is kept");
    assert.equal(
      field((await get(sandbox, "/v1/agents/mock")).body, "serverStatus"),
      undefined,
      "it was ended",
    );

    const failed = (await get(sandbox, "/v1/agents/broken?config=true&no_cache=true")).body;
    assert.match(String(field(failed, "configError")), /exited with code 3: no licence/);
    assert.deepEqual(field(failed, "configOptions"), []);
    const plain = (await get(sandbox, "/v1/agents/broken")).body as object;
    assert.deepEqual(
      Object.keys(plain).sort(),
      ["capabilities", "credentialsAvailable", "id", "installed"],
      "no config unless asked for",
    );
  });

  test("credentials are found in the environment of agents and in HOME", async (t) => {
    const available = async (sandbox: Sandbox) => {
      const { agents } = (await get(sandbox, "/v1/agents")).body as {
        agents: { id: string; credentialsAvailable: boolean }[];
      };
      return agents.flatMap((each) => (each.credentialsAvailable ? [each.id] : [])).sort();
    };
    const free = ["cursor", "demo", "mock", "pi"];
    const sandbox = await startSandbox(t);
    assert.deepEqual(await available(sandbox), free);
    await mkdir(join(sandbox.home, ".codex"));
    await writeFile(join(sandbox.home, ".codex/auth.json"), JSON.stringify({ OPENAI_API_KEY: "x" }));
    assert.deepEqual(await available(sandbox), [...free, "codex", "opencode", "qwen"].sort());
    const keyed = await startSandbox(t, "unix", { env: { ANTHROPIC_API_KEY: "x" } });
    assert.deepEqual(await available(keyed), [...free, "amp", "claude", "opencode"].sort());
    const models = { gemini: { baseUrl: "http://127.0.0.1:1", apiKey: "x" } };
    assert.deepEqual(await available(await startSandbox(t, "unix", { models })), [...free, "gemini"].sort());
  });

  test("invalid install requests are rejected", async (t) => {
    const sandbox = await startSandbox(t);
    const status = async (id: string, body?: string) => (await install(sandbox, id, body)).status;
    assert.equal(await status("mock"), 415, "a body is required");
    assert.equal(await status("mock", "{"), 400);
    assert.equal(await status("mock", "[]"), 422);
    assert.equal(await status("mock", `{"reinstall":"yes"}`), 422);
    assert.equal(await status("codex", `{"agentVersion":"latest"}`), 400);
    const unknown = await install(sandbox, "nobody", "{}");
    assert.equal(unknown.status, 400);
    assert.equal(unknown.body.type, "urn:sandbox-agent:error:unsupported_agent");
    assert.equal(unknown.body.agent, "nobody");
    const amp = await install(sandbox, "amp", "{}");
    assert.equal(amp.status, 500);
    assert.equal(amp.body.type, "urn:sandbox-agent:error:install_failed");
    assert.equal(amp.body.agent, "amp");
    assert.equal(typeof field(amp.body, "details", "stderr"), "string");
  });

  test("nothing is installed on first use unless that is enabled", async (t) => {
    const folder = join(await temporary(t), "package");
    await mkdir(folder);
    const manifest = { name: "late-agent", version: "1.2.3", bin: { "late-agent": "./cli.js" } };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "cli.js"), "#!/usr/bin/env node\nprocess.exit(9);\n", { mode: 0o755 });
    const row = customAgent({ id: "late", command: "late-agent" });
    const agents = [...agentTable, { ...row, packages: { "late-agent": `file:${folder}` } }];
    const post = async (sandbox: Sandbox) => {
      const response = await sandbox.fetch(`${sandbox.url}/v1/acp/late?agent=late`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} }),
      });
      return { status: response.status, body: await response.json() };
    };
    const sandbox = await startSandbox(t, "unix", { agents });
    const refused = await post(sandbox);
    assert.equal(refused.status, 404);
    assert.equal(field(refused.body, "type"), "urn:sandbox-agent:error:agent_not_installed");

    const asking = await startSandbox(t, "unix", { agents, installAgents: true });
    const started = await post(asking);
    assert.equal(started.status, 200, "the agent was started, and exited as it does");
    assert.equal(field(started.body, "error", "data", "exitCode"), 9);

    // The response starts during the installation, so a later failure can only be reported in the message.
    const broken = { ...row, packages: { "late-agent": `file:${folder}-missing` } };
    const early = { installAgents: true, limits: { heartbeatMs: 1 } };
    const failing = await startSandbox(t, "unix", { agents: [...agentTable, broken], ...early });
    const failed = await post(failing);
    assert.equal(failed.status, 200);
    assert.match(String(field(failed.body, "error", "message")), /late/);

    const both = await Promise.all([install(sandbox, "late", "{}"), install(sandbox, "late", "{}")]);
    assert.deepEqual(both.map(({ body }) => body.already_installed).sort(), [false, true]);
    const path = join(sandbox.home, ".local/share/holdfast/agents/late/node_modules/.bin/late-agent");
    for (const { body } of both) {
      const made = body.already_installed ? [] : [{ kind: "agent_process", path, source: "registry" }];
      assert.deepEqual(body.artifacts, made, "each artifact is told by the install that made it");
    }
  });

  test("a reinstalled agent reports its new version", async (t) => {
    const folder = join(await temporary(t), "package");
    await mkdir(folder);
    const manifest = { name: "new-agent", version: "1.2.3", bin: { "new-agent": "./cli.js" } };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    const row = {
      ...customAgent({ id: "new", command: "new-agent" }),
      packages: { "new-agent": `file:${folder}` },
      versionArgs: ["--version"],
    };
    const sandbox = await startSandbox(t, "unix", { agents: [...agentTable, row] });
    for (const version of ["one", "two"]) {
      const program = `#!/usr/bin/env node\nconsole.log("${version}");\n`;
      await writeFile(join(folder, "cli.js"), program, { mode: 0o755 });
      assert.equal((await install(sandbox, "new", '{"reinstall":true}')).status, 200);
      assert.equal(field((await get(sandbox, "/v1/agents/new?config=true")).body, "version"), version);
    }
  });

  test("a failed version command is retried after a while", async (t) => {
    const command = join(await temporary(t), "new-agent");
    const row = { ...customAgent({ id: "new", command }), versionArgs: ["--version"] };
    const sandbox = await startSandbox(t, "unix", { agents: [row] });
    const version = async () => field((await get(sandbox, "/v1/agents/new?config=true")).body, "version");
    await writeFile(command, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    assert.equal(await version(), undefined);
    await writeFile(command, "#!/bin/sh\necho 1.2.3\n");
    t.mock.timers.tick(59_000);
    assert.equal(await version(), undefined);
    t.mock.timers.tick(1_000);
    assert.equal(await version(), "1.2.3");
  });
});
