import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { type ClientMcpServers, SandboxAgent, type SessionEvent } from "@holdfast/sandbox-client";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { field, type Sandbox, startSandbox, type Transport, transports } from "./harness.ts";

/** An MCP server of this process with one tool, which is given each of its calls. */
function toolServer(onCall: (input: unknown) => string, closed: () => void = () => {}): ClientMcpServers {
  return {
    mine: async (transport) => {
      const server = new Server({ name: "mine", version: "1" }, { capabilities: { tools: {} } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({
        tools: [{ name: "weather", inputSchema: { type: "object" } }],
      }));
      server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
        content: [{ type: "text", text: onCall(params.arguments) }],
      }));
      server.onclose = closed;
      await server.connect(transport);
    },
  };
}

async function clientOf(
  t: TestContext,
  transport: Transport,
  mcpServers: ClientMcpServers,
  options: Parameters<typeof startSandbox>[2] = {},
): Promise<{ sandbox: Sandbox; client: SandboxAgent }> {
  const sandbox = await startSandbox(t, transport, options);
  const client = await SandboxAgent.connect({ fetch: sandbox.fetch, baseUrl: sandbox.url, mcpServers });
  t.after(() => client.dispose());
  return { sandbox, client };
}

/** Runs one prompt and returns what the agent said. */
async function say(client: SandboxAgent, cwd: string, text: string, id: string): Promise<string> {
  const sessionInit = { cwd, mcpServers: [{ type: "acp" as const, name: "mine", id }] };
  const session = await client.createSession({ agent: "demo", sessionInit });
  let said = "";
  session.onEvent(({ sender, payload }: SessionEvent) => {
    const update = field(payload, "params", "update");
    if (sender === "agent" && field(update, "sessionUpdate") === "agent_message_chunk")
      said += String(field(update, "content", "text"));
  });
  await session.prompt([{ type: "text", text }]);
  return said;
}

for (const transport of transports) {
  test(`an agent calls a tool in the program of the client over ${transport}`, async (t) => {
    const calls: unknown[] = [];
    const { sandbox, client } = await clientOf(
      t,
      transport,
      toolServer((input) => {
        calls.push(input);
        return "It rains.";
      }),
    );
    const prompt = 'use the tool `weather` with {"city":"Kiel"} without asking';
    assert.match(await say(client, sandbox.work, prompt, "mine"), /weather answered: It rains\./);
    assert.deepEqual(calls, [{ city: "Kiel" }]);
  });
}

test("a name that the client does not serve leaves the agent without its tools", async (t) => {
  const { sandbox, client } = await clientOf(t, "unix", {});
  const prompt = "use the tool `weather` without asking";
  await assert.rejects(say(client, sandbox.work, prompt, "other"), /Connection closed/);
});

test("the connection ends with its agent", async (t) => {
  let isClosed = (_closed: boolean) => {};
  const closed = new Promise<boolean>((resolve) => {
    isClosed = resolve;
  });
  const servers = toolServer(
    () => "dry",
    () => isClosed(true),
  );
  const { sandbox, client } = await clientOf(t, "unix", servers);
  await say(client, sandbox.work, "use the tool `weather` without asking", "mine");
  const { servers: running } = (await (await sandbox.fetch(`${sandbox.url}/v1/acp`)).json()) as {
    servers: { serverId: string }[];
  };
  for (const { serverId } of running)
    await sandbox.fetch(`${sandbox.url}/v1/acp/${encodeURIComponent(serverId)}`, { method: "DELETE" });
  assert.equal(await closed, true);
});

test("nobody joins without a key, and beyond the limit nobody at all", async (t) => {
  const { sandbox, client } = await clientOf(
    t,
    "unix",
    toolServer(() => "dry"),
    { limits: { maxClientMcpChannels: 2 } },
  );
  const prompt = "use the tool `weather` without asking";
  await say(client, sandbox.work, prompt, "mine");
  const socketPath = await joinedSocket(sandbox.home);
  for (const first of ["wrong\n", "x".repeat(100)]) {
    const socket = connect({ path: socketPath });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write(first);
    await closed;
  }
  assert.match(await say(client, sandbox.work, prompt, "mine"), /dry/);
  await assert.rejects(say(client, sandbox.work, prompt, "mine"), /Connection closed/);
});

/** The socket that the program between an agent and its server connects to: it is in that program's environment. */
async function joinedSocket(home: string): Promise<string> {
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    const path = /(?:^|\0)HOLDFAST_MCP_SOCKET=([^\0]+)/.exec(environ)?.[1];
    if (path !== undefined && environ.includes(`HOME=${home}`)) return path;
  }
  return assert.fail("no program has joined");
}

test("an entry without an id is refused with its reason", async (t) => {
  const { sandbox } = await clientOf(t, "unix", {});
  const acp = sandbox.client.acp("bad", { agent: "demo" });
  sandbox.connections.add(acp);
  await acp.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
  const mcpServers = [{ type: "acp", name: "mine" }];
  await assert.rejects(
    acp.request("session/new", { cwd: sandbox.work, mcpServers }),
    /needs a name and an id/,
  );
});
