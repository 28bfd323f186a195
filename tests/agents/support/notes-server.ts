/**
 * An MCP server over standard input and output with one tool, which appends to the file NOTES_FILE.
 * Source: the Model Context Protocol, lifecycle and tools.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const tool = {
  name: "write_note",
  description: "Writes a note.",
  inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
};

interface Request {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly text?: string } };
}

function answer({ method, params }: Request): object {
  switch (method) {
    case "initialize":
      return {
        result: {
          protocolVersion: params?.protocolVersion,
          capabilities: { tools: {} },
          serverInfo: { name: "notes", version: "1" },
        },
      };
    case "tools/list":
      return { result: { tools: [tool] } };
    case "tools/call":
      appendFileSync(process.env["NOTES_FILE"] ?? "", `${params?.arguments?.text}\n`);
      return { result: { content: [{ type: "text", text: "noted" }] } };
    default:
      return { error: { code: -32601, message: `there is no method ${method}` } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  if (request.id === undefined) continue;
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: request.id, ...answer(request) })}\n`);
}
