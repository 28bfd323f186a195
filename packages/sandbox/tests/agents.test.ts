import assert from "node:assert/strict";
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isErrorCode, isHoldfastError } from "@holdfast/core";
import { agentTable, customAgent } from "../src/index.ts";
import {
  field,
  openSession,
  soonMs,
  startSandbox,
  temporary,
  until,
  updates,
  withScript,
} from "./harness.ts";

/** Script of an agent that answers `initialize` and `session/new`, and runs `onPrompt` for a prompt. */
const scripted = (onPrompt: string) => `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify(message) + "\\n");
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.method === "initialize") send({ jsonrpc: "2.0", id: message.id, result: { protocolVersion: 1 } });
  if (message.method === "session/new") send({ jsonrpc: "2.0", id: message.id, result: { sessionId: "one" } });
  if (message.method === "session/prompt") { ${onPrompt} }
}
`;

describe("agents that misbehave", () => {
  test("a crash is reported immediately, with exit code and standard error", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox);
    const startedAt = performance.now();
    await assert.rejects(session.prompt("crash"), (error) => {
      assert.ok(isErrorCode(error, "acp", "agent_exited"), String(error));
      assert.equal(field(error.metadata, "exitCode"), 1);
      assert.match(String(field(error.metadata, "stderr")), /crashing as it was asked to/);
      return true;
    });
    assert.ok(performance.now() - startedAt < soonMs);
    const exit = session.seen.find((envelope) => envelope.message.method === "_adapter/agent_exited");
    assert.equal(field(exit?.message.params, "code"), 1);
    assert.equal(field(exit?.message.params, "success"), false);
  });

  test("after a crash the instance restarts, and its session can be loaded", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox, { allow: true });
    await assert.rejects(session.prompt("crash"));
    await session.acp.request("session/load", {
      sessionId: session.sessionId,
      cwd: sandbox.work,
      mcpServers: [],
    });
    const said = updates(session.seen).map((update) => field(update, "content", "text"));
    assert.equal(said.filter((text) => text === "crash").length, 1, "the prompt is in the replayed history");
    assert.equal(field(await session.prompt("write notes"), "stopReason"), "end_turn");
    assert.match(await readFile(join(sandbox.work, "NOTES.md"), "utf8"), /write notes/);
    const seqs = session.seen.flatMap((envelope) => envelope.seq ?? []);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
      "numbers go on over the restart",
    );
  });

  test("an agent that exits immediately fails the request, not the server", async (t) => {
    const agents = await withScript(t, "gone", `process.stderr.write("no licence\\n"); process.exit(3);`);
    const sandbox = await startSandbox(t, "unix", { agents });
    const acp = sandbox.client.acp("g", { agent: "gone" });
    sandbox.connections.add(acp);
    await assert.rejects(acp.request("initialize", {}), (error) => {
      assert.ok(isErrorCode(error, "acp", "agent_exited"), String(error));
      assert.equal(field(error.metadata, "exitCode"), 3);
      assert.equal(field(error.metadata, "stderr"), "no licence");
      return true;
    });
    assert.deepEqual(await sandbox.client.health(), { status: "ok" });
  });

  test("an agent that does not respond to initialize is ended", async (t) => {
    const agents = await withScript(t, "deaf", "setInterval(() => {}, 1000);");
    const sandbox = await startSandbox(t, "unix", { agents, limits: { initializeTimeoutMs: 300 } });
    const acp = sandbox.client.acp("d", { agent: "deaf" });
    sandbox.connections.add(acp);
    await assert.rejects(acp.request("initialize", {}), (error) => {
      assert.ok(isErrorCode(error, "acp", "agent_exited"), String(error));
      assert.equal(field(error.metadata, "reason"), "initialize_timed_out");
      return true;
    });
  });

  test("an agent that hangs in a turn is ended when it is silent for too long", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { silenceTimeoutMs: 3_000 } });
    const session = await openSession(sandbox);
    await assert.rejects(session.prompt("hang"), (error) => {
      assert.ok(isErrorCode(error, "acp", "agent_exited"), String(error));
      assert.equal(field(error.metadata, "reason"), "agent_silent");
      return true;
    });
  });

  for (const [what, close, reason] of [
    ["its output", "closeSync(1); done();", "agent_output_closed"],
    [
      "its input",
      "process.stdin.destroy().once('close', () => { closeSync(0); done(); });",
      "agent_input_closed",
    ],
  ] as const) {
    test(`an agent that closes ${what} and lives is ended, and the next request has a new one`, async (t) => {
      const mark = JSON.stringify(join(await temporary(t), "was-here"));
      const source = scripted(`
        if (existsSync(${mark})) send({ jsonrpc: "2.0", id: message.id, result: { stopReason: "end_turn" } });
        else { const done = () => writeFileSync(${mark}, ""); setInterval(() => {}, 1_000); ${close} }`);
      const imports = 'import { closeSync, existsSync, writeFileSync } from "node:fs";';
      const sandbox = await startSandbox(t, "unix", {
        agents: await withScript(t, "shut", imports + source),
      });
      const session = await openSession(sandbox, { agent: "shut" });
      const prompt = session.prompt("go");
      await until("it has closed it", () =>
        access(JSON.parse(mark)).then(
          () => true,
          () => false,
        ),
      );
      // A closed input is only noticed on a write.
      const next = session.acp.notify("session/cancel", { sessionId: session.sessionId });
      await assert.rejects(prompt, (error) => {
        assert.ok(isErrorCode(error, "acp", "agent_exited"), String(error));
        assert.equal(field(error.metadata, "reason"), reason);
        return true;
      });
      await next;
      assert.equal(field(await session.prompt("again"), "stopReason"), "end_turn");
    });
  }

  test("an agent that waits for a permission does not count as silent", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { silenceTimeoutMs: 3_000 } });
    const session = await openSession(sandbox);
    const turn = session.prompt("write notes");
    const asked = () =>
      session.seen.find((envelope) => envelope.message.method === "session/request_permission");
    await until("the agent asks", () => asked() !== undefined);
    const failed = await Promise.race([
      turn.then(
        () => true,
        () => true,
      ),
      new Promise((resolve) => setTimeout(resolve, 5_000, false)),
    ]);
    assert.equal(failed, false, "the turn still waits");
    await session.acp.respond(asked()?.message.id ?? null, {
      result: { outcome: { outcome: "selected", optionId: "reject-once" } },
    });
    assert.equal(field(await turn, "stopReason"), "end_turn");
  });

  test("malformed output is reported, and messages continue", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox, { allow: true });
    assert.equal(field(await session.prompt("print garbage and write notes"), "stopReason"), "end_turn");
    const invalid = session.seen.filter((envelope) => envelope.message.method === "_adapter/invalid_stdout");
    assert.deepEqual(
      invalid.map((envelope) => field(envelope.message.params, "raw")),
      ["this is not JSON", '{"jsonrpc":"2.0","method":', "[1,2,3]"],
    );
  });

  test("a line over the limit is dropped and reported, and the next one is read", async (t) => {
    const agents = await withScript(
      t,
      "long",
      scripted(`
        process.stdout.write("x".repeat(3_000_000));
        process.stdout.write("\\n");
        send({ jsonrpc: "2.0", id: message.id, result: { stopReason: "end_turn" } });`),
    );
    const sandbox = await startSandbox(t, "unix", { agents, limits: { maxLineBytes: 1_000_000 } });
    const session = await openSession(sandbox, { agent: "long" });
    await session.prompt("go");
    const invalid = session.seen.find((envelope) => envelope.message.method === "_adapter/invalid_stdout");
    assert.match(String(field(invalid?.message.params, "error")), /exceeds 1000000 bytes/);
  });

  test("an incomplete last line is reported, and its request fails", async (t) => {
    const agents = await withScript(
      t,
      "half",
      scripted(
        `process.stdout.write('{"jsonrpc":"2.0","id":' + message.id + ',"resu', () => process.exit(0));`,
      ),
    );
    const sandbox = await startSandbox(t, "unix", { agents });
    const session = await openSession(sandbox, { agent: "half" });
    await assert.rejects(session.prompt("go"), (error) => isErrorCode(error, "acp", "agent_exited"));
    const invalid = session.seen.find((envelope) => envelope.message.method === "_adapter/invalid_stdout");
    assert.match(String(field(invalid?.message.params, "raw")), /"resu$/);
  });

  test("lines with unknown fields, unknown kinds and big numbers pass unchanged", async (t) => {
    const line =
      '{"method":"session/update", "jsonrpc":"2.0","params":{"sessionId":"one","update":{"sessionUpdate":"from_the_future","n":12345678901234567890,"e":1.50}},"_meta":{"z":1}}';
    const agents = await withScript(
      t,
      "raw",
      scripted(`
        process.stdout.write(${JSON.stringify(`${line}\n`)});
        send({ jsonrpc: "2.0", id: message.id, result: { stopReason: "end_turn" } });`),
    );
    const sandbox = await startSandbox(t, "unix", { agents });
    const session = await openSession(sandbox, { agent: "raw" });
    await session.prompt("go");
    assert.ok(session.seen.some((envelope) => envelope.raw === line));
  });

  test("a flood reaches a client completely, with backpressure on the agent", async (t) => {
    const sandbox = await startSandbox(t, "unix", {
      limits: { maxReaderLagBytes: 256 * 1024, maxRetainedBytes: 2 * 1_048_576 },
    });
    const session = await openSession(sandbox);
    await session.prompt("flood 20000");
    const chunks = updates(session.seen).filter(
      (update) => field(update, "sessionUpdate") === "agent_message_chunk",
    );
    const numbers = chunks.map((chunk) => Number.parseInt(String(field(chunk, "content", "text")), 10));
    assert.equal(numbers.length, 20_000);
    assert.ok(numbers.every((number, index) => number === index + 1));
  });

  test("dropped unread messages are reported as a gap", async (t) => {
    const sandbox = await startSandbox(t, "unix", { limits: { maxRetainedEvents: 100 } });
    const session = await openSession(sandbox);
    session.acp.detach();
    const id = 77;
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id,
      method: "session/prompt",
      params: { sessionId: session.sessionId, prompt: [{ type: "text", text: "flood 1000" }] },
    });
    const headers = { "content-type": "application/json" };
    const answer = await sandbox.fetch(`${sandbox.url}/v1/acp/s1`, { method: "POST", headers, body });
    assert.equal(field(await answer.json(), "id"), id);
    const gaps: unknown[] = [];
    const seqs: number[] = [];
    const late = sandbox.client.acp("s1", {
      after: 2,
      onGap: (gap) => gaps.push(gap),
      onEnvelope: (envelope) => {
        if (envelope.seq !== undefined) seqs.push(envelope.seq);
      },
    });
    sandbox.connections.add(late);
    await until("the rest was read", () => seqs.length >= 101);
    const first = seqs[0] ?? 0;
    assert.deepEqual(gaps, [{ from: 3, to: first }]);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => first + index),
    );
  });
});

describe("requests and ids", () => {
  test("permissions are answered out of order", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox);
    const turn = session.prompt("write notes twice");
    const asked = () =>
      session.seen.filter((envelope) => envelope.message.method === "session/request_permission");
    await until("both are asked", () => asked().length === 2);
    const [first, second] = asked();
    const answer = (optionId: string) => ({ result: { outcome: { outcome: "selected", optionId } } });
    await session.acp.respond(second?.message.id ?? null, answer("allow-once"));
    await until("the second is done", () =>
      readFile(join(sandbox.work, "NOTES-2.md")).then(
        () => true,
        () => false,
      ),
    );
    await session.acp.respond(first?.message.id ?? null, answer("reject-once"));
    assert.equal(field(await turn, "stopReason"), "end_turn");
    await assert.rejects(readFile(join(sandbox.work, "NOTES.md")));
  });

  test("a denied permission leaves the file and ends the turn", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox, { allow: false });
    assert.equal(field(await session.prompt("add a line to the README"), "stopReason"), "end_turn");
    assert.equal(await readFile(join(sandbox.work, "README.md"), "utf8"), "# Sample\n");
  });

  test("two clients may use the same id concurrently, and huge ids keep their digits", async (t) => {
    const agents = await withScript(
      t,
      "echo",
      scripted(`
        globalThis.held ??= [];
        held.push(message);
        if (held.length === 2) for (const { id, params } of held.splice(0).reverse())
          send({ jsonrpc: "2.0", id, result: params.word });`),
    );
    const sandbox = await startSandbox(t, "unix", { agents });
    const post = async (body: string) => {
      const headers = { "content-type": "application/json" };
      return (
        await sandbox.fetch(`${sandbox.url}/v1/acp/e?agent=echo`, { method: "POST", headers, body })
      ).text();
    };
    const ask = (id: string, word: string) =>
      post(`{"jsonrpc":"2.0","id":${id},"method":"session/prompt","params":{"word":"${word}"}}`);
    const answers = await Promise.all([ask("7", "a"), ask("7", "b")]);
    assert.deepEqual(
      answers.map((text) => JSON.parse(text)),
      [
        { jsonrpc: "2.0", id: 7, result: "a" },
        { jsonrpc: "2.0", id: 7, result: "b" },
      ],
    );
    const strings = await Promise.all([ask('"x"', "c"), ask('"x"', "d")]);
    assert.deepEqual(
      strings.map((text) => JSON.parse(text).result),
      ["c", "d"],
    );
  });

  test("an unexpected response and an unknown notification do no harm", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox, { allow: true });
    await session.acp.respond("never asked", { result: {} });
    await session.acp.notify("_vendor/unknown", { x: 1 });
    await assert.rejects(session.acp.request("no/such/method", {}), (error) => {
      assert.ok(isErrorCode(error, "acp", "rpc_error"));
      assert.equal(field(error.metadata, "code"), -32601);
      return true;
    });
    assert.equal(field(await session.prompt("write notes"), "stopReason"), "end_turn");
  });

  test("every envelope in both directions is observed in order, by callback and by loop", async (t) => {
    const sandbox = await startSandbox(t);
    const session = await openSession(sandbox, { allow: true });
    const looped: string[] = [];
    const loop = (async () => {
      for await (const envelope of session.acp.envelopes()) looped.push(envelope.raw);
    })();
    const from = session.seen.length;
    await session.prompt("write notes");
    await session.acp.close();
    await loop;
    assert.deepEqual(
      looped,
      session.seen.slice(from, from + looped.length).map((envelope) => envelope.raw),
    );
    const methods = session.seen.slice(from).map((envelope) => envelope.message.method);
    assert.equal(methods[0], "session/prompt");
    const asked = methods.indexOf("session/request_permission");
    const answered = session.seen.findIndex(
      (envelope, index) => index > from + asked && envelope.direction === "to-agent",
    );
    assert.ok(asked > 0 && answered > from + asked);
  });
});

describe("starting agents", () => {
  test("an agent gets the configured environment and nothing else of the server's", async (t) => {
    process.env.HOLDFAST_TEST_SECRET = "must not be inherited";
    t.after(() => delete process.env.HOLDFAST_TEST_SECRET);
    const agents = await withScript(
      t,
      "env",
      scripted(`send({ jsonrpc: "2.0", id: message.id, result: process.env });`),
    );
    const sandbox = await startSandbox(t, "unix", { agents, env: { GIVEN: "yes" } });
    const session = await openSession(sandbox, { agent: "env" });
    const env = await session.prompt("show");
    const names = Object.keys(typeof env === "object" && env !== null ? env : {});
    const allowed = new Set(["PATH", "HOME", "LANG", "GIVEN", "HOLDFAST_SANDBOX"]);
    assert.deepEqual(
      names.filter((name) => !allowed.has(name)),
      [],
    );
    assert.equal(field(env, "GIVEN"), "yes");
    assert.equal(field(env, "HOME"), sandbox.home);
  });

  test("a model is configured by the row: environment and files in HOME", async (t) => {
    const script = scripted(`send({ jsonrpc: "2.0", id: message.id, result: process.env });`);
    const [custom] = (await withScript(t, "stub", script)).slice(-1);
    const codex = agentTable.find((row) => row.id === "codex");
    assert.ok(custom && codex);
    const agents = [{ ...codex, command: custom.command, args: custom.args }];
    const models = { "openai-responses": { baseUrl: "http://127.0.0.1:9/m/v1", apiKey: "placeholder" } };
    const sandbox = await startSandbox(t, "unix", { agents, models });
    const session = await openSession(sandbox, { agent: "codex" });
    const env = await session.prompt("show");
    assert.ok(Object.values(env ?? {}).includes("placeholder"));
    const config = await readFile(join(sandbox.home, ".codex", "config.toml"), "utf8");
    assert.match(config, /base_url = "http:\/\/127\.0\.0\.1:9\/m\/v1"/);
    assert.doesNotMatch(config, /placeholder/);
  });

  test("unknown, missing and unstartable agents are rejected by name", async (t) => {
    const directory = join((await startSandbox(t)).home, "bad");
    await mkdir(directory);
    await writeFile(join(directory, "broken"), "#!/no/such/interpreter\n", { mode: 0o755 });
    const agents = [
      ...agentTable,
      customAgent({ id: "absent", command: "no-such-command-anywhere" }),
      customAgent({ id: "broken", command: join(directory, "broken") }),
    ];
    const sandbox = await startSandbox(t, "unix", { agents });
    const attempt = (agent: string) => {
      const acp = sandbox.client.acp(`x-${agent}`, { agent });
      sandbox.connections.add(acp);
      return acp.request("initialize", {});
    };
    await assert.rejects(attempt("nobody"), (error) => isErrorCode(error, "sandbox", "unsupported_agent"));
    await assert.rejects(attempt("absent"), (error) => {
      assert.ok(isErrorCode(error, "sandbox", "agent_not_installed"), String(error));
      assert.equal(error.statusCode, 404);
      assert.match(error.message, /holdfast agents install absent/);
      return true;
    });
    await assert.rejects(attempt("broken"), (error) => isErrorCode(error, "sandbox", "stream_error"));
    assert.deepEqual(await sandbox.client.listAcpServers(), []);
  });

  test("the launcher override in HOME takes precedence", async (t) => {
    const sandbox = await startSandbox(t);
    const directory = join(sandbox.home, ".local/share/sandbox-agent/bin/agent_processes");
    await mkdir(directory, { recursive: true });
    const body = scripted(`send({ jsonrpc: "2.0", id: message.id, result: "launched" });`);
    await writeFile(join(directory, "launched.mjs"), body);
    await writeFile(
      join(directory, "demo-acp"),
      `#!/bin/sh\nexec '${process.execPath}' '${directory}/launched.mjs'\n`,
      {
        mode: 0o755,
      },
    );
    const session = await openSession(sandbox);
    assert.equal(await session.prompt("x"), "launched");
  });

  test("agents are listed with capabilities, version and state", async (t) => {
    const sandbox = await startSandbox(t);
    const before = await sandbox.client.getAgent("demo", { config: true });
    assert.equal(before.installed, true);
    assert.equal(before.version, "holdfast-demo 0.1.0");
    assert.equal(before.serverStatus, undefined);
    assert.equal(Object.keys(before.capabilities).length, 18);
    await openSession(sandbox);
    assert.equal((await sandbox.client.getAgent("demo")).serverStatus?.status, "running");
    const ids = (await sandbox.client.listAgents()).map((agent) => agent.id);
    const people = ["demo", "codex", "claude", "pi", "gemini", "opencode", "copilot", "qwen"];
    assert.deepEqual(ids, [...people, "amp", "cursor", "mock"]);
    await assert.rejects(sandbox.client.getAgent("nobody"), (error) => {
      assert.ok(isHoldfastError(error));
      assert.equal(error.code, "unsupported_agent");
      assert.equal(error.statusCode, 400);
      return true;
    });
  });
});
