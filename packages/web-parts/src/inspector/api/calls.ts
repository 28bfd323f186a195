import { useSyncExternalStore } from "react";

/** One call of an action from this page, and its outcome. */
export interface CompletedCall {
  readonly seq: number;
  readonly action: string;
  readonly text: string;
  readonly at: number;
  readonly durationMs: number;
  readonly output?: unknown;
  readonly error?: unknown;
}

const maxCalls = 50;
const none: readonly CompletedCall[] = [];

/** Calls of this page by actor, newest first. They are kept when another tab is opened. */
const callsOf = new Map<string, readonly CompletedCall[]>();
const listeners = new Set<() => void>();

/** Records a call; components that show calls of its actor are updated. */
export function recordCall(actorId: string, call: Omit<CompletedCall, "seq">): void {
  const known = callsOf.get(actorId) ?? none;
  callsOf.set(actorId, [{ seq: (known[0]?.seq ?? 0) + 1, ...call }, ...known].slice(0, maxCalls));
  for (const listener of listeners) listener();
}

/** The finished calls of one actor. */
export function useCalls(actorId: string): readonly CompletedCall[] {
  return useSyncExternalStore(subscribe, () => callsOf.get(actorId) ?? none);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
