/** The guest against real ZeroMQ sockets: what it says on the wire, and what agents and shells get of it. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { guestProgramsDirectory, startGateGuest } from "@holdfast/guest";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { Publisher, Router } from "zeromq";

interface Call {
  readonly topic: string;
  readonly correlation: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

type Answer = { readonly result: unknown } | { readonly error: Readonly<Record<string, unknown>> };

/** As much of a gate as its wire: real sockets, and answers that the test writes. */
async function startWire(t: TestContext, answer: (call: Call, wire: Wire) => Answer | Promise<Answer>) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-guest-"));
  const wire = new Wire(directory, answer);
  await wire.open();
  const guest = await startGateGuest({ gate: directory, directory: join(directory, "local"), version: "1" });
  t.after(async () => {
    await guest.close();
    wire.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const ipc = async (args: readonly string[], program: "ipc" | "ipc.mjs" = "ipc", env = {}) => {
    const path = join(guestProgramsDirectory, program);
    const command = program === "ipc" ? path : process.execPath;
    const all = program === "ipc" ? args : [path, ...args];
    const environment = { ...process.env, HOLDFAST_IPC: guest.ipcSocket, NODE_OPTIONS: "", ...env };
    return promisify(execFile)(command, all, { env: environment }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  };
  return { wire, guest, directory, ipc };
}

class Wire {
  readonly calls: Call[] = [];
  readonly frames: Record<string, unknown>[] = [];
  readonly #directory: string;
  readonly #answer: (call: Call, wire: Wire) => Answer | Promise<Answer>;
  #router = new Router({ linger: 0 });
  #publisher = new Publisher({ linger: 0 });

  constructor(directory: string, answer: (call: Call, wire: Wire) => Answer | Promise<Answer>) {
    this.#directory = directory;
    this.#answer = answer;
  }

  async open(): Promise<void> {
    this.#router = new Router({ linger: 0, handover: true });
    this.#publisher = new Publisher({ linger: 0 });
    await this.#router.bind(`ipc://${this.#directory}/request.sock`);
    await this.#publisher.bind(`ipc://${this.#directory}/events.sock`);
    void this.#serve(this.#router);
  }

  async #serve(router: Router): Promise<void> {
    try {
      for await (const [identity, empty, body] of router) {
        assert.equal(empty?.length, 0);
        const frame = JSON.parse(String(body)) as Record<string, unknown>;
        this.frames.push(frame);
        const call = frame as unknown as Call;
        this.calls.push(call);
        void Promise.resolve(this.#answer(call, this)).then(async (answer) => {
          const payload = { result: null, error: null, ...answer };
          const envelope = { version: 1, type: "response", correlation: call.correlation, payload };
          await router.send([identity ?? "", "", JSON.stringify(envelope)]).catch(() => {});
        });
      }
    } catch (error) {
      if (!router.closed) throw error;
    }
  }

  async publish(topic: string, payload: unknown): Promise<void> {
    await this.#publisher.send([topic, JSON.stringify({ topic, type: "event", payload })]);
  }

  close(): void {
    this.#router.close();
    this.#publisher.close();
  }
}

const tools = [
  {
    name: "echo",
    description: "Says it again",
    risk_level: "low",
    plugin: "core",
    version: "1",
    arguments_schema: {
      type: "object",
      properties: { text: { type: "string" } },
      additionalProperties: false,
    },
  },
];

describe("the ipc command", () => {
  for (const program of ["ipc", "ipc.mjs"] as const) {
    test(`(${program}) gives a result on stdout, an error on stderr, and exits 0 or 1`, async (t) => {
      const { wire, ipc } = await startWire(t, ({ topic, arguments: args }) =>
        topic === "tool.invoke.echo"
          ? { result: args }
          : { error: { code: "UNKNOWN_TOOL", message: "no", retriable: false, stage: 2 } },
      );
      const good = await ipc(["tool.invoke.echo", '{"text":"grüße\\n\\"x\\""}'], program);
      assert.deepEqual([good.code, JSON.parse(good.stdout), good.stderr], [0, { text: 'grüße\n"x"' }, ""]);
      const bad = await ipc(["tool.invoke.none"], program);
      assert.deepEqual([bad.code, bad.stdout, JSON.parse(bad.stderr).code], [1, "", "UNKNOWN_TOOL"]);
      assert.deepEqual(
        wire.frames.map((frame) => Object.keys(frame).sort()),
        [
          ["arguments", "correlation", "topic"],
          ["arguments", "correlation", "topic"],
        ],
        "three fields and no more",
      );
      const large = { text: "x".repeat(90_000) };
      const long = await ipc(["tool.invoke.echo", JSON.stringify(large)], program);
      assert.deepEqual(JSON.parse(long.stdout), large);
      for (const args of [[], ["a", "{}", "b"], ["tool.invoke.echo", "[1]"], ["tool.invoke.echo", "{"]]) {
        const wrong = await ipc(args, program);
        assert.deepEqual([wrong.code, JSON.parse(wrong.stderr).code], [1, "CLI_ERROR"], args.join(" "));
      }
      const nowhere = await ipc(["tool.list"], program, { HOLDFAST_IPC: "/nowhere" });
      assert.deepEqual([nowhere.code, JSON.parse(nowhere.stderr).code], [1, "IPC_ERROR"]);
    });

    test(`(${program}) waits as long as it is told to, and takes nothing that is no time for one`, async (t) => {
      const { ipc } = await startWire(t, ({ topic }) =>
        topic === "tool.invoke.echo" ? { result: "here" } : new Promise<Answer>(() => {}),
      );
      const late = await ipc(["tool.invoke.never"], program, { CARAPACE_TIMEOUT: "300" });
      assert.deepEqual([late.code, JSON.parse(late.stderr).code], [1, "IPC_ERROR"]);
      for (const time of ["", "0", "-5", "soon", "99999999999"]) {
        const { code, stdout, stderr } = await ipc(["tool.invoke.echo"], program, { CARAPACE_TIMEOUT: time });
        assert.deepEqual([code, stdout, stderr], [0, '"here"\n', ""], JSON.stringify(time));
      }
    });
  }

  test("many at once are all answered, each with its own", async (t) => {
    const waiting: (() => void)[] = [];
    const { ipc } = await startWire(t, async ({ arguments: args }) => {
      // None is answered before all have come, and the last one first.
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 5) for (const each of waiting.reverse()) each();
      });
      return { result: args };
    });
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => ipc(["tool.invoke.echo", `{"n":${n}}`])));
    assert.deepEqual(
      answers.map(({ stdout }) => stdout),
      [1, 2, 3, 4, 5].map((n) => `{"n":${n}}\n`),
    );
  });

  test("cancels its call when it is killed", async (t) => {
    let cancelled: (correlation: unknown) => void = () => {};
    const seen = new Promise((resolve) => {
      cancelled = resolve;
    });
    let begun: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { wire, guest } = await startWire(t, (call) => {
      if (call.topic === "tool.cancel") cancelled(call.arguments["correlation"]);
      else begun();
      return call.topic === "tool.cancel" ? { result: { cancelled: true } } : new Promise<Answer>(() => {});
    });
    const child = spawn(join(guestProgramsDirectory, "ipc"), ["tool.invoke.slow"], {
      env: { ...process.env, HOLDFAST_IPC: guest.ipcSocket },
    });
    await started;
    child.kill("SIGKILL");
    assert.equal(await seen, wire.calls[0]?.correlation);
  });
});

describe("the connection to the gate", () => {
  test("comes back when the gate's endpoint restarts, and asks again what was not answered", async (t) => {
    let answering = false;
    let asked: () => void = () => {};
    const first = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { wire, guest } = await startWire(t, (call) => {
      asked();
      return answering ? { result: call.arguments } : new Promise<Answer>(() => {});
    });
    const call = guest.client.call("tool.invoke.echo", { text: "again" });
    await first;
    wire.close();
    answering = true;
    await wire.open();
    assert.deepEqual(await call, { ok: true, result: { text: "again" } });
    // The endpoint that ends may have let it in once more: each connection is asked, and it is one call.
    assert.ok(wire.calls.length >= 2);
    assert.equal(new Set(wire.calls.map((each) => each.correlation)).size, 1, "as the same call");
  });
});

describe("a call of more than the gate takes", () => {
  test("is refused at once, and takes no other call with it", async (t) => {
    const { wire, guest, ipc } = await startWire(t, ({ arguments: args }) => ({
      result: String(args["text"]).length,
    }));
    const most = 1024 * 1024;
    const overhead = JSON.stringify({
      ...{ topic: "tool.invoke.echo", correlation: "c1" },
      arguments: { text: "" },
    }).length;
    const call = (length: number) => guest.client.call("tool.invoke.echo", { text: "x".repeat(length) });
    assert.deepEqual(await call(most - overhead), { ok: true, result: most - overhead });
    const refused = { code: "VALIDATION_FAILED", retriable: false, stage: 1 };
    for (const length of [most - overhead + 1, 3 * most]) {
      const answer = await call(length);
      assert.ok(!answer.ok);
      const { message, ...error } = answer.error;
      assert.deepEqual(error, refused);
      assert.match(message, /1048576 bytes/);
    }
    // Its length is that of its bytes.
    const wide = await guest.client.call("tool.invoke.echo", { text: "é".repeat(most / 2) });
    assert.ok(!wide.ok && wide.error.code === "VALIDATION_FAILED");
    const piped = spawn(join(guestProgramsDirectory, "ipc"), ["tool.invoke.echo", "-"], {
      env: { ...process.env, HOLDFAST_IPC: guest.ipcSocket },
      stdio: ["pipe", "ignore", "pipe"],
    });
    piped.stdin.end(JSON.stringify({ text: "x".repeat(1.5 * most) }));
    assert.equal((JSON.parse(await text(piped.stderr)) as { code: string }).code, "VALIDATION_FAILED");
    assert.equal((await ipc(["tool.invoke.echo", '{"text":"four"}'])).stdout, "4\n");
    assert.equal(wire.frames.length, 2, "the gate saw those alone that it takes");
  });
});

describe("the bridge to MCP", () => {
  async function connect(t: TestContext, socket: string, capabilities = {}) {
    const client = new Client({ name: "test", version: "1" }, { capabilities });
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [join(guestProgramsDirectory, "holdfast-mcp.mjs")],
      env: { HOLDFAST_MCP: socket },
    });
    await client.connect(transport);
    t.after(() => client.close());
    return client;
  }

  test("lists the tools with their schemas, calls them, and says when the list has changed", async (t) => {
    const { wire, guest } = await startWire(t, ({ topic, arguments: args }) =>
      topic === "tool.list"
        ? { result: { tools } }
        : topic === "tool.invoke.echo"
          ? { result: args }
          : { error: { code: "VALIDATION_FAILED", message: "not text", retriable: false, field: "text" } },
    );
    const client = await connect(t, guest.mcpSocket);
    const changed = new Promise<void>((resolve) => {
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve());
    });
    const listed = await client.listTools();
    assert.deepEqual(
      listed.tools.map(({ name, inputSchema }) => [name, inputSchema]),
      [["echo", tools[0]?.arguments_schema]],
    );
    const good = await client.callTool({ name: "echo", arguments: { text: "hello" } });
    assert.deepEqual(good["structuredContent"], { text: "hello" });
    const bad = await client.callTool({ name: "other", arguments: {} });
    assert.equal(bad.isError, true);
    assert.match(JSON.stringify(bad.content), /VALIDATION_FAILED at text: not text/);
    await wire.publish("tool.list_changed", {});
    await changed;
  });

  test("lists every tool, however its author wrote the schema of its result", async (t) => {
    const written: Record<string, unknown>[] = [
      { type: "object", properties: { text: { type: "string" } } },
      { $schema: "https://json-schema.org/draft/2020-12/schema", $id: "result", type: "object" },
      { $id: "result", type: "object", required: ["text"] },
      { type: "array", items: {} },
      { properties: { text: true } },
      { type: "object", properties: { text: true } },
      { anyOf: [{ type: "object" }, { type: "null" }] },
    ];
    const listed = written.map((output_schema, at) => ({ ...tools[0], name: `tool_${at}`, output_schema }));
    const { guest } = await startWire(t, ({ topic, arguments: args }) =>
      topic === "tool.list" ? { result: { tools: listed } } : { result: args },
    );
    const client = await connect(t, guest.mcpSocket);
    const { tools: seen } = await client.listTools();
    assert.deepEqual(
      seen.map(({ outputSchema }) => outputSchema),
      [
        written[0],
        { type: "object" },
        { type: "object", required: ["text"] },
        ...[undefined, undefined, undefined, undefined],
      ],
    );
    for (const { name } of seen) {
      const answer = await client.callTool({ name, arguments: { text: "hello" } });
      assert.deepEqual(answer["structuredContent"], { text: "hello" }, name);
    }
  });

  test("does not ask again at once where nobody could be asked", async (t) => {
    let asked = 0;
    const { guest } = await startWire(t, ({ topic }) => {
      if (topic === "tool.list") return { result: { tools } };
      asked += 1;
      if (asked > 3) return { result: { asked } };
      return {
        error: { code: "CONFIRMATION_TIMEOUT", message: "too many", retriable: true, retry_after: 600 },
      };
    });
    const client = await connect(t, guest.mcpSocket);
    const answer = await client.callTool({ name: "echo", arguments: {} });
    assert.match(JSON.stringify(answer.content), /CONFIRMATION_TIMEOUT: too many; try again in 600 s/);
    assert.equal(asked, 1, "it would have waited for longer than a call does");
  });

  test("hands on progress, and cancels at the gate what the agent cancels", async (t) => {
    let cancelled: (value: unknown) => void = () => {};
    const seen = new Promise((resolve) => {
      cancelled = resolve;
    });
    const { guest } = await startWire(t, async (call, wire) => {
      if (call.topic === "tool.cancel") {
        cancelled(call.arguments["correlation"]);
        return { result: { cancelled: true } };
      }
      const { correlation } = call;
      await wire.publish(`tool.progress.${correlation}`, {
        correlation,
        progress: 1,
        total: 2,
        message: "half",
      });
      return new Promise<Answer>(() => {});
    });
    const client = await connect(t, guest.mcpSocket);
    const abort = new AbortController();
    const call = client.callTool({ name: "echo", arguments: {} }, undefined, {
      signal: abort.signal,
      onprogress: ({ message }) => abort.abort(new Error(`seen ${message}`)),
    });
    await assert.rejects(call, /seen half/);
    assert.match(String(await seen), /^c\d+$/);
  });

  test("waits with a call until a person has decided, tells the agent, and lets nothing in the jail decide", async (t) => {
    let asked = 0;
    const told: string[] = [];
    const { guest } = await startWire(t, async ({ topic, correlation }, wire) => {
      if (topic === "tool.list") return { result: { tools } };
      asked += 1;
      const expires_at = "2026-01-01T00:00:00Z";
      await wire.publish(`tool.confirmation.${correlation}`, {
        correlation,
        tool: "echo",
        approval: "a",
        expires_at,
      });
      // The first wait at the gate is over before the person is back.
      if (asked === 1) return { error: { code: "CONFIRMATION_TIMEOUT", message: "waits", retriable: true } };
      return { result: { done: true } };
    });
    const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const client = await connect(t, guest.mcpSocket, { elicitation: {} });
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      told.push(params.message);
      return { action: "accept", content: {} };
    });
    const answer = await client.callTool({ name: "echo", arguments: {} });
    assert.deepEqual(answer["structuredContent"], { done: true });
    assert.equal(asked, 2, "the same call was asked again");
    assert.equal(told.length, 1, "the person at the agent is told once");
    assert.match(told[0] ?? "", /waits until a person allows it/);
  });

  test("a call that is made again while it waits for a person is the one that waits, and is done once", async (t) => {
    const decided = Promise.withResolvers<void>();
    const cancelled: unknown[] = [];
    const { wire, guest } = await startWire(t, async ({ topic, correlation, arguments: args }, own) => {
      if (topic === "tool.list") return { result: { tools } };
      if (topic === "tool.cancel") {
        cancelled.push(args["correlation"]);
        return { result: { cancelled: true } };
      }
      const asked = { correlation, tool: "mail_send", approval: "a", expires_at: "2026-01-01T00:00:00Z" };
      await own.publish(`tool.confirmation.${correlation}`, asked);
      await decided.promise;
      return { result: { sent: args["to"] } };
    });
    const client = await connect(t, guest.mcpSocket);
    /** Calls, and resolves when the agent has been told that a person is waited for. */
    const send = async (args: Record<string, unknown>, signal?: AbortSignal) => {
      const waits = Promise.withResolvers<void>();
      const answer = client.callTool({ name: "mail_send", arguments: args }, undefined, {
        onprogress: () => waits.resolve(),
        ...(signal === undefined ? {} : { signal }),
      });
      await Promise.race([waits.promise, answer]);
      return { answer };
    };
    const given = new AbortController();
    const first = await send({ to: "ada", text: "hi" }, given.signal);
    const again = await send({ text: "hi", to: "ada" });
    const other = await send({ to: "bob", text: "hi" });
    const invoked = () => wire.calls.filter(({ topic }) => topic === "tool.invoke.mail_send");
    assert.deepEqual(
      invoked().map(({ arguments: { to } }) => to),
      ["ada", "bob"],
    );
    // Whoever gives up takes nobody else's call away.
    given.abort();
    await assert.rejects(first.answer);
    await client.listTools();
    assert.deepEqual(cancelled, []);
    decided.resolve();
    const [told, alone] = await Promise.all([again.answer, other.answer]);
    assert.deepEqual(told["structuredContent"], { sent: "ada" });
    assert.match(JSON.stringify(told.content), /It ran once/);
    assert.doesNotMatch(JSON.stringify(alone.content), /It ran once/);
    // What is over is made anew.
    const later = await client.callTool({ name: "mail_send", arguments: { to: "ada", text: "hi" } });
    assert.doesNotMatch(JSON.stringify(later.content), /It ran once/);
    assert.equal(invoked().length, 3);
  });

  test("a waiting call that everybody has given up is cancelled, and no other call joins it", async (t) => {
    const cancelled = Promise.withResolvers<unknown>();
    const { wire, guest } = await startWire(t, async ({ topic, correlation, arguments: args }, own) => {
      if (topic === "tool.cancel") {
        cancelled.resolve(args["correlation"]);
        return { result: { cancelled: true } };
      }
      const asked = { correlation, tool: "mail_send", approval: "a", expires_at: "2026-01-01T00:00:00Z" };
      await own.publish(`tool.confirmation.${correlation}`, asked);
      return new Promise<Answer>(() => {});
    });
    const client = await connect(t, guest.mcpSocket);
    const send = async () => {
      const waits = Promise.withResolvers<void>();
      const abort = new AbortController();
      const answer = client.callTool({ name: "mail_send", arguments: {} }, undefined, {
        onprogress: () => waits.resolve(),
        signal: abort.signal,
      });
      answer.catch(() => {});
      await waits.promise;
      return abort;
    };
    for (const abort of [await send(), await send()]) abort.abort();
    assert.equal(await cancelled.promise, wire.calls[0]?.correlation);
    assert.equal(wire.calls.filter(({ topic }) => topic === "tool.invoke.mail_send").length, 1);
    await send();
    assert.equal(wire.calls.filter(({ topic }) => topic === "tool.invoke.mail_send").length, 2);
  });

  test("withdraws at the agent what has been decided elsewhere", async (t) => {
    const seen = Promise.withResolvers<void>();
    const withdrawn = Promise.withResolvers<void>();
    const { guest } = await startWire(t, async ({ topic, correlation }, wire) => {
      if (topic === "tool.list") return { result: { tools } };
      const asked = { correlation, tool: "echo", approval: "a", expires_at: "2026-01-01T00:00:00Z" };
      await wire.publish(`tool.confirmation.${correlation}`, asked);
      await seen.promise;
      return { result: { done: true } };
    });
    const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const client = await connect(t, guest.mcpSocket, { elicitation: {} });
    client.setRequestHandler(ElicitRequestSchema, async (_request, { signal }) => {
      signal.addEventListener("abort", () => withdrawn.resolve());
      seen.resolve();
      await withdrawn.promise;
      return { action: "cancel" };
    });
    const answer = await client.callTool({ name: "echo", arguments: {} });
    assert.deepEqual(answer["structuredContent"], { done: true });
    await withdrawn.promise;
  });
});
