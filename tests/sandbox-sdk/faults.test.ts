/** Known defects of the published client, which ours does not have. */
import assert from "node:assert/strict";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import * as ours from "@holdfast/sandbox-client";
import { SqliteSessionPersistDriver } from "@holdfast/sandbox-client/persist/sqlite";
import { type RunningServer, startServer } from "./support/server.ts";
import { first, hears, text, withWorld } from "./support/world.ts";

describe("our client", () => {
  let server: RunningServer;
  const unhandled: unknown[] = [];
  const keep = (reason: unknown) => void unhandled.push(reason);
  before(async () => {
    process.on("unhandledRejection", keep);
    server = await startServer();
  });
  after(async () => {
    await server.stop();
    process.off("unhandledRejection", keep);
    assert.deepEqual(unhandled, []);
  });

  test("a refused request rejects only its own call; the connection stays open", async () => {
    let refuse = false;
    // A proxy between client and server can refuse a request too.
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (!refuse || init?.method !== "POST") return await globalThis.fetch(input, init);
      refuse = false;
      const problem = { type: "urn:sandbox-agent:error:stream_error", title: "Stream Error", status: 502 };
      return Response.json(problem, { status: 502 });
    };
    const { url: baseUrl, token, work: cwd } = server;
    const client = await ours.SandboxAgent.connect({ baseUrl, token, fetch });
    const session = await client.createSession({ agent: "optioned", cwd });
    await assert.rejects(
      client.createSession({ agent: "nobody", cwd }),
      (error: unknown) => error instanceof ours.SandboxAgentError && error.status === 400,
    );
    refuse = true;
    const waiting = session.prompt(text("wait"));
    await assert.rejects(waiting, (error: unknown) => {
      assert.ok(error instanceof ours.SandboxAgentError);
      assert.equal(error.status, 502);
      assert.equal(error.code, "stream_error");
      return true;
    });
    assert.equal((await session.prompt(text("still there"))).stopReason, "end_turn");
    await client.dispose();
  });

  test("a prompt after destroy is refused until the session is resumed", async () => {
    await withWorld(ours, server, async ({ client, session }) => {
      const made = await session();
      await client.destroySession(made.id);
      await assert.rejects(made.prompt(text("hello")), /was destroyed/);
      const again = await client.resumeSession(made.id);
      assert.equal(again.destroyedAt, undefined);
      assert.equal((await again.prompt(text("hello"))).stopReason, "end_turn");
    });
  });

  test("the exit of an agent is reported with exit code and stderr, and the session is restored", async () => {
    await withWorld(ours, server, async ({ session }) => {
      const made = await session();
      const before = made.agentSessionId;
      await assert.rejects(made.prompt(text("die")), (error: unknown) => {
        assert.ok(error instanceof ours.AcpRpcError);
        const data = JSON.parse(JSON.stringify(error.data));
        assert.equal(data.exitCode, 3);
        assert.match(data.agentStderr, /dying as told/);
        return true;
      });
      const heard = hears(made, /heard: hello/);
      await made.prompt(text("hello"));
      assert.equal(made.recovery, "resumed");
      assert.equal((await made.refresh()).agentSessionId, before);
      await heard;
    });
  });

  test("a session is resumed, loaded or replayed: whatever the agent can do best", async () => {
    const persist = new ours.InMemorySessionPersistDriver();
    const options = { baseUrl: server.url, token: server.token, persist };
    const wanted = { optioned: "resumed", demo: "loaded", forgetful: "replayed" } as const;
    for (const [agent, recovery] of Object.entries(wanted)) {
      const one = await ours.SandboxAgent.connect(options);
      const { id, agentSessionId } = await one.createSession({ agent, cwd: server.work });
      await (await one.getSession(id))?.prompt(text("Remember the owl, without asking"));
      await one.dispose();
      const before = (await one.getEvents({ sessionId: id, limit: 1_000 })).items.length;
      const two = await ours.SandboxAgent.connect(options);
      const session = await two.resumeSession(id);
      assert.equal(session.recovery, recovery, agent);
      assert.equal(session.agentSessionId === agentSessionId, recovery !== "replayed");
      // The request and its answer are new; earlier events are not repeated.
      const after = (await two.getEvents({ sessionId: id, limit: 1_000 })).items.length;
      assert.equal(after - before, 2, agent);
      assert.equal((await session.prompt(text("Go on, without asking"))).stopReason, "end_turn");
      await two.dispose();
    }
  });

  test("a turn is cancelled by its signal, and by cancel", async () => {
    await withWorld(ours, server, async ({ session }) => {
      const made = await session();
      const abort = new AbortController();
      const sent = first<ours.SessionEvent>((listener) => made.onEvent(listener));
      const turn = made.prompt(text("wait"), { signal: abort.signal });
      await sent;
      abort.abort();
      assert.equal((await turn).stopReason, "cancelled");
      const asked = first<ours.SessionPermissionRequest>((listener) => made.onPermissionRequest(listener));
      const second = made.prompt(text("ask"));
      const { id } = await asked;
      await made.cancel();
      await second;
      await assert.rejects(made.respondPermission(id, "once"), /waits for an answer/);
    });
  });

  test("a cancel right behind its prompt does not overtake it", async () => {
    await withWorld(ours, server, async ({ client, session }) => {
      const made = await session();
      const turn = made.prompt(text("wait"));
      await made.cancel();
      const { items } = await client.getEvents({ sessionId: made.id });
      const sent = items.flatMap(({ payload }) => ("method" in payload ? [payload.method] : []));
      assert.deepEqual(sent, ["session/new", "session/prompt", "session/cancel"]);
      assert.equal((await turn).stopReason, "cancelled");
      const abort = new AbortController();
      const another = made.prompt(text("wait"), { signal: abort.signal });
      abort.abort();
      assert.equal((await another).stopReason, "cancelled");
      const last = made.prompt(text("wait"));
      await client.destroySession(made.id);
      assert.equal((await last).stopReason, "cancelled");
    });
  });

  test("messages that cannot be stored are not sent, and an unstored event of the agent is reported", async () => {
    class Broken extends ours.InMemorySessionPersistDriver {
      broken: "client" | "agent" | undefined;
      override async insertEvent(sessionId: string, event: ours.SessionEvent): Promise<void> {
        if (event.sender === this.broken) throw new Error("the disk is full");
        await super.insertEvent(sessionId, event);
      }
    }
    const persist = new Broken();
    const client = await ours.SandboxAgent.connect({ baseUrl: server.url, token: server.token, persist });
    const session = await client.createSession({ agent: "optioned", cwd: server.work });
    for (const sender of ["client", "agent"] as const) {
      persist.broken = sender;
      await assert.rejects(session.prompt(text("hello")), /the disk is full/);
      persist.broken = undefined;
      assert.equal((await session.prompt(text("hello"))).stopReason, "end_turn");
    }
    await client.dispose();
  });

  test("concurrent settings are all stored, also by a slow driver", async () => {
    class Slow extends ours.InMemorySessionPersistDriver {
      override async getSession(id: string): Promise<ours.SessionRecord | undefined> {
        const record = await super.getSession(id);
        await delay(100);
        return record;
      }
    }
    const options = { baseUrl: server.url, token: server.token, persist: new Slow() };
    const client = await ours.SandboxAgent.connect(options);
    const session = await client.createSession({ agent: "mock", cwd: server.work });
    await Promise.all([session.setMode("plan"), session.setModel("mock-fast")]);
    const { modes, configOptions } = (await session.refresh()).toRecord();
    assert.equal(modes?.currentModeId, "plan");
    assert.equal(configOptions?.find(({ category }) => category === "model")?.currentValue, "mock-fast");
    await client.dispose();
  });

  test("a question of an agent that has ended cannot be answered any more", async () => {
    await withWorld(ours, server, async ({ session }) => {
      const made = await session();
      const asked = first<ours.SessionPermissionRequest>((listener) => made.onPermissionRequest(listener));
      const turn = assert.rejects(made.prompt(text("ask")));
      const { id } = await asked;
      const headers = { authorization: `Bearer ${server.token}` };
      await fetch(`${server.url}/v1/acp/${made.lastConnectionId}`, { method: "DELETE", headers });
      await turn;
      await assert.rejects(made.respondPermission(id, "once"), /waits for an answer/);
    });
  });

  test("an invalid reply is refused, and the permission stays pending", async () => {
    await withWorld(ours, server, async ({ session }) => {
      const made = await session();
      const asked = first<ours.SessionPermissionRequest>((listener) => made.onPermissionRequest(listener));
      const turn = made.prompt(text("ask"));
      const { id, availableReplies } = await asked;
      // As a program without types has it.
      const answer = async (reply: unknown): Promise<void> =>
        await Reflect.apply(made.respondPermission, made, [id, reply]);
      for (const reply of ["allow", "toString", undefined]) {
        await assert.rejects(answer(reply), (error: unknown) => {
          assert.ok(error instanceof ours.UnsupportedPermissionReplyError, String(error));
          assert.deepEqual(error.availableReplies, availableReplies);
          return true;
        });
      }
      await made.respondPermission(id, "once");
      assert.equal((await turn).stopReason, "end_turn");
    });
  });

  test("a sandbox is ended once: after that its client says that it has none", async () => {
    const calls: string[] = [];
    const sandbox = {
      name: "near",
      create: async () => "one",
      destroy: async () => void calls.push("destroy"),
      getUrl: async () => server.url,
    };
    const client = await ours.SandboxAgent.start({ sandbox, token: server.token });
    await client.destroySandbox();
    for (const method of ["destroySandbox", "pauseSandbox", "killSandbox"] as const) {
      await assert.rejects(client[method](), /or has ended its sandbox already/);
    }
    assert.deepEqual(calls, ["destroy"]);
  });

  test("a permission without a listener is answered cancelled; a wrong token ends the wait", async () => {
    await withWorld(ours, server, async ({ session }) => {
      assert.equal((await (await session()).prompt(text("ask"))).stopReason, "end_turn");
    });
    const wrong = await ours.SandboxAgent.connect({ baseUrl: server.url, token: "wrong" });
    await assert.rejects(wrong.listAgents(), (error: unknown) => {
      assert.ok(error instanceof ours.SandboxAgentError);
      assert.equal(error.status, 401);
      assert.equal(error.problem?.type, "urn:sandbox-agent:error:token_invalid");
      return true;
    });
    await wrong.dispose();
  });

  test("dispose ends the agents of the client, and takes no time", async () => {
    const one = await ours.SandboxAgent.connect({ baseUrl: server.url, token: server.token });
    const two = await ours.SandboxAgent.connect({ baseUrl: server.url, token: server.token });
    const session = await one.createSession({ agent: "optioned", cwd: server.work });
    await one.dispose();
    await one.dispose();
    const { servers } = await two.listAcpServers();
    assert.ok(!servers.some(({ serverId }) => serverId === session.lastConnectionId));
    await assert.rejects(session.prompt(text("hello")), /disposed/);
    await two.dispose();
  });
});

test("the wait for health outlives the server's absence, and a sandbox that fails is destroyed", async () => {
  let answers = 0;
  const server = createServer((_request, response) => {
    answers += 1;
    response.writeHead(answers < 3 ? 503 : 200, { "content-type": "application/json" });
    response.end('{"status":"ok"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = await ours.SandboxAgent.connect({ baseUrl: `http://127.0.0.1:${port}` });
  await client.listAgents();
  assert.equal(answers, 4);
  await client.dispose();
  server.close();
  server.closeAllConnections();
  const ended: string[] = [];
  const sandbox = {
    name: "broken",
    create: async () => "one",
    destroy: async (id: string) => void ended.push(id),
    getUrl: async () => `http://127.0.0.1:${port}`,
  };
  const signal = AbortSignal.timeout(200);
  await assert.rejects(ours.SandboxAgent.start({ sandbox, signal }));
  assert.deepEqual(ended, ["one"]);
});

test("a server that comes when the wait for it was given up is found by the next call", async (t) => {
  let isThere = false;
  const fetch: typeof globalThis.fetch = async () => {
    if (!isThere) throw new TypeError("fetch failed");
    return Response.json({ agents: [] });
  };
  const options = { baseUrl: "http://sandbox.test", fetch, waitForHealth: { timeoutMs: 1 } };
  const client = await ours.SandboxAgent.connect(options);
  t.after(() => client.dispose());
  await assert.rejects(client.listAgents(), /was not healthy within/);
  isThere = true;
  assert.deepEqual(await client.listAgents(), { agents: [] });
});

test("a session continues after restarts of server and client", async (t) => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-again-")));
  const persist = new SqliteSessionPersistDriver({ filename: join(directory, "sessions.db") });
  const one = await startServer(directory);
  const before = await ours.SandboxAgent.connect({ baseUrl: one.url, token: one.token, persist });
  const { id } = await before.createSession({ agent: "demo", cwd: one.work });
  await (await before.getSession(id))?.prompt(text("Remember the owl, without asking"));
  one.child.kill("SIGKILL");
  await one.stop();
  await before.dispose();
  const two = await startServer(directory);
  t.after(async () => {
    await two.stop();
    persist.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  const after = await ours.SandboxAgent.connect({ baseUrl: two.url, token: two.token, persist });
  const session = await after.resumeSession(id);
  assert.equal(session.recovery, "loaded");
  assert.equal((await session.prompt(text("Go on, without asking"))).stopReason, "end_turn");
  await after.dispose();
});
