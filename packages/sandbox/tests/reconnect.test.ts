import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type Envelope, SandboxAgent, SandboxClient } from "@holdfast/sandbox-client";
import { fetchOver, unixAgent } from "@holdfast/sandbox-client/node";
import { createSandboxServer, type SandboxServerOptions } from "../src/index.ts";
import { field, temporary, until, updates } from "./harness.ts";

/** A server behind a relay whose connections can be interrupted. */
async function behindRelay(t: TestContext, options: Partial<SandboxServerOptions> = {}) {
  const home = await temporary(t);
  const [inner, outer] = [join(home, "inner.sock"), join(home, "outer.sock")];
  const server = await createSandboxServer({ listen: { unix: inner }, home, cwd: home, ...options });
  t.after(() => server.close());
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect(inner);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => relay.listen(outer, resolve));
  const agent = unixAgent(outer);
  t.after(() => {
    agent.destroy();
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const fetch = fetchOver(agent);
  const client = await SandboxClient.connect({ fetch });
  return { server, client, cut, relay, home, inner, fetch };
}

/**
 * A server that can be restarted, and a relay to the current one. Clients are not notified of its end, as with a kill.
 */
async function restartable(t: TestContext) {
  const home = await temporary(t);
  const unix = join(home, "server.sock");
  const start = () =>
    createSandboxServer({ listen: { unix }, home, cwd: home, limits: { bootstrapWaitMs: 50 } });
  const agent = unixAgent(unix);
  const reach = fetchOver(agent);
  let server: Awaited<ReturnType<typeof start>> | undefined = await start();
  let cut = new AbortController();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (server === undefined) throw new TypeError("fetch failed");
    const signals = init?.signal ? [init.signal, cut.signal] : [cut.signal];
    return await reach(input, { ...init, signal: AbortSignal.any(signals) });
  };
  t.after(async () => {
    await server?.close();
    agent.destroy();
  });
  const restart = async () => {
    const old = server;
    server = undefined;
    cut.abort(new Error("the connection was cut"));
    cut = new AbortController();
    await old?.close();
    server = await start();
  };
  return { home, fetch, restart };
}

describe("interrupted connections", () => {
  test("a session continues after a restart of its server, whichever client notices first", async (t) => {
    const { home, fetch, restart } = await restartable(t);
    const sandbox = await SandboxAgent.connect({ fetch });
    t.after(() => sandbox.dispose());
    const session = await sandbox.createSession({ agent: "demo", cwd: home });
    const say = async (text: string) => await session.prompt([{ type: "text", text }]);
    await say("remember the owl, without asking");
    const before = session.agentSessionId;
    await restart();
    // The agent's stream, which would report the deletion, is waiting for its next attempt.
    const { stopReason } = await say("go on, without asking");
    assert.equal(stopReason, "end_turn");
    assert.equal(session.recovery, "loaded");
    const { agentSessionId } = await session.refresh();
    assert.equal(agentSessionId, before);
    const { items } = await sandbox.getEvents({ sessionId: session.id, limit: 1_000 });
    const prompts = items.filter(({ payload }) => "method" in payload && payload.method === "session/prompt");
    assert.equal(prompts.length, 2);
    await restart();
    assert.equal(typeof (await sandbox.destroySession(session.id)).destroyedAt, "number");
  });

  test("an answer to a request arrives however often its connection breaks", async (t) => {
    const { home, fetch } = await restartable(t);
    let breaks = 2;
    const breaking: typeof globalThis.fetch = async (input, init) => {
      const isAnswer = typeof init?.body === "string" && init.body.includes('"outcome"');
      if (!isAnswer || breaks === 0) return await fetch(input, init);
      breaks -= 1;
      throw new TypeError("fetch failed");
    };
    const sandbox = await SandboxAgent.connect({ fetch: breaking });
    t.after(() => sandbox.dispose());
    const session = await sandbox.createSession({ agent: "demo", cwd: home });
    session.onPermissionRequest(({ id }) => void session.respondPermission(id, "once"));
    const { stopReason } = await session.prompt([{ type: "text", text: "write notes" }]);
    assert.deepEqual([stopReason, breaks], ["end_turn", 0]);
  });

  test("a message does not recreate an instance that was deleted during its stream", async () => {
    const asked: string[] = [];
    const standing = (signal: AbortSignal | null | undefined) =>
      new ReadableStream({
        start: (stream) => signal?.addEventListener("abort", () => stream.error(signal.reason)),
      });
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method !== "POST") return new Response(standing(init?.signal));
      asked.push(new URL(String(input)).search);
      if (asked.length === 1) return new Response(null, { status: 202 });
      const problem = { type: "urn:sandbox-agent:error:invalid_request", title: "Invalid Request" };
      return Response.json(problem, { status: 400 });
    };
    const client = await SandboxClient.connect({ fetch, skipHealthCheck: true });
    const acp = client.acp("s", { agent: "demo" });
    await acp.notify("first", {});
    await assert.rejects(acp.notify("second", {}), (error) => isErrorCode(error, "acp", "connection_closed"));
    assert.deepEqual(asked, ["?agent=demo", ""]);
    assert.equal((await acp.closed).kind, "gone");
  });

  test("a turn survives interruptions of all connections without gaps or repetitions", async (t) => {
    const { client, cut, home } = await behindRelay(t);
    const seen: Envelope[] = [];
    const gaps: unknown[] = [];
    const acp = client.acp("s", {
      agent: "demo",
      onEnvelope: (envelope) => void seen.push(envelope),
      onGap: (gap) => gaps.push(gap),
    });
    t.after(() => acp.detach());
    await acp.request("initialize", {});
    const sessionId = field(await acp.request("session/new", { cwd: home, mcpServers: [] }), "sessionId");
    const prompt = [{ type: "text", text: "write notes without asking, add much: flood 3000" }];
    const flood = acp.request("session/prompt", { sessionId, prompt });
    for (const count of [200, 1_000, 2_000]) {
      await until("it streams", () => updates(seen).length > count);
      cut();
    }
    assert.equal(field(await flood, "stopReason"), "end_turn");
    const seqs = seen.flatMap((envelope) => envelope.seq ?? []);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
    );
    assert.ok(seqs.length > 3_000);
    assert.deepEqual(gaps, []);
  });

  test("a second connection resumes at the end of the log", async (t) => {
    const { client, home } = await behindRelay(t);
    const first = client.acp("s", { agent: "demo" });
    await first.request("initialize", {});
    await first.request("session/new", { cwd: home, mcpServers: [] });
    first.detach();
    const seqs: number[] = [];
    const second = client.acp("s", { after: 1, onEnvelope: ({ seq }) => void (seq && seqs.push(seq)) });
    t.after(() => second.detach());
    await until("the rest came", () => seqs.length === 1);
    assert.deepEqual(seqs, [2]);
  });

  test("a deleted instance and a lost server are distinguished", async (t) => {
    const { client, server, relay, cut } = await behindRelay(t);
    const one = client.acp("one", { agent: "demo" });
    const two = client.acp("two", { agent: "demo", reconnectForMs: 300 });
    await Promise.all([one.request("initialize", {}), two.request("initialize", {})]);
    await client.acp("one").close();
    assert.equal((await one.closed).kind, "gone");
    await assert.rejects(one.request("session/new", {}), (error) =>
      isErrorCode(error, "acp", "connection_closed"),
    );
    const waiting = assert.rejects(two.request("session/prompt", {}), Error);
    await server.close();
    relay.close();
    cut();
    assert.equal((await two.closed).kind, "unreachable");
    await waiting;
    assert.deepEqual(await two.envelopes().next(), { done: true, value: undefined });
  });

  test("a slow response is kept alive with blanks, and a request can be aborted", async (t) => {
    const { client, home } = await behindRelay(t, { limits: { heartbeatMs: 20 } });
    const acp = client.acp("s", { agent: "demo" });
    t.after(() => acp.detach());
    await acp.request("initialize", {});
    const sessionId = field(await acp.request("session/new", { cwd: home, mcpServers: [] }), "sessionId");
    const prompt = [{ type: "text", text: "slowly" }];
    const stop = new AbortController();
    const given = acp.request("session/prompt", { sessionId, prompt }, { signal: stop.signal });
    const updated = (async () => {
      for await (const { message } of acp.envelopes()) if (message.method === "session/update") return;
    })();
    await updated;
    stop.abort(new Error("enough"));
    await assert.rejects(given, /enough/);
    await acp.notify("session/cancel", { sessionId });
    const again = acp.request("session/prompt", {
      sessionId,
      prompt: [{ type: "text", text: "without asking" }],
    });
    assert.equal(field(await again, "stopReason"), "end_turn");
  });

  test("following a session log continues after an interruption without gaps or repetitions", async (t) => {
    const { cut, fetch, inner } = await behindRelay(t);
    const direct = unixAgent(inner);
    t.after(() => direct.destroy());
    const { remoteSessions: followed } = await SandboxAgent.connect({ fetch });
    const { remoteSessions } = await SandboxAgent.connect({ fetch: fetchOver(direct) });
    const { id } = await remoteSessions.create({ agent: "demo" });
    const seen: number[] = [];
    const following = (async () => {
      for await (const item of followed.follow(id)) {
        if (item.type === "event") seen.push(item.event.sequence);
        if (seen.length === 1) cut();
      }
    })();
    await until("it is cut", () => seen.length > 0);
    assert.equal((await remoteSessions.prompt(id, "without asking")).status, "completed");
    await until("all came", async () => seen.length >= (await remoteSessions.get(id)).lastSequence);
    await remoteSessions.delete(id);
    await following;
    assert.deepEqual(
      seen,
      seen.map((_, index) => index + 1),
    );
  });

  test("output during the interruption of a follower of new output is delivered to it", async (t) => {
    const { cut, fetch, home } = await behindRelay(t);
    const agent = await SandboxAgent.connect({ fetch });
    const script = "echo before; until [ -e go ]; do sleep 0.05; done; echo after; echo end >&2";
    const { id } = await agent.createProcess({ command: "sh", args: ["-c", script] });
    await until("it has printed", async () => (await agent.getProcessLogs(id)).entries.length > 0);
    let text = "";
    const show = ({ data }: { data: string }) => {
      text += Buffer.from(data, "base64").toString();
    };
    const followed = await agent.followProcessLogs(id, show, { tail: 0 });
    await writeFile(join(home, "go"), "");
    cut();
    await followed.closed;
    assert.equal(text, "after\nend\n");
  });

  test("output followed for an hour is still followed after an interruption", async (t) => {
    const { cut, fetch, home } = await behindRelay(t);
    const agent = await SandboxAgent.connect({ fetch });
    const script = "echo before; until [ -e go ]; do sleep 0.05; done; echo after; sleep 0.05; echo end >&2";
    const { id } = await agent.createProcess({ command: "sh", args: ["-c", script] });
    let text = "";
    const show = ({ data }: { data: string }) => {
      text += Buffer.from(data, "base64").toString();
    };
    const followed = await agent.followProcessLogs(id, show, { tail: 1 });
    await until("it streams", () => text !== "");
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 3_600_000 });
    cut();
    await writeFile(join(home, "go"), "");
    await followed.closed;
    assert.equal(text, "before\nafter\nend\n");
  });
});
