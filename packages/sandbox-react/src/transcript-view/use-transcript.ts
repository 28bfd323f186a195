import { useEffect, useMemo, useRef, useState } from "react";
import { useLatest } from "../internal/latest.ts";
import { reducePermissionRequest, reduceTranscript } from "../transcript/reduce.ts";
import {
  createTranscript,
  type Transcript,
  type TranscriptEvent,
  type TranscriptPermissionRequest,
} from "../transcript/state.ts";

/**
 * The transcript of a growing list of events: only new events are reduced. Another list (its first event differs, or
 * it is shorter) starts over.
 */
export function useTranscript(
  events: readonly TranscriptEvent[],
  requests: readonly TranscriptPermissionRequest[] = noRequests,
): Transcript {
  const kept = useRef<{
    readonly events: readonly TranscriptEvent[];
    readonly transcript: Transcript;
  }>(undefined);
  const transcript = useMemo(() => {
    const before = kept.current;
    const count = before?.events.length ?? 0;
    // Comparing the first and last event is enough, because a log only grows.
    const grown =
      before !== undefined &&
      events.length >= count &&
      events[0] === before.events[0] &&
      events[count - 1] === before.events[count - 1];
    return grown
      ? reduceTranscript(before.transcript, events.slice(count))
      : reduceTranscript(createTranscript(), events);
  }, [events]);
  useEffect(() => {
    kept.current = { events, transcript };
  }, [events, transcript]);
  return useMemo(() => requests.reduce(reducePermissionRequest, transcript), [requests, transcript]);
}

const noRequests: readonly TranscriptPermissionRequest[] = [];

/** The part of a session that {@link useSessionTranscript} uses; the `Session` of either client library has it. */
export interface TranscriptSession {
  readonly id: string;
  onEvent(listener: (event: TranscriptEvent) => void): () => void;
  onPermissionRequest(listener: (request: TranscriptPermissionRequest) => void): () => void;
}

export interface SessionTranscriptOptions {
  /** Loads earlier events, in order; new events wait for it. None by default. */
  readonly load?: () => Promise<readonly TranscriptEvent[]>;
}

export interface SessionTranscript extends Transcript {
  /** False until the earlier events are loaded. */
  readonly loaded: boolean;
  /** The error of loading them; new events are shown in any case. */
  readonly error: Error | undefined;
}

/** Events within this time are rendered together. */
const renderIntervalMs = 30;

type Change = (transcript: Transcript) => Transcript;

/** The transcript of a live session: earlier events, and new ones as they arrive. */
export function useSessionTranscript(
  session: TranscriptSession | undefined,
  options: SessionTranscriptOptions = {},
): SessionTranscript {
  const [shown, setShown] = useState<SessionTranscript>(emptyTranscript);
  const load = useLatest(options.load);
  useEffect(() => {
    setShown(emptyTranscript);
    if (session === undefined) return;
    let transcript = createTranscript();
    let state: Pick<SessionTranscript, "loaded" | "error"> = { loaded: false, error: undefined };
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const queue: Change[] = [];
    const render = () => {
      timer = undefined;
      for (const change of queue.splice(0)) transcript = change(transcript);
      setShown({ ...transcript, ...state });
    };
    const add = (change: Change) => {
      queue.push(change);
      if (state.loaded) timer ??= setTimeout(render, renderIntervalMs);
    };
    const start = (events: readonly TranscriptEvent[], error?: Error) => {
      if (ended) return;
      state = { loaded: true, error };
      transcript = reduceTranscript(transcript, events);
      render();
    };
    const unsubscribes = [
      session.onEvent((event) => add((current) => reduceTranscript(current, event))),
      session.onPermissionRequest((request) => add((current) => reducePermissionRequest(current, request))),
    ];
    const before = load.current?.() ?? Promise.resolve([]);
    before.then(
      (events) => start(events),
      (error: unknown) => start([], error instanceof Error ? error : new Error(String(error))),
    );
    return () => {
      ended = true;
      clearTimeout(timer);
      for (const stop of unsubscribes) stop();
    };
  }, [session, load]);
  return shown;
}

const emptyTranscript: SessionTranscript = { ...createTranscript(), loaded: false, error: undefined };
