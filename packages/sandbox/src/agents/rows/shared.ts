/** Agent rows, one file each: packages, programs and environment. */
import type { AgentCapabilities, AgentConfigOption } from "../row.ts";

/** Capabilities of a row. Every ACP agent streams messages and tool calls; `additional` adds the rest. */
export function capabilities(additional: Partial<AgentCapabilities>): AgentCapabilities {
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
    ...additional,
  };
}

/** Formats a JSON settings file. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Creates a select option. A plain string is both value and name. The first value is the default. */
function selectOption(
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

type OptionValues = Parameters<typeof selectOption>[2];

export const modelOption = (values: OptionValues, current?: string) =>
  selectOption("model", "Model", values, current);
export const modeOption = (values: OptionValues, current?: string) =>
  selectOption("mode", "Mode", values, current);
export const thoughtOption = (values: OptionValues, current?: string) =>
  selectOption("thought_level", "Thought Level", values, current);
