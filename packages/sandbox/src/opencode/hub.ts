import type { Session } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { LogEntry } from "../sessions/types.ts";
import type { SessionChange } from "../sessions/viewers/watchers.ts";
import { Feed } from "./event-feed.ts";
import { contextOf, wireSession } from "./transcript/session-shape.ts";
import { Transcript } from "./transcript/transcript.ts";
import type { WireEvent } from "./wire.ts";

/** How far in front of a prompt the notice of it may stand. */
const noticeDistance = 8;

/**
 * Follows all sessions for OpenCode's clients. What happens is worked out while someone listens;
 * everything else is read from the logs when it is asked for.
 */
export class Hub {
  readonly feed: Feed;
  readonly #sessions: Sessions;
  readonly #live = new Map<string, Transcript>();
  #unwatch: (() => void) | undefined;

  constructor(sessions: Sessions, heartbeatMs: number) {
    this.#sessions = sessions;
    this.feed = new Feed(
      heartbeatMs,
      () => this.#watch(),
      () => this.#rest(),
    );
  }

  /** The whole conversation, with what a forked session has of its parents. */
  transcript(session: Session): Transcript {
    const transcript = new Transcript(() => contextOf(session.record), true);
    for (const entry of this.#past(session)) transcript.apply(entry);
    for (const entry of forwards(session, session.log.lastSequence)) transcript.apply(entry);
    return transcript;
  }

  /** In which session's log a message begins, and where: a forked session has those of its parents too. */
  placeOf(
    session: Session,
    messageId: string,
  ): { readonly session: Session; readonly sequence: number } | undefined {
    const { record, log } = session;
    const own = new Transcript(() => contextOf(record), true);
    for (const entry of forwards(session, log.lastSequence)) own.apply(entry);
    const sequence = own.sequenceOf(messageId);
    if (sequence !== undefined) return { session, sequence };
    const parent = this.#parent(session);
    return parent && this.placeOf(parent, messageId);
  }

  /** The latest turn, as it stands. */
  latest(session: Session): Transcript {
    const known = this.#live.get(session.id);
    if (known) return known;
    const transcript = new Transcript(() => contextOf(session.record), false);
    for (const entry of latestTurn(session)) transcript.apply(entry);
    return transcript;
  }

  publish(event: WireEvent, directory?: string): void {
    this.feed.publish(event, directory);
  }

  #watch(): void {
    this.#unwatch = this.#sessions.watch({
      changed: (change, session) => this.#changed(change, session),
      entry: (session, entry) => this.#entry(session, entry),
    });
  }

  #rest(): void {
    this.#unwatch?.();
    this.#live.clear();
  }

  #changed(change: SessionChange, session: Session): void {
    if (change === "deleted") this.#live.delete(session.id);
    const info = wireSession(session.record);
    const properties = { sessionID: info.id, info };
    this.publish({ type: `session.${change}`, properties }, session.record.cwd);
  }

  #entry(session: Session, entry: LogEntry): void {
    const known = this.#live.get(session.id);
    if (!known) {
      // The entry is in the log already: what it changes is told from the next one on, but for what it is itself.
      const transcript = new Transcript(() => contextOf(session.record), false);
      for (const before of latestTurn(session)) {
        // What comes behind it is shown in its own time.
        if (before.sequence > entry.sequence) break;
        const events = transcript.apply(before);
        if (before.sequence === entry.sequence) this.#tell(session, events);
      }
      this.#live.set(session.id, transcript);
      return;
    }
    this.#tell(session, known.apply(entry));
  }

  #tell(session: Session, events: readonly WireEvent[]): void {
    for (const event of events) this.publish(event, session.record.cwd);
  }

  *#past(session: Session): Generator<LogEntry> {
    const parent = this.#parent(session);
    if (!parent) return;
    yield* this.#past(parent);
    yield* forwards(parent, session.record.parentSequence ?? 0);
  }

  /** The session whose past this one has. */
  #parent({ record }: Session): Session | undefined {
    const { parentId, parentSequence = 0 } = record;
    return parentId === undefined || parentSequence === 0 ? undefined : this.#sessions.find(parentId);
  }
}

const pageSize = 500;

function* forwards(session: Session, upTo: number): Generator<LogEntry> {
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

/** The entries of the turn that began last, with the notice in front of it. */
function latestTurn(session: Session): LogEntry[] {
  const entries: LogEntry[] = [];
  let distance = 0;
  for (const entry of session.log.backwards(session.log.lastSequence)) {
    entries.push(entry);
    if (distance > 0) {
      distance += 1;
      if (entry.payload.includes('"method":"_session/prompt"') || distance > noticeDistance) break;
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
