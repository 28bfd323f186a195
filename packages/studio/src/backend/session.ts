import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { SessionEvent, SessionEventBody, SessionPage } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import type { BackendHost } from "./host.ts";

/** One record for the log. `once` makes it count once, however often it is handed in. */
export interface SessionRecord {
  readonly body: SessionEventBody;
  readonly once?: string;
}

export interface SessionBatch {
  readonly records: readonly SessionRecord[];
}

function isBatch(value: unknown): value is SessionBatch {
  return typeof value === "object" && value !== null && "records" in value;
}

function isSessionInput(value: unknown): value is { readonly sessionOf: string } {
  return typeof value === "object" && value !== null && "sessionOf" in value;
}

export interface SessionState {
  version: 1;
  taskId: string;
  /** The newest sequence. */
  head: number;
  bytes: number;
}

export interface SessionVars {
  /** What counts once and was handed in to this instance: not all of it can be read back yet. */
  readonly taken: Set<string>;
}

const encoder = new TextEncoder();

/** Of a page of events that are read from the store at once. */
const rowsAtOnce = 50;

/**
 * The append-only log of one conversation: one key per event, in order. It is the truth about what
 * crossed between host and agent; everything else is told from it.
 */
export function createSessionActor(host: BackendHost) {
  return actor({
    createState: (_c, input: { readonly token: string }): SessionState => ({
      version: 1,
      taskId: host.handover.take(input?.token, isSessionInput).sessionOf,
      head: 0,
      bytes: 0,
    }),
    createVars: (): SessionVars => ({ taken: new Set() }),
    events: { appended: event<readonly SessionEvent[]>() },
    options: { name: "Session" },
    actions: {
      async events(c, query: { readonly after: number; readonly limit?: number }): Promise<SessionPage> {
        const { after, limit } = checkQuery(query);
        const events: SessionEvent[] = [];
        let bytes = 0;
        // A few at a time: a thousand long envelopes are a quarter of a gibibyte, of which a page takes little.
        for (let from = after + 1; events.length < limit; ) {
          const wanted = Math.min(rowsAtOnce, limit - events.length);
          const rows = await c.kv.listRange(keyOf(from), keyOf(maxSeq), { limit: wanted });
          for (const [, value] of rows) {
            bytes += encoder.encode(value).length;
            if (events.length > 0 && bytes > studioLimits.maxEventPageBytes)
              return { events, head: c.state.head };
            const event = JSON.parse(value) as SessionEvent;
            events.push(event);
            from = event.seq + 1;
          }
          if (rows.length < wanted) break;
        }
        return { events, head: c.state.head };
      },

      internal: {
        /** Appends what was handed over and returns the new head; durable when it returns. */
        async append(c, token: string): Promise<number> {
          const { records } = host.handover.take(token, isBatch);
          const fresh: SessionRecord[] = [];
          for (const record of records) {
            if (record.once !== undefined && (await c.kv.get(onceKey(record.once))) !== null) continue;
            fresh.push(record);
          }
          // From here to the broadcast nothing is awaited but writes of this turn: appends that run at
          // the same time cannot come between, so a sequence is given once.
          const events: SessionEvent[] = [];
          const writes: Promise<void>[] = [];
          for (const { body, once } of fresh) {
            // While this one looked, another may have handed the same in.
            if (once !== undefined && c.vars.taken.has(once)) continue;
            if (once !== undefined) c.vars.taken.add(once);
            const record: SessionEvent = {
              seq: c.state.head + events.length + 1,
              at: host.ports.clock.now(),
              body,
            };
            const text = JSON.stringify(record);
            c.state.bytes += encoder.encode(text).length;
            writes.push(c.kv.put(keyOf(record.seq), text));
            if (once !== undefined) writes.push(c.kv.put(onceKey(once), String(record.seq)));
            events.push(record);
          }
          c.state.head += events.length;
          for (const part of parts(events)) c.broadcast("appended", part);
          await Promise.all(writes);
          return c.state.head;
        },

        /** True when a record with this `once` is in the log. */
        async has(c, once: string): Promise<boolean> {
          return (await c.kv.get(onceKey(once))) !== null;
        },

        /** True when an agent was given a prompt, by this process or by one before it. */
        async prompted(c): Promise<boolean> {
          return (await c.kv.listPrefix(onceKey("sent/"), { limit: 1 })).length > 0;
        },

        size: (c): number => c.state.bytes,
      },
    },
  });
}

const maxSeq = 0xffff_ffff_ffff;

function keyOf(seq: number): string {
  return `e/${seq.toString(16).padStart(12, "0")}`;
}

function onceKey(once: string): string {
  return `once/${once}`;
}

function checkQuery(query: unknown): { readonly after: number; readonly limit: number } {
  const { after, limit = 500 } = (query ?? {}) as { after?: unknown; limit?: unknown };
  const whole = (value: unknown, least: number): value is number =>
    Number.isSafeInteger(value) && Number(value) >= least;
  if (!whole(after, 0) || after >= maxSeq || !whole(limit, 1)) {
    throw new HoldfastError("session", "invalid_query", "after is a sequence from 0, limit a count from 1", {
      statusCode: 400,
    });
  }
  return { after, limit: Math.min(limit, studioLimits.maxEventsPerPage) };
}

/** An event message is bounded, so a long batch is told in several. */
function* parts(events: readonly SessionEvent[]): Generator<readonly SessionEvent[]> {
  let part: SessionEvent[] = [];
  let bytes = 0;
  for (const each of events) {
    const size = encoder.encode(JSON.stringify(each)).length;
    if (part.length > 0 && bytes + size > studioLimits.maxEventPageBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(each);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
