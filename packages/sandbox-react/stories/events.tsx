import { useState } from "react";
import {
  AgentTranscript,
  type TranscriptEntry,
  type TranscriptEvent,
  type TranscriptSession,
  useSessionTranscript,
  useTranscript,
} from "../src/index.ts";
import { assistant } from "./fixtures.ts";

function said(eventIndex: number, text: string): TranscriptEvent {
  const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
  const payload = { jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update } };
  return { id: `event-${eventIndex}`, eventIndex, createdAt: eventIndex, sender: "agent", payload };
}

/** A list of events that grows, and one that is another. */
export function GrowingEvents() {
  const [events, setEvents] = useState<readonly TranscriptEvent[]>([said(1, "one")]);
  const transcript = useTranscript(events);
  return (
    <>
      <button
        type="button"
        id="more"
        onClick={() => setEvents((known) => [...known, said(known.length + 1, `, ${known.length + 1}`)])}
      >
        More
      </button>
      <button type="button" id="another" onClick={() => setEvents([said(1, "another session")])}>
        Another
      </button>
      <AgentTranscript entries={transcript.entries} />
    </>
  );
}

type Listener = (event: TranscriptEvent) => void;

/** A session that is moved by hand: what comes before the events from before are loaded waits for them. */
function sessionByHand() {
  const listeners = new Set<Listener>();
  const loaded = Promise.withResolvers<readonly TranscriptEvent[]>();
  const session: TranscriptSession = {
    id: "s",
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onPermissionRequest: () => () => {},
  };
  const emit = (event: TranscriptEvent) => {
    for (const listener of listeners) listener(event);
  };
  return { session, emit, loaded };
}

export function LoadedSession() {
  const [{ session, emit, loaded }] = useState(sessionByHand);
  const transcript = useSessionTranscript(session, { load: () => loaded.promise });
  return (
    <>
      <button type="button" id="live" onClick={() => emit(said(3, "three"))}>
        An event
      </button>
      <button
        type="button"
        id="load"
        onClick={() => loaded.resolve([said(1, "one, "), said(2, "two, "), said(3, "three")])}
      >
        Load
      </button>
      <button type="button" id="refuse" onClick={() => loaded.reject(new Error("The history is gone"))}>
        Refuse
      </button>
      <output id="loaded">{String(transcript.loaded)}</output>
      <AgentTranscript entries={transcript.entries} eventError={transcript.error?.message ?? null} />
    </>
  );
}

const past = ["The first", "The second"].map((text) => assistant(text, text));
const otherPast = Array.from({ length: 6 }, (_, index) => assistant(`other-${index}`, `Elsewhere ${index}`));

/** A transcript whose past comes late, and whose older past is put in front; only what is said then is news. */
export function TranscriptNews() {
  const [entries, setEntries] = useState<readonly TranscriptEntry[]>([]);
  const speak = () => {
    setEntries((known) => [...known, assistant(`news-${known.length}`, `News ${known.length}`)]);
  };
  return (
    <>
      <button type="button" id="load" onClick={() => setEntries(past)}>
        Load
      </button>
      <button
        type="button"
        id="older"
        onClick={() => setEntries((known) => [assistant("0", "Older"), ...known])}
      >
        Older
      </button>
      <button type="button" id="other" onClick={() => setEntries(otherPast)}>
        Another session
      </button>
      <button type="button" id="speak" onClick={speak}>
        Speak
      </button>
      <AgentTranscript entries={entries} />
    </>
  );
}
