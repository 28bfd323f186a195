/**
 * Pure reducer from a session's log to its transcript. ACP envelopes come from an agent, so they may be hostile, or
 * newer than this code: unknown content becomes a notice or is ignored, and nothing throws.
 */
import type { SessionEvent } from "./contract.ts";
import { reduceEvent } from "./transcript/reduce.ts";
import type { Transcript } from "./transcript/types.ts";

export type {
  ReducerState,
  Transcript,
  TranscriptFileDiff,
  TranscriptItem,
  TranscriptPlanEntry,
  TranscriptToolCall,
} from "./transcript/types.ts";

const empty: Transcript = {
  head: 0,
  items: [],
  plan: [],
  pendingApprovals: [],
  options: [],
  commands: [],
  running: false,
  reducerState: { incarnation: 0, startsNewItem: true },
};

/** Creates an empty transcript. */
export function createTranscript(): Transcript {
  return empty;
}

/** Applies `events` in order of `seq`. Never throws and never modifies `transcript`. */
export function reduceTranscript(transcript: Transcript, events: readonly SessionEvent[]): Transcript {
  let next: Transcript | undefined;
  // Copy the list once per call, not per event: a long page would be quadratic otherwise.
  const items = [...transcript.items];
  for (const event of events) {
    const before = next ?? transcript;
    if (event.seq <= before.head) continue;
    next = { ...reduceEvent(before, items, event), head: event.seq };
  }
  return next === undefined ? transcript : { ...next, items };
}
