import type { SharedPluginAnswer } from "@holdfast/gate";
import { isToolError, type ToolInvocationResult } from "@holdfast/gate/plugin";

/** The answer of a plugin's tool that runs in an actor: its result, or the plugin's own error. */
export async function answerOf(
  run: () => ToolInvocationResult | Promise<ToolInvocationResult>,
): Promise<SharedPluginAnswer> {
  try {
    const answer = await run();
    if (!answer.ok) return { type: "error", error: answer.error };
    const { result, untrusted } = answer;
    return { type: "result", result, ...(untrusted === true ? { untrusted } : {}) };
  } catch (error) {
    if (isToolError(error)) return { type: "error", error: error.toErrorPayload() };
    throw error;
  }
}
