import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const data = mkdtempSync(join(tmpdir(), "holdfast-mcp-server-"));
process.env["HOLDFAST_DATA"] = data;
const { application, registry } = await import("./actors.ts");
after(async () => {
  await registry.shutdown();
  rmSync(data, { recursive: true });
});

test("a client writes, finds and removes notes", async () => {
  const { url } = await registry.listen({ port: 0, application });
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp/notebook/mine", url)));
  const call = async (name: string, input: Record<string, unknown>) =>
    JSON.stringify((await client.callTool({ name, arguments: input })).content);
  assert.match(await call("write", { text: "Ann likes tea" }), /\\"id\\":1/);
  assert.match(await call("search", { words: "TEA" }), /Ann likes tea/);
  const [all] = (await client.listResources()).resources;
  assert.match(JSON.stringify(await client.readResource({ uri: all?.uri ?? "" })), /Ann likes tea/);
  assert.match(await call("remove", { id: 2 }), /There is no note 2 \(user\.no_note\)/);
  assert.match(await call("remove", { id: 1 }), /Done/);
  assert.deepEqual(await registry.client.notebook.get("mine").search({ words: "" }), []);
  await client.close();
});
