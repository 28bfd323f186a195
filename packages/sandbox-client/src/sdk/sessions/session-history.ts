import { systemRandom, uuidv4 } from "@holdfast/core";
import { isRecord } from "../../internal/http.ts";
import type { AnyMessage } from "../acp/acp-types.ts";
import { SessionListeners } from "../acp/listeners.ts";
import type {
  SessionEvent,
  SessionEventListener,
  SessionEventSender,
  SessionPersistDriver,
  SessionRecord,
} from "./sessions.ts";

const pageSize = 500;
/** Another client of the same session may have taken an index; then the next one is looked up again. */
const maxAttempts = 4;
const takenIndex = /UNIQUE constraint failed: .*session_id, .*event_index/;
const replayHeader = "Previous session history is replayed below as JSON-RPC envelopes.";
const cutMark = "[history truncated]";

export interface ReplayLimits {
  readonly maxEvents: number;
  readonly maxChars: number;
}

/** Events of sessions: numbered, stored by the driver, then passed to listeners. */
export class SessionHistory {
  readonly #driver: SessionPersistDriver;
  readonly #nextIndex = new Map<string, number>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #listeners = new SessionListeners<SessionEvent>();

  constructor(driver: SessionPersistDriver) {
    this.#driver = driver;
  }

  onEvent(sessionId: string, listener: SessionEventListener): () => void {
    return this.#listeners.add(sessionId, listener);
  }

  /** Stores one event after the previous ones, then passes it to listeners. Rejects with the driver's error. */
  record(
    sessionId: string,
    connectionId: string,
    sender: SessionEventSender,
    payload: AnyMessage,
  ): Promise<void> {
    const event = {
      id: uuidv4(systemRandom),
      sessionId,
      connectionId,
      sender,
      payload,
      createdAt: Date.now(),
    };
    const before = this.#writing.get(sessionId) ?? Promise.resolve();
    const written = before.then(async () => this.#show(await this.#insert(event)));
    const settled = written.catch(() => {});
    this.#writing.set(sessionId, settled);
    void settled.then(() => {
      if (this.#writing.get(sessionId) === settled) this.#writing.delete(sessionId);
    });
    return written;
  }

  /** Prompt that replays the history to an agent without the session; undefined without a history. */
  async replayText(record: SessionRecord, limits: ReplayLimits): Promise<string | undefined> {
    let events: SessionEvent[] = [];
    for await (const page of this.#pages(record.id)) events = [...events, ...page].slice(-limits.maxEvents);
    if (limits.maxEvents <= 0 || events.length === 0) return undefined;
    const lines = events.map(({ createdAt, sender, payload }) =>
      JSON.stringify({ createdAt, sender, payload: withoutReplay(payload) }),
    );
    const whole = [replayHeader, ...lines].join("\n");
    if (whole.length <= limits.maxChars) return whole;
    // The end of a conversation says more of it than its beginning.
    let room = limits.maxChars - replayHeader.length - cutMark.length - 2;
    const kept: string[] = [];
    for (const line of lines.toReversed()) {
      if (line.length + 1 > room) break;
      kept.unshift(line);
      room -= line.length + 1;
    }
    if (kept.length === 0) kept.push((lines.at(-1) ?? "").slice(0, Math.max(0, room)));
    return [replayHeader, cutMark, ...kept].join("\n");
  }

  async #insert(event: Omit<SessionEvent, "eventIndex">): Promise<SessionEvent> {
    const { sessionId } = event;
    for (let attempt = 1; ; attempt += 1) {
      const eventIndex = this.#nextIndex.get(sessionId) ?? (await this.#lastIndex(sessionId)) + 1;
      const { id, createdAt, connectionId, sender, payload } = event;
      const numbered = { id, eventIndex, sessionId, createdAt, connectionId, sender, payload };
      try {
        await this.#driver.insertEvent(sessionId, numbered);
        this.#nextIndex.set(sessionId, eventIndex + 1);
        return numbered;
      } catch (error) {
        this.#nextIndex.delete(sessionId);
        const taken = error instanceof Error && takenIndex.test(error.message);
        if (!taken || attempt === maxAttempts) throw error;
      }
    }
  }

  async #lastIndex(sessionId: string): Promise<number> {
    let last = 0;
    for await (const page of this.#pages(sessionId))
      for (const event of page) last = Math.max(last, event.eventIndex);
    return last;
  }

  async *#pages(sessionId: string): AsyncGenerator<SessionEvent[]> {
    let cursor: string | undefined;
    do {
      const page = await this.#driver.listEvents({
        sessionId,
        limit: pageSize,
        ...(cursor === undefined ? {} : { cursor }),
      });
      yield page.items;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  #show(event: SessionEvent): void {
    this.#listeners.call(event.sessionId, event);
  }
}

/** A replay at the start of an earlier prompt is omitted, so replays do not nest. */
function withoutReplay(payload: AnyMessage): AnyMessage {
  if (!("method" in payload) || payload.method !== "session/prompt" || !isRecord(payload.params))
    return payload;
  const { prompt } = payload.params;
  const [first] = Array.isArray(prompt) ? prompt : [];
  if (!isRecord(first) || typeof first.text !== "string" || !first.text.startsWith(replayHeader))
    return payload;
  return { ...payload, params: { ...payload.params, prompt: Array.isArray(prompt) ? prompt.slice(1) : [] } };
}
