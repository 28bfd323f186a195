import type { TranscriptEntry } from "../types.ts";

/** One row of the transcript: a single entry, or consecutive tools, thoughts and notes. */
export interface EntryGroup {
  readonly type: "divider" | "permission" | "message" | "tools";
  readonly key: string;
  readonly entries: [TranscriptEntry, ...TranscriptEntry[]];
}

export function groupEntries(
  entries: readonly TranscriptEntry[],
  isDivider: (entry: TranscriptEntry) => boolean,
): EntryGroup[] {
  const groups: EntryGroup[] = [];
  let tools: EntryGroup | undefined;
  for (const entry of entries) {
    const type = typeOf(entry, isDivider);
    if (type === "tools" && tools !== undefined) {
      tools.entries.push(entry);
      continue;
    }
    const key = type === "tools" ? `tool-group:${entry.id}` : entry.id;
    const group: EntryGroup = { type, key, entries: [entry] };
    groups.push(group);
    tools = type === "tools" ? group : undefined;
  }
  return groups;
}

function typeOf(entry: TranscriptEntry, isDivider: (entry: TranscriptEntry) => boolean): EntryGroup["type"] {
  if (isDivider(entry)) return "divider";
  switch (entry.kind) {
    case "message":
      return "message";
    case "permission":
      return "permission";
    case "tool":
    case "reasoning":
    case "meta":
      return "tools";
    default:
      // Entries also come from application code: an unknown kind is still shown.
      return "message";
  }
}

const dividers: ReadonlySet<string> = new Set(["Session Started", "Turn Started", "Turn Ended"]);

export function isTurnDivider(entry: TranscriptEntry): boolean {
  return entry.kind === "meta" && dividers.has(entry.meta?.title ?? "");
}
