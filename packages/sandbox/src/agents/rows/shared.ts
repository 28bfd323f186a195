import type { AgentCapabilities } from "../row.ts";

/** Every ACP agent sends messages and tool calls in a stream; rows name what they have beyond that. */
export function capabilities(own: Partial<AgentCapabilities>): AgentCapabilities {
  return {
    commandExecution: false,
    errorEvents: true,
    fileAttachments: false,
    fileChanges: false,
    images: false,
    itemStarted: true,
    mcpTools: false,
    permissions: false,
    planMode: false,
    questions: false,
    reasoning: false,
    sessionLifecycle: true,
    sharedProcess: false,
    status: false,
    streamingDeltas: true,
    textMessages: true,
    toolCalls: true,
    toolResults: true,
    ...own,
  };
}

/** Text of a JSON settings file. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
