import type { Conversation, Turn } from "./conversation.ts";
import { findScript, type Script, type ScriptStep } from "./script.ts";
import { isToolStep, type ToolCall, toolCall } from "./tools.ts";

/** One reply of the model, independent of the provider. */
export interface Reply {
  readonly parts: readonly ReplyPart[];
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  /** Identifies this reply, so that "the first N times" can be counted. */
  readonly position: string;
}

export type ReplyPart =
  | { readonly type: "think"; readonly text: string }
  | { readonly type: "say"; readonly text: string; readonly pieces: number; readonly delayMs: number }
  | { readonly type: "tool"; readonly call: ToolCall }
  | { readonly type: "hold"; readonly name: string }
  | { readonly type: "fail"; readonly status: number; readonly times: number }
  | { readonly type: "cut"; readonly times: number };

const SIDE_TEXT = "Mock title";
const DEFAULT_TEXT = "The mock model found no script in the prompt.";

/**
 * Computes the next reply of the script in the last prompt that contains one. A reply ends with the next tool call, so
 * that the number of tool results since the prompt determines the reply.
 */
export function nextReply(conversation: Conversation): Reply {
  const found = lastScript(conversation.turns);
  const parts = found === undefined ? [say(DEFAULT_TEXT)] : nextParts(found, conversation);
  const written = parts.reduce((sum, part) => sum + partLength(part), 0);
  return {
    parts,
    usage: found?.script.usage ?? {
      inputTokens: Math.ceil(conversation.bodyBytes / 4),
      outputTokens: Math.max(1, Math.ceil(written / 4)),
    },
    position: found === undefined ? "none" : `${JSON.stringify(found.script)}#${found.results}`,
  };
}

interface Found {
  readonly script: Script;
  /** Number of tool results since the prompt with the script. */
  readonly results: number;
}

function lastScript(turns: readonly Turn[]): Found | undefined {
  let results = 0;
  for (const turn of turns.toReversed()) {
    if (turn.role === "tool") results += 1;
    if (turn.role !== "user") continue;
    const script = findScript(turn.text);
    if (script !== undefined) return { script, results };
  }
  return undefined;
}

function nextParts({ script, results }: Found, conversation: Conversation): readonly ReplyPart[] {
  // Side requests (titles, summaries) contain the prompt too, but ask for an object or offer no tools.
  const { outputProperties, tools } = conversation;
  if (outputProperties !== undefined) {
    return [say(JSON.stringify(Object.fromEntries(outputProperties.map((name) => [name, SIDE_TEXT]))))];
  }
  if (tools.size === 0 && script.steps.some(isToolStep)) return [say(SIDE_TEXT)];
  let calls = 0;
  let parts: ReplyPart[] = [];
  for (const step of script.steps) {
    const part = stepPart(step, conversation);
    parts.push(part);
    if (part.type !== "tool") continue;
    if (calls === results) return parts;
    calls += 1;
    parts = [];
  }
  return parts.length === 0 ? [say("The script is finished.")] : parts;
}

function stepPart(step: ScriptStep, conversation: Conversation): ReplyPart {
  if (isToolStep(step)) {
    const call = toolCall(step, conversation);
    if (call !== undefined) return { type: "tool", call };
    return say(`No tool is offered for ${JSON.stringify(step)}. `);
  }
  if ("say" in step) return say(step.say);
  if ("think" in step) return { type: "think", text: step.think };
  if ("slow" in step) return { type: "say", ...step.slow };
  if ("hold" in step) return { type: "hold", name: step.hold };
  if ("fail" in step) return { type: "fail", status: step.fail.status, times: step.fail.times ?? Infinity };
  if ("cut" in step) return { type: "cut", times: step.cut.times ?? Infinity };
  return say(`The mock model does not know the step ${JSON.stringify(step)}. `);
}

function say(text: string): ReplyPart {
  return { type: "say", text, pieces: 3, delayMs: 0 };
}

function partLength(part: ReplyPart): number {
  if (part.type === "tool") return part.call.input.length;
  return part.type === "say" || part.type === "think" ? part.text.length : 0;
}

/** Splits a text into at most `pieces` parts without breaking a surrogate pair. */
export function splitText(text: string, pieces: number): readonly string[] {
  const points = [...text];
  const size = Math.max(1, Math.ceil(points.length / Math.max(1, pieces)));
  const result: string[] = [];
  for (let at = 0; at < points.length; at += size) result.push(points.slice(at, at + size).join(""));
  return result;
}
