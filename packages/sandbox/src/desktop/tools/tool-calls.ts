import { isHoldfastError } from "@holdfast/core";
import {
  type Arguments,
  type DesktopTool,
  desktopTools,
  type ToolClient,
  type ToolContent,
} from "./desktop-tools.ts";

/** A tool as the Model Context Protocol lists it. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: {
    readonly type: "object";
    readonly properties: DesktopTool["properties"];
    readonly required: string[];
  };
  readonly annotations: { readonly readOnlyHint: boolean; readonly openWorldHint: false };
}

/** The answer of a call; its text is the error if `isError`. */
export interface ToolAnswer {
  readonly content: readonly ToolContent[];
  readonly isError: boolean;
}

const tools = new Map(desktopTools.map((tool) => [tool.name, tool]));

export const describedTools: readonly ToolDescription[] = desktopTools.map(
  ({ name, description, properties, required, readOnly }) => ({
    ...{ name, description },
    inputSchema: { type: "object", properties, required: [...required] },
    annotations: { readOnlyHint: readOnly, openWorldHint: false },
  }),
);

/** Calls a tool. What the server refuses is an answer for the agent, not an error of the call. */
export async function callDesktopTool(
  client: ToolClient,
  name: string,
  given: Arguments,
): Promise<ToolAnswer> {
  const tool = tools.get(name);
  if (tool === undefined) return failed(`There is no tool "${name}"`);
  try {
    return { content: await tool.run(client, given), isError: false };
  } catch (error) {
    if (isHoldfastError(error)) return failed(`${error.message} (${error.group}.${error.code})`);
    throw error;
  }
}

function failed(text: string): ToolAnswer {
  return { isError: true, content: [{ type: "text", text }] };
}
