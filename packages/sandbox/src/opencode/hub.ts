import type { Session } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { LogEntry } from "../sessions/types.ts";
import type { SessionChange } from "../sessions/viewers/watchers.ts";
import { EventFeed } from "./event-feed.ts";
import { turnContext, wireSession } from "./transcript/session-shape.ts";
import { Transcript } from "./transcript/transcript.ts";
import type { WireEvent } from "./wire.ts";

/** Largest number of entries between a prompt and the server's notice before it. */
const maxNoticeDistance = 8;

/**
 * Projects the logs of all sessions to OpenCode transcripts. Events are computed only while a client listens;
 * everything else is read from the logs on demand.
 */
export class Hub {
  readonly feed: EventFeed;
  readonly #sessions: Sessions;
  readonly #liveTranscripts = new Map<string, Transcript>();
  #unwatch: (() => void) | undefined;

  constructor(sessions: Sessions, heartbeatMs: number) {
    this.#sessions = sessions;
    this.feed = new EventFeed(
      heartbeatMs,
      () => this.#watch(),
      () => this.#stopWatching(),
    );
  }

  /** Builds the complete transcript, including the inherited entries of a forked session. */
  transcript(session: Session): Transcript {
    const transcript = new Transcript(() => turnContext(session.record), true);
    for (const entry of this.#inheritedEntries(session)) transcript.apply(entry);
    for (const entry of entriesUpTo(session, session.log.lastSequence)) transcript.apply(entry);
    return transcript;
  }

  /**
   * Finds the session and the log sequence where a message starts. A forked session inherits messages of its parents.
   */
  locateMessage(
    session: Session,
    messageId: string,
  ): { readonly session: Session; readonly sequence: number } | undefined {
    const { record, log } = session;
    const own = new Transcript(() => turnContext(record), true);
    for (const entry of entriesUpTo(session, log.lastSequence)) own.apply(entry);
    const sequence = own.sequenceOf(messageId);
    if (sequence !== undefined) return { session, sequence };
    const parent = this.#parentOf(session);
    return parent && this.locateMessage(parent, messageId);
  }

  /** Builds the transcript of the latest turn only. */
  latestTurn(session: Session): Transcript {
    const live = this.#liveTranscripts.get(session.id);
    if (live) return live;
    const transcript = new Transcript(() => turnContext(session.record), false);
    for (const entry of latestTurnEntries(session)) transcript.apply(entry);
    return transcript;
  }

  publish(event: WireEvent, directory?: string): void {
    this.feed.publish(event, directory);
  }

  #watch(): void {
    this.#unwatch = this.#sessions.watch({
      changed: (change, session) => this.#onSessionChange(change, session),
      entry: (session, entry) => this.#onEntry(session, entry),
    });
  }

  #stopWatching(): void {
    this.#unwatch?.();
    this.#liveTranscripts.clear();
  }

  #onSessionChange(change: SessionChange, session: Session): void {
    if (change === "deleted") this.#liveTranscripts.delete(session.id);
    const info = wireSession(session.record);
    const properties = { sessionID: info.id, info };
    this.publish({ type: `session.${change}`, properties }, session.record.cwd);
  }

  #onEntry(session: Session, entry: LogEntry): void {
    const live = this.#liveTranscripts.get(session.id);
    if (!live) {
      // The log already contains this entry: rebuild the turn up to it, and publish only its own events.
      const transcript = new Transcript(() => turnContext(session.record), false);
      for (const earlier of latestTurnEntries(session)) {
        // Later entries are published when they are reported.
        if (earlier.sequence > entry.sequence) break;
        const events = transcript.apply(earlier);
        if (earlier.sequence === entry.sequence) this.#publishAll(session, events);
      }
      this.#liveTranscripts.set(session.id, transcript);
      return;
    }
    this.#publishAll(session, live.apply(entry));
  }

  #publishAll(session: Session, events: readonly WireEvent[]): void {
    for (const event of events) this.publish(event, session.record.cwd);
  }

  *#inheritedEntries(session: Session): Generator<LogEntry> {
    const parent = this.#parentOf(session);
    if (!parent) return;
    yield* this.#inheritedEntries(parent);
    yield* entriesUpTo(parent, session.record.parentSequence ?? 0);
  }

  /** Returns the session whose history this one inherits. */
  #parentOf({ record }: Session): Session | undefined {
    const { parentId, parentSequence = 0 } = record;
    return parentId === undefined || parentSequence === 0 ? undefined : this.#sessions.find(parentId);
  }
}

const pageSize = 500;

function* entriesUpTo(session: Session, upTo: number): Generator<LogEntry> {
  for (let after = 0; ; ) {
    const page = session.log.read(after, pageSize);
    for (const entry of page) {
      if (entry.sequence > upTo) return;
      yield entry;
    }
    const last = page.at(-1);
    if (!last) return;
    after = last.sequence;
  }
}

/** Returns the entries of the latest turn, with the server's notice before its prompt. */
function latestTurnEntries(session: Session): LogEntry[] {
  const entries: LogEntry[] = [];
  let distance = 0;
  for (const entry of session.log.backwards(session.log.lastSequence)) {
    entries.push(entry);
    if (distance > 0) {
      distance += 1;
      if (entry.payload.includes('"method":"_session/prompt"') || distance > maxNoticeDistance) break;
    } else if (entry.sender === "client" && isPrompt(entry)) distance = 1;
  }
  return entries.reverse();
}

function isPrompt({ payload }: LogEntry): boolean {
  if (!payload.includes('"session/prompt"')) return false;
  const message: unknown = JSON.parse(payload);
  return typeof message === "object" && message !== null && "method" in message
    ? message.method === "session/prompt"
    : false;
}
