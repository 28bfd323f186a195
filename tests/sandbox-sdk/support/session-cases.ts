import assert from "node:assert/strict";
import type { SessionPermissionRequest } from "@holdfast/sandbox-client";
import { first, hears, said, text, type World } from "./world.ts";

type Case = (world: World) => Promise<void>;

async function answered(world: World, answer: (request: SessionPermissionRequest) => Promise<void>) {
  const session = await world.session();
  session.onPermissionRequest((request) => void answer(request));
  const heard = hears(session, /\}$/);
  assert.equal((await session.prompt(text("ask"))).stopReason, "end_turn");
  return JSON.parse(await heard).outcome;
}

/** Each name is a method of the published declarations; the case calls it. */
export const sessionCases: Readonly<Record<string, Case>> = {
  "SandboxAgent.static connect": async ({ sdk, server }) => {
    const client = await sdk.SandboxAgent.connect({ baseUrl: server.url, token: server.token });
    assert.deepEqual(await client.getHealth(), { status: "ok" });
    await client.dispose();
  },
  "SandboxAgent.static start": async ({ sdk, server }) => {
    const ended: string[] = [];
    const provider = {
      name: "near",
      create: async () => "one",
      destroy: async (id: string) => void ended.push(id),
      getUrl: async () => server.url,
      defaultCwd: server.work,
    };
    const client = await sdk.SandboxAgent.start({ sandbox: provider, token: server.token });
    assert.equal(client.sandboxId, "near/one");
    assert.equal(client.sandbox, provider);
    const session = await client.createSession({ agent: "optioned" });
    assert.equal(session.toRecord().sandboxId, "near/one");
    assert.equal(session.toRecord().sessionInit?.cwd, server.work);
    await client.destroySandbox();
    assert.deepEqual(ended, ["one"]);
  },
  "SandboxAgent.sandboxId": async ({ client }) => assert.equal(client.sandboxId, undefined),
  "SandboxAgent.sandbox": async ({ client }) => assert.equal(client.sandbox, undefined),
  "SandboxAgent.inspectorUrl": async ({ client, server }) => {
    const url = new URL(client.inspectorUrl);
    assert.equal(`${url.origin}${url.pathname}`, `${server.url}/ui/`);
    assert.equal(url.searchParams.get("token"), null);
  },
  "SandboxAgent.dispose": async ({ client, session }) => {
    await session();
    const before = (await client.listAcpServers()).servers.length;
    assert.ok(before > 0);
    await client.dispose();
  },
  "SandboxAgent.destroySandbox": async ({ sdk, server }) =>
    await ends(sdk, server, "destroySandbox", "destroy"),
  "SandboxAgent.pauseSandbox": async ({ sdk, server }) => await ends(sdk, server, "pauseSandbox", "pause"),
  "SandboxAgent.killSandbox": async ({ sdk, server }) => await ends(sdk, server, "killSandbox", "kill"),
  "SandboxAgent.createSession": async ({ client, directory }) => {
    const session = await client.createSession({
      id: `mine-${directory}`,
      agent: "optioned",
      cwd: directory,
      mode: "plan",
      model: "large",
      thoughtLevel: "high",
    });
    assert.equal(session.id, `mine-${directory}`);
    assert.equal((await session.getModes())?.currentModeId, "plan");
    const values = (await session.getConfigOptions()).map(({ currentValue }) => currentValue);
    assert.deepEqual(values, ["large", "high"]);
  },
  "SandboxAgent.listSessions": async ({ client, session }) => {
    const made = [await session(), await session(), await session()].map(({ id }) => id).sort();
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.listSessions({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual(found.sort(), made);
  },
  "SandboxAgent.getSession": async ({ client, session }) => {
    const { id } = await session();
    assert.equal((await client.getSession(id))?.id, id);
    assert.equal(await client.getSession("nobody"), null);
  },
  "SandboxAgent.getEvents": async ({ client, session }) => {
    const { id, ...rest } = await session("demo").then((made) => ({ id: made.id, made }));
    const heard = hears(rest.made, /Done/);
    await rest.made.prompt(text("Write it without asking"));
    await heard;
    const { items } = await client.getEvents({ sessionId: id, limit: 1_000 });
    assert.deepEqual(
      items.map(({ eventIndex }) => eventIndex),
      items.map((_event, index) => index + 1),
    );
    assert.deepEqual([...new Set(items.map(({ sender }) => sender))].sort(), ["agent", "client"]);
    assert.match(said(items), /Done/);
  },
  "SandboxAgent.resumeSession": async ({ sdk, server, directory }) => {
    const persist = new sdk.InMemorySessionPersistDriver();
    const options = { baseUrl: server.url, token: server.token, persist };
    const before = await sdk.SandboxAgent.connect(options);
    const { id } = await before.createSession({ agent: "forgetful", cwd: directory });
    await (await before.getSession(id))?.prompt(text("remember the owl"));
    await before.dispose();
    const after = await sdk.SandboxAgent.connect(options);
    const session = await after.resumeSession(id);
    const heard = hears(session, /what was it\?/);
    await session.prompt(text("what was it?"));
    assert.match(await heard, /Previous session history is replayed below.*remember the owl.*what was it\?/s);
    await after.dispose();
  },
  "SandboxAgent.resumeOrCreateSession": async ({ client, directory }) => {
    const request = { id: `either-${directory}`, agent: "optioned", cwd: directory };
    const made = await client.resumeOrCreateSession(request);
    const again = await client.resumeOrCreateSession(request);
    assert.equal(again.agentSessionId, made.agentSessionId);
  },
  "SandboxAgent.destroySession": async ({ client, session }) => {
    const { id } = await session();
    const destroyed = await client.destroySession(id);
    assert.equal(typeof destroyed.destroyedAt, "number");
  },
  "SandboxAgent.setSessionMode": async ({ client, session }) => {
    const { id } = await session();
    const set = await client.setSessionMode(id, "plan");
    assert.equal(set.session.id, id);
    assert.equal((await client.getSessionModes(id))?.currentModeId, "plan");
  },
  "SandboxAgent.setSessionModel": async ({ sdk, client, session }) => {
    const { id } = await session();
    const { response } = await client.setSessionModel(id, "large");
    assert.equal(response.configOptions.find(({ id: option }) => option === "model")?.currentValue, "large");
    await assert.rejects(client.setSessionModel(id, "giant"), sdk.UnsupportedSessionValueError);
  },
  "SandboxAgent.setSessionThoughtLevel": async ({ client, session }) => {
    const { id } = await session();
    const { response } = await client.setSessionThoughtLevel(id, "high");
    assert.equal(response.configOptions.find((option) => option.id === "thinking")?.currentValue, "high");
  },
  "SandboxAgent.setSessionConfigOption": async ({ sdk, client, session }) => {
    const { id } = await session();
    const { response } = await client.setSessionConfigOption(id, "model", "large");
    assert.equal(response.configOptions.length, 2);
    const unknown = client.setSessionConfigOption(id, "colour", "red");
    await assert.rejects(unknown, sdk.UnsupportedSessionConfigOptionError);
  },
  "SandboxAgent.getSessionConfigOptions": async ({ client, session }) => {
    const options = await client.getSessionConfigOptions((await session()).id);
    assert.deepEqual(
      options.map(({ id }) => id),
      ["model", "thinking"],
    );
  },
  "SandboxAgent.getSessionModes": async ({ client, session }) => {
    const modes = await client.getSessionModes((await session()).id);
    assert.deepEqual(
      modes?.availableModes.map(({ id }) => id),
      ["normal", "plan"],
    );
  },
  "SandboxAgent.rawSendSessionMethod": async ({ client, session }) => {
    const { id } = await session();
    const { response } = await client.rawSendSessionMethod(id, "session/set_mode", { modeId: "plan" });
    assert.deepEqual(response, {});
    await assert.rejects(client.rawSendSessionMethod(id, "session/cancel", {}));
  },
  "SandboxAgent.onSessionEvent": async ({ client, session }) => {
    const { id } = await session();
    let calls = 0;
    let off = () => {};
    // The prompt, the agent's messages, its answer.
    const three = new Promise<void>((resolve) => {
      off = client.onSessionEvent(id, () => {
        calls += 1;
        if (calls === 3) resolve();
      });
    });
    await client.rawSendSessionMethod(id, "session/prompt", { prompt: text("hello") });
    await three;
    off();
    await client.rawSendSessionMethod(id, "session/prompt", { prompt: text("hello") });
    assert.equal(calls, 3);
  },
  "SandboxAgent.onPermissionRequest": async ({ client, session }) => {
    const made = await session();
    const asked = first<SessionPermissionRequest>((listener) =>
      client.onPermissionRequest(made.id, listener),
    );
    const turn = made.prompt(text("ask"));
    const request = await asked;
    assert.deepEqual(request.availableReplies, ["once", "reject"]);
    assert.equal(request.sessionId, made.id);
    assert.equal(request.toolCall.title, "Touch the moon");
    await client.respondPermission(request.id, "once");
    await turn;
  },
  "SandboxAgent.respondPermission": async (world) => {
    const outcome = await answered(world, (request) => world.client.respondPermission(request.id, "reject"));
    assert.deepEqual(outcome, { outcome: "selected", optionId: "no" });
  },
  "SandboxAgent.rawRespondPermission": async (world) => {
    const answer = { outcome: { outcome: "selected" as const, optionId: "yes" } };
    const outcome = await answered(world, (request) => world.client.rawRespondPermission(request.id, answer));
    assert.deepEqual(outcome, answer.outcome);
  },
  "Session.id": async ({ session }) => assert.equal(typeof (await session()).id, "string"),
  "Session.agent": async ({ session }) => assert.equal((await session()).agent, "optioned"),
  "Session.agentSessionId": async ({ session }) =>
    assert.match((await session()).agentSessionId, /^[0-9a-f-]{36}$/),
  "Session.lastConnectionId": async ({ session }) =>
    assert.equal(typeof (await session()).lastConnectionId, "string"),
  "Session.createdAt": async ({ session }) =>
    assert.ok(Math.abs((await session()).createdAt - Date.now()) < 600_000),
  "Session.destroyedAt": async ({ session }) => assert.equal((await session()).destroyedAt, undefined),
  "Session.refresh": async ({ client, session }) => {
    const made = await session();
    await client.destroySession(made.id);
    assert.equal(typeof (await made.refresh()).destroyedAt, "number");
  },
  "Session.rawSend": async ({ session }) =>
    assert.deepEqual(await (await session()).rawSend("session/set_mode", { modeId: "plan" }), {}),
  "Session.prompt": async ({ sdk, session }) => {
    const made = await session();
    assert.equal((await made.prompt(text("hello"))).stopReason, "end_turn");
    await assert.rejects(made.rawSend("no/such_method"), (error: unknown) => {
      assert.ok(error instanceof sdk.AcpRpcError);
      assert.equal(error.code, -32601);
      return true;
    });
  },
  "Session.setMode": async ({ session }) => {
    const made = await session();
    await made.setMode("plan");
    assert.equal((await made.getModes())?.currentModeId, "plan");
  },
  "Session.setConfigOption": async ({ session }) => {
    const { configOptions } = await (await session()).setConfigOption("thinking", "high");
    assert.equal(configOptions.length, 2);
  },
  "Session.setModel": async ({ session }) => {
    const { configOptions } = await (await session()).setModel("large");
    assert.equal(configOptions[0]?.currentValue, "large");
  },
  "Session.setThoughtLevel": async ({ session }) => {
    const { configOptions } = await (await session()).setThoughtLevel("high");
    assert.equal(configOptions[1]?.currentValue, "high");
  },
  "Session.getConfigOptions": async ({ session }) =>
    assert.equal((await (await session()).getConfigOptions()).length, 2),
  "Session.getModes": async ({ session }) =>
    assert.equal((await (await session("demo")).getModes())?.currentModeId, "ask"),
  "Session.onEvent": async ({ session }) => {
    const made = await session();
    const heard = first<{ sender: string }>(
      (listener) => made.onEvent(listener),
      ({ sender }) => sender === "agent",
    );
    await made.prompt(text("hello"));
    await heard;
  },
  "Session.onPermissionRequest": async ({ session }) => {
    const made = await session();
    made.onPermissionRequest((request) => void made.respondPermission(request.id, "once"));
    assert.equal((await made.prompt(text("ask"))).stopReason, "end_turn");
  },
  "Session.respondPermission": async (world) => {
    // Without an option for always, once is the nearest.
    const outcome = await answered(world, async (request) => {
      const session = await world.client.getSession(request.sessionId);
      await session?.respondPermission(request.id, "always");
    });
    assert.deepEqual(outcome, { outcome: "selected", optionId: "yes" });
  },
  "Session.rawRespondPermission": async ({ session }) => {
    const made = await session();
    const response = { outcome: { outcome: "cancelled" as const } };
    made.onPermissionRequest((request) => void made.rawRespondPermission(request.id, response));
    assert.equal((await made.prompt(text("ask"))).stopReason, "end_turn");
  },
  "Session.toRecord": async ({ session }) => {
    const record = (await session()).toRecord();
    assert.deepEqual(
      ["agent", "agentSessionId", "createdAt", "id", "lastConnectionId"].filter((name) => !(name in record)),
      [],
    );
  },
  "Session.apply": async ({ session }) => {
    const made = await session();
    made.apply({ ...made.toRecord(), destroyedAt: 5 });
    assert.equal(made.destroyedAt, 5);
  },
  "InMemorySessionPersistDriver.getSession": async (world) => await driver(world),
  "InMemorySessionPersistDriver.listSessions": async (world) => await driver(world),
  "InMemorySessionPersistDriver.updateSession": async (world) => await driver(world),
  "InMemorySessionPersistDriver.listEvents": async (world) => await driver(world),
  "InMemorySessionPersistDriver.insertEvent": async (world) => await driver(world),
  "LiveAcpConnection.static create": async (world) => await live(world),
  "LiveAcpConnection.close": async (world) => await live(world),
  "LiveAcpConnection.hasBoundSession": async (world) => await live(world),
  "LiveAcpConnection.bindSession": async (world) => await live(world),
  "LiveAcpConnection.queueReplay": async (world) => await live(world),
  "LiveAcpConnection.createRemoteSession": async (world) => await live(world),
  "LiveAcpConnection.sendSessionMethod": async (world) => await live(world),
};

async function ends(
  sdk: World["sdk"],
  server: World["server"],
  method: "destroySandbox" | "pauseSandbox" | "killSandbox",
  expected: string,
): Promise<void> {
  const calls: string[] = [];
  const provider = {
    name: "near",
    create: async () => "one",
    destroy: async () => void calls.push("destroy"),
    pause: async () => void calls.push("pause"),
    kill: async () => void calls.push("kill"),
    getUrl: async () => server.url,
  };
  const client = await sdk.SandboxAgent.start({ sandbox: provider, token: server.token });
  await client[method]();
  assert.deepEqual(calls, [expected]);
}

async function driver({ sdk }: World): Promise<void> {
  const kept = new sdk.InMemorySessionPersistDriver({ maxSessions: 2, maxEventsPerSession: 2 });
  const session = { agent: "demo", agentSessionId: "a", lastConnectionId: "c" };
  for (const id of ["s1", "s2", "s3"]) await kept.updateSession({ ...session, id, createdAt: Number(id[1]) });
  assert.equal((await kept.listSessions()).items.length, 2);
  assert.equal((await kept.getSession("s3"))?.id, "s3");
  for (const eventIndex of [1, 2, 3]) {
    await kept.insertEvent("s3", {
      id: `e${eventIndex}`,
      eventIndex,
      sessionId: "s3",
      createdAt: 1,
      connectionId: "c",
      sender: "agent",
      payload: { jsonrpc: "2.0", method: "x" },
    });
  }
  const { items } = await kept.listEvents({ sessionId: "s3" });
  assert.deepEqual(
    items.map(({ eventIndex }) => eventIndex),
    [2, 3],
  );
}

async function live({ sdk, server, directory }: World): Promise<void> {
  const seen: string[] = [];
  const connection = await sdk.LiveAcpConnection.create({
    baseUrl: server.url,
    token: server.token,
    fetcher: globalThis.fetch,
    agent: "optioned",
    serverId: `live-${directory}`,
    onObservedEnvelope: (_connection, _envelope, direction, local) => void seen.push(`${direction} ${local}`),
    onPermissionRequest: async () => ({ outcome: { outcome: "cancelled" } }),
  });
  const created = await connection.createRemoteSession("mine", { cwd: directory, mcpServers: [] });
  assert.equal(connection.hasBoundSession("mine", created.sessionId), true);
  connection.bindSession("other", created.sessionId);
  connection.queueReplay("other", "past");
  await connection.sendSessionMethod("other", "session/prompt", { prompt: text("now") }, {});
  assert.ok(seen.includes("outbound mine") && seen.includes("inbound other"), seen.join("\n"));
  await connection.close();
}
