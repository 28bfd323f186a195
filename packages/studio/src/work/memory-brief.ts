import type { Gate, ToolPrincipal } from "@holdfast/gate";
import { studioLimits } from "../limits.ts";

/** The memory plugin's tool that returns a group's memories. */
const briefTool = "memory_brief";

export interface MemoryBrief {
  readonly text: string;
  /** True if some of it was noted in a tainted session. */
  readonly untrusted: boolean;
}

/**
 * Loads the group's memories for the start of a session. Undefined without the memory plugin or without memories.
 * Throws the plugin's errors, and when it times out.
 */
export async function loadMemoryBrief(
  gate: Gate,
  principal: ToolPrincipal,
): Promise<MemoryBrief | undefined> {
  const tool = gate.plugins.tools().find((each) => each.name === briefTool && each.plugin === "memory");
  if (tool === undefined) return undefined;
  const outcome = await gate.plugins.invoke({
    tool,
    arguments: {},
    principal,
    correlation: `brief-${principal.jailId}`,
    signal: AbortSignal.timeout(studioLimits.memoryBriefMs),
  });
  if (!outcome.ok) throw new Error(`the memory plugin failed: ${outcome.error.code}`);
  const { brief, entries } = Object(outcome.result) as { brief?: unknown; entries?: unknown };
  if (typeof brief !== "string" || !(Number(entries) > 0)) return undefined;
  const text = gate.redact(brief.slice(0, studioLimits.maxMemoryBriefCharacters));
  return { text, untrusted: outcome.untrusted === true };
}

/** Puts the memory brief in front of a session's first prompt. */
export function withBrief({ text }: MemoryBrief, prompt: string): string {
  return `<memory>\n${text}\n</memory>\n\n${prompt}`;
}
