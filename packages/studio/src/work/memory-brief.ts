import type { Gate, ToolPrincipal } from "@holdfast/gate";
import { studioLimits } from "../limits.ts";

/** The tool of the memory plugin that tells what a group remembers. */
const briefTool = "memory_brief";

export interface MemoryBrief {
  readonly text: string;
  /** Some of it was noted while words from outside were about. */
  readonly untrusted: boolean;
}

/**
 * What a group remembers, for the beginning of a session. Undefined where there is no such plugin or
 * nothing is remembered. Throws what the plugin throws, and when it takes too long.
 */
export async function memoryBrief(gate: Gate, principal: ToolPrincipal): Promise<MemoryBrief | undefined> {
  const tool = gate.plugins.tools().find((each) => each.name === briefTool && each.plugin === "memory");
  if (tool === undefined) return undefined;
  const outcome = await gate.plugins.invoke({
    tool,
    arguments: {},
    principal,
    correlation: `brief-${principal.jailId}`,
    signal: AbortSignal.timeout(studioLimits.memoryBriefMs),
  });
  if (!outcome.ok) throw new Error(`the memory refused: ${outcome.error.code}`);
  const { brief, entries } = Object(outcome.result) as { brief?: unknown; entries?: unknown };
  if (typeof brief !== "string" || !(Number(entries) > 0)) return undefined;
  const text = gate.redact(brief.slice(0, studioLimits.maxMemoryBriefCharacters));
  return { text, untrusted: outcome.untrusted === true };
}

/** The first prompt of a session that remembers. */
export function withBrief({ text }: MemoryBrief, prompt: string): string {
  return `<memory>\n${text}\n</memory>\n\n${prompt}`;
}
