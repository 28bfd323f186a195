/**
 * A pure reducer from a session's log to what a person reads. Everything in an ACP envelope was written by
 * an agent and is hostile or merely new: what is not understood is kept as a notice or ignored, and never
 * throws.
 */
import type { SessionEvent } from "./contract.ts";
import { reduceEvent } from "./transcript/reduce.ts";
import type { Transcript } from "./transcript/types.ts";

export type {
  Transcript,
  TranscriptFileDiff,
  TranscriptItem,
  TranscriptMemory,
  TranscriptPlanEntry,
  TranscriptToolCall,
} from "./transcript/types.ts";

const empty: Transcript = {
  head: 0,
  items: [],
  plan: [],
  pendingApprovals: [],
  running: false,
  memory: { incarnation: 0, broken: true },
};

/** A transcript of nothing. */
export function createTranscript(): Transcript {
  return empty;
}

/** Takes `events` in, in order of `seq`. Never throws and never changes `transcript`. */
export function reduceTranscript(transcript: Transcript, events: readonly SessionEvent[]): Transcript {
  let next: Transcript | undefined;
  // One copy of the list for all events of a call keeps a long page linear.
  const items = [...transcript.items];
  for (const event of events) {
    const before = next ?? transcript;
    if (event.seq <= before.head) continue;
    next = { ...reduceEvent(before, items, event), head: event.seq };
  }
  return next === undefined ? transcript : { ...next, items };
}
