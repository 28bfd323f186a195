import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { isParams, type Params } from "./rpc.ts";
import type { Session } from "./sessions.ts";

interface ToolResult {
  readonly failed: boolean;
  readonly text: string;
}

/** Clients of a session's MCP servers; they end with this process. */
const clients = new WeakMap<Session, Promise<readonly Client[]>>();

/** Calls the tool of the first server that has one of this name. */
export async function callMcpTool(
  session: Session,
  name: string,
  input: Params,
  signal: AbortSignal,
): Promise<ToolResult> {
  const connected = clients.get(session) ?? Promise.all(session.mcpServers.flatMap(connect));
  clients.set(session, connected);
  for (const client of await connected) {
    const { tools } = await client.listTools({}, { signal });
    if (!tools.some((tool) => tool.name === name)) continue;
    const { content, isError } = await client.callTool({ name, arguments: input }, undefined, {
      signal,
      timeout: 2 ** 31 - 1,
    });
    return { failed: isError === true, text: textOf(content) };
  }
  return { failed: true, text: `There is no tool "${name}"` };
}

function connect(server: unknown): readonly Promise<Client>[] {
  if (!isParams(server) || typeof server.command !== "string") return [];
  const args = Array.isArray(server.args) ? server.args.map(String) : [];
  const env = Object.fromEntries(
    (Array.isArray(server.env) ? server.env : []).flatMap((each: unknown) =>
      isParams(each) ? [[String(each.name), String(each.value)]] : [],
    ),
  );
  const client = new Client({ name: "holdfast-demo", version: "0.1.0" });
  const transport = new StdioClientTransport({ command: server.command, args, env, stderr: "ignore" });
  return [client.connect(transport).then(() => client)];
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return "";
  return content
    .flatMap((block: unknown) => (isParams(block) && typeof block.text === "string" ? [block.text] : []))
    .join("\n");
}
