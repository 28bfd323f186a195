/** One file an agent: packages, programs, environment. */
import type { AgentCapabilities, AgentConfigOption } from "../row.ts";

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

/** A choice of a row's table; a value without a name of its own is its name. The first one is current. */
function choice(
  id: AgentConfigOption["category"],
  name: string,
  values: readonly (string | readonly [value: string, name: string])[],
  current?: string,
): AgentConfigOption {
  const options = values.map((each) => {
    const [value, label] = typeof each === "string" ? [each, each] : each;
    return { value, name: label };
  });
  return {
    id,
    name,
    category: id,
    type: "select",
    currentValue: current ?? options[0]?.value ?? "",
    options,
  };
}

type Values = Parameters<typeof choice>[2];

export const modelChoice = (values: Values, current?: string) => choice("model", "Model", values, current);
export const modeChoice = (values: Values, current?: string) => choice("mode", "Mode", values, current);
export const thoughtChoice = (values: Values, current?: string) =>
  choice("thought_level", "Thought Level", values, current);
