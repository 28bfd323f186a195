import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { action, actor } from "@holdfast/actors";
import { HoldfastError, UserError } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { mcp, mcpLimits } from "../src/index.ts";
import { SignIn, startAuthorizationServer } from "./support.ts";

const authorization = await startAuthorizationServer();
let begun: (() => void) | undefined;
const aborted = Promise.withResolvers<void>();

const list = actor({
  state: { items: [] as string[] },
  actions: {
    add: action({
      input: z.object({ text: z.string().max(100), count: z.number().int().default(1) }),
      output: z.object({ length: z.number() }),
      mcp: { title: "Add", description: "Adds an entry", destructive: false },
      handler: (c, { text, count }) => {
        for (let n = 0; n < count; n += 1) c.state.items.push(text);
        return { length: c.state.items.length };
      },
    }),
    find: action({
      mcp: { description: "Finds entries", input: z.string(), readOnly: true },
      handler: (c, text: string) => c.state.items.filter((item) => item.includes(text)),
    }),
    group: {
      clear: action({
        mcp: true,
        handler: (c) => {
          c.state.items = [];
        },
      }),
    },
    fail: action({
      mcp: true,
      handler: () => {
        throw new UserError("The list is closed", { code: "closed", metadata: { since: 7 } });
      },
    }),
    breakDown: action({
      mcp: true,
      handler: () => {
        throw new Error("a secret of the program");
      },
    }),
    values: action({ mcp: true, handler: () => ({ at: new Date(0), big: 7n, all: new Set([1]) }) }),
    huge: action({ mcp: true, handler: () => "x".repeat(mcpLimits.maxResultBytes) }),
    each: action({
      mcp: true,
      handler: async function* () {
        yield* ["one", "two"];
      },
    }),
    wait: action({
      mcp: true,
      handler: async (c) => {
        begun?.();
        await new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve));
        aborted.resolve();
      },
    }),
    all: action({ mcp: { resource: true, description: "All entries" }, handler: (c) => c.state }),
    hidden: (c) => c.state.items.length,
  },
});

const guarded = actor({
  state: { notes: 0 },
  onAuth: (_c, { req }) => {
    if (req.headers.get("authorization") !== "Bearer ann")
      throw new HoldfastError("auth", "unauthorized", "Who are you?");
    return { who: "ann" };
  },
  actions: {
    note: action({ mcp: true, handler: (c) => ({ who: (c.conn.auth as { who: string }).who }) }),
  },
});

const plain = actor({ actions: { nothing: () => 1 } });

const data = await mkdtemp(join(tmpdir(), "holdfast-mcp-"));
removeAtExit(data);
const registry = createRegistry({
  use: { list, guarded, plain },
  store: (ports) => openSqliteStore({ path: data, ports }),
});
const secret = "a secret of at least 32 characters";
const { url } = await registry.listen({
  port: 0,
  application: mcp(registry, {
    secret,
    instructions: { list: "A list of things to do." },
    next: mcp(registry, {
      path: "/private",
      oauth: {
        authorizationServers: [authorization.issuer],
        scopes: ["notes"],
        resourceName: "Lists",
        verify: async (token) => {
          if (token === "expired") return { subject: "ann", scopes: ["notes"], expiresAt: 1 };
          if (token === "elsewhere")
            return { subject: "ann", scopes: ["notes"], audience: "https://other.example" };
          if (token === "reads") return { subject: "ann", scopes: ["read"] };
          if (token === "ann" || token === "bob") return { subject: token, scopes: ["notes"] };
          const { clientId, scopes } = await authorization.provider.verifyAccessToken(token);
          return { subject: clientId, scopes };
        },
      },
    }),
  }),
});
after(async () => {
  await registry.shutdown();
  authorization.close();
});

async function connect(path: string, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(path, url), { requestInit: { headers } }));
  return client;
}

async function textOf(client: Client, name: string, input: Record<string, unknown> = {}): Promise<string> {
  const { content, isError } = CallToolResultSchema.parse(await client.callTool({ name, arguments: input }));
  const [first] = content;
  return `${isError === true ? "error: " : ""}${first?.type === "text" ? first.text : ""}`;
}

const rpc = (body: unknown, headers: Record<string, string> = {}, path = "/mcp/list/raw") =>
  fetch(new URL(path, url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const codeOf = async (response: Response) =>
  `${response.status} ${((await response.json()) as { code?: string }).code}`;
const initialize = {
  ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};
const listTools = { jsonrpc: "2.0", id: 2, method: "tools/list" };

test("actions are tools with their schemas, and results and errors are a model's to read", async () => {
  const client = await connect("/mcp/list/ann");
  assert.equal(client.getInstructions(), "A list of things to do.");
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ["add", "find", "group_clear", "fail", "breakDown", "values", "huge", "each", "wait"],
  );
  const [add, find, clear] = tools;
  assert.deepEqual(add?.inputSchema.required, ["text"]);
  assert.equal(add?.title, "Add");
  assert.deepEqual(add?.annotations, { destructiveHint: false });
  assert.deepEqual(find?.inputSchema, {
    ...{ type: "object", properties: { input: { type: "string" } }, required: ["input"] },
  });
  assert.equal(clear?.inputSchema.additionalProperties, false);
  const added = await client.callTool({ name: "add", arguments: { text: "tea", count: 2 } });
  assert.deepEqual(added.structuredContent, { length: 2 });
  assert.equal(await textOf(client, "find", { input: "te" }), '["tea","tea"]');
  assert.match(
    await textOf(client, "add", { text: 7 }),
    /^error: The input of "add" is invalid.*validation_error/,
  );
  assert.match(
    await textOf(client, "find", { input: 7 }),
    /^error: The input of the tool "find".*mcp\.invalid_input/,
  );
  assert.match(await textOf(client, "fail", { more: 1 }), /takes no input/);
  assert.equal(await textOf(client, "fail"), "error: The list is closed (user.closed)");
  const failed = await client.callTool({ name: "fail" });
  assert.deepEqual(failed._meta?.["holdfast/error"], {
    group: "user",
    code: "closed",
    metadata: { since: 7 },
  });
  assert.match(await textOf(client, "breakDown"), /^error: An internal error occurred \(internal/);
  assert.equal(await textOf(client, "values"), '{"at":"1970-01-01T00:00:00.000Z","big":"7","all":[1]}');
  assert.match(await textOf(client, "huge"), /^error: .*(result_too_large|outgoing_too_long)/);
  assert.match(await textOf(client, "add", { text: "x".repeat(70_000) }), /^error: .*message\./);
  await assert.rejects(client.callTool({ name: "hidden" }), /There is no tool "hidden"/);
  assert.equal(await textOf(client, "group_clear"), "Done.");
  await client.close();
  assert.deepEqual(await registry.client.list.get("ann").action({ name: "hidden", args: [] }), 0);
});

test("resources are read, streams report progress, and a cancelled call ends its action", async () => {
  const client = await connect("/mcp/list/a%2Fb");
  const [resource] = (await client.listResources()).resources;
  assert.equal(resource?.uri, "holdfast://list/a%2Fb,/all");
  await client.callTool({ name: "add", arguments: { text: "tea" } });
  const { contents } = await client.readResource({ uri: resource?.uri ?? "" });
  assert.deepEqual(contents, [
    { uri: resource?.uri, mimeType: "application/json", text: '{"items":["tea"]}' },
  ]);
  await assert.rejects(client.readResource({ uri: "holdfast://list/x,/all" }), /unknown_resource/);
  const items: (string | undefined)[] = [];
  const result = await client.callTool({ name: "each" }, undefined, {
    onprogress: ({ message }) => items.push(message),
  });
  assert.deepEqual(items, ['"one"', '"two"']);
  assert.deepEqual(result.content, [{ type: "text", text: '["one","two"]' }]);
  const stop = new AbortController();
  begun = () => stop.abort();
  await assert.rejects(client.callTool({ name: "wait" }, undefined, { signal: stop.signal }));
  await aborted.promise;
  await client.close();
  assert.deepEqual(await registry.client.list.get("a/b").action({ name: "hidden", args: [] }), 1);
});

test("calls have the sender's identity, and the hooks of the actor decide", async () => {
  const stranger = await connect("/mcp/guarded/x");
  assert.equal(await textOf(stranger, "note"), "error: Who are you? (auth.unauthorized)");
  const ann = await connect("/mcp/guarded/x", { authorization: "Bearer ann" });
  assert.equal(await textOf(ann, "note"), '{"who":"ann"}');
  await Promise.all([stranger.close(), ann.close()]);
});

test("sessions belong to their actor and outlive the server, and bad requests are refused", async () => {
  const session = (await rpc(initialize)).headers.get("mcp-session-id") ?? "";
  assert.equal((await rpc(listTools, { "mcp-session-id": session })).status, 200);
  const again = mcp(registry, { secret });
  const elsewhere = new Request(`${url}/mcp/list/raw`, {
    method: "POST",
    headers: {
      ...{ "content-type": "application/json", accept: "application/json, text/event-stream" },
      "mcp-session-id": session,
    },
    body: JSON.stringify(listTools),
  });
  assert.equal((await again.fetch(elsewhere)).status, 200, "another process with the secret");
  assert.equal(await codeOf(await rpc(listTools)), "400 no_session");
  assert.equal(
    await codeOf(await rpc(listTools, { "mcp-session-id": `${session}x` })),
    "404 unknown_session",
  );
  const foreign = await rpc(listTools, { "mcp-session-id": session }, "/mcp/list/other");
  assert.equal(await codeOf(foreign), "404 unknown_session");
  assert.equal(await codeOf(await rpc("{")), "400 invalid_request");
  assert.equal(await codeOf(await rpc("x".repeat(mcpLimits.maxRequestBytes + 1))), "413 request_too_large");
  assert.equal(await codeOf(await rpc(initialize, {}, "/mcp/plain/x")), "404 not_found");
  assert.equal(await codeOf(await rpc(initialize, {}, "/mcp/list/a/b")), "404 not_found");
  assert.equal(await codeOf(await rpc(initialize, {}, "/mcp/list/a%2cb,")), "400 invalid_key");
  assert.equal(await codeOf(await fetch(new URL("/mcp/list/raw", url))), "405 method_not_allowed");
  const page = await rpc(initialize, { origin: "https://evil.example" });
  assert.equal(await codeOf(page), "403 forbidden_origin");
});

test("a remote client signs in with OAuth", async () => {
  const address = new URL("/private/list/mine", url);
  const authProvider = new SignIn();
  const first = new StreamableHTTPClientTransport(address, { authProvider });
  await assert.rejects(new Client({ name: "test", version: "1.0.0" }).connect(first), UnauthorizedError);
  assert.equal(authProvider.authorizationUrl?.searchParams.get("resource"), address.href);
  await first.finishAuth(authProvider.code);
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(address, { authProvider }));
  assert.equal(await textOf(client, "find", { input: "x" }), "[]");
  await client.close();
});

test("a token that is missing, expired, for others or too weak is refused with a challenge", async () => {
  const post = (token: string | undefined, body: unknown = initialize, session?: string) =>
    rpc(
      body,
      {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(session === undefined ? {} : { "mcp-session-id": session }),
      },
      "/private/list/raw",
    );
  const missing = await post(undefined);
  const metadataUrl = `${url}/.well-known/oauth-protected-resource/private/list/raw`;
  assert.equal(
    missing.headers.get("www-authenticate"),
    `Bearer scope="notes", resource_metadata="${metadataUrl}"`,
  );
  assert.equal(await codeOf(missing), "401 unauthorized");
  assert.deepEqual(await (await fetch(metadataUrl)).json(), {
    resource: `${url}/private/list/raw`,
    authorization_servers: [authorization.issuer],
    bearer_methods_supported: ["header"],
    scopes_supported: ["notes"],
    resource_name: "Lists",
  });
  for (const [token, says] of [
    ["expired", /error="invalid_token", error_description="The token has expired"/],
    ["elsewhere", /another resource/],
  ] as const) {
    const response = await post(token);
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate") ?? "", says);
  }
  const weak = await post("reads");
  assert.match(weak.headers.get("www-authenticate") ?? "", /error="insufficient_scope"/);
  assert.equal(await codeOf(weak), "403 insufficient_scope");
  const session = (await post("ann")).headers.get("mcp-session-id") ?? "";
  assert.equal((await post("ann", listTools, session)).status, 200);
  assert.equal(await codeOf(await post("bob", listTools, session)), "404 unknown_session");
});

test("bad definitions and options are refused", () => {
  const wrong = { code: "invalid_definition" };
  const bad = (mcp: never, rest: object = {}) =>
    assert.throws(() => actor({ actions: { a: action({ mcp, handler: () => 1, ...rest }) } }), wrong);
  bad(false as never);
  bad({ descriptoin: "" } as never);
  bad({ readOnly: "yes" } as never);
  bad({ input: z.string() } as never, { input: z.string() });
  bad({ resource: true, input: z.string() } as never);
  assert.throws(() => mcp({ ...registry, settings: { use: { plain } }, handler: registry.handler }), wrong);
  for (const options of [
    { path: "mcp" },
    { secret: "short" },
    { publicUrl: "example.com" },
    { oauth: { authorizationServers: [], verify: () => undefined } },
  ])
    assert.throws(() => mcp(registry, options), wrong);
});
