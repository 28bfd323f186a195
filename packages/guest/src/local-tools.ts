import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";

/** Tools that the jail runs itself, such as those of its desktop. They act inside of it, so the gate is not asked. */
export interface LocalTools {
  list(): Promise<readonly Tool[]>;
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<CallToolResult>;
}
