import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { SessionEvent, SessionEventBody, SessionPage } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import type { BackendHost } from "./host.ts";
import { runnerReplaced } from "./turns/reports.ts";

/** A record to append. Records with the same `dedupeKey` are appended once. */
export interface SessionRecord {
  readonly body: SessionEventBody;
  readonly dedupeKey?: string;
}

export interface SessionBatch {
  readonly records: readonly SessionRecord[];
  /** The claim of the runner that appends. A runner that was replaced appends nothing more. */
  readonly claim?: number;
}

function isBatch(value: unknown): value is SessionBatch {
  return typeof value === "object" && value !== null && "records" in value;
}

function isSessionInput(value: unknown): value is { readonly sessionOf: string } {
  return typeof value === "object" && value !== null && "sessionOf" in value;
}

function isRestored(value: unknown): value is { readonly events: readonly SessionEvent[] } {
  return typeof value === "object" && value !== null && "events" in value;
}

export interface SessionState {
  version: 1;
  taskId: string;
  /** The newest sequence number. */
  head: number;
  bytes: number;
  /** The newest claim that has appended. Absent in states of earlier versions. */
  claim?: number;
}

export interface SessionVars {
  /** Dedupe keys appended by this instance. Their writes may still be in flight, so the store alone is not enough. */
  readonly recentDedupeKeys: Set<string>;
}

const encoder = new TextEncoder();

/** Rows per read when filling a page. */
const rowsPerRead = 50;

/**
 * Append-only log of one conversation, one key per event. It is the source of truth for all traffic between host and
 * agent; every view derives from it.
 */
export function createSessionActor(host: BackendHost) {
  return actor({
    createState: (_c, input: { readonly token: string }): SessionState => ({
      version: 1,
      taskId: host.valueTokens.take(input?.token, isSessionInput).sessionOf,
      head: 0,
      bytes: 0,
    }),
    createVars: (): SessionVars => ({ recentDedupeKeys: new Set() }),
    events: { appended: event<readonly SessionEvent[]>() },
    options: { name: "Session" },
    actions: {
      async events(c, query: { readonly after: number; readonly limit?: number }): Promise<SessionPage> {
        const { after, limit } = checkQuery(query);
        const events: SessionEvent[] = [];
        let bytes = 0;
        // Reads small batches: 1,000 long envelopes are 256 MiB, and a page returns only a fraction.
        for (let from = after + 1; events.length < limit; ) {
          const batchSize = Math.min(rowsPerRead, limit - events.length);
          const rows = await c.kv.listRange(keyOf(from), keyOf(maxSeq), { limit: batchSize });
          for (const [, value] of rows) {
            bytes += encoder.encode(value).length;
            if (events.length > 0 && bytes > studioLimits.maxEventPageBytes)
              return { events, head: c.state.head };
            const event = JSON.parse(value) as SessionEvent;
            events.push(event);
            from = event.seq + 1;
          }
          if (rows.length < batchSize) break;
        }
        return { events, head: c.state.head };
      },

      internal: {
        /** Appends a batch that was passed under a token and returns the new head; durable when it returns. */
        async append(c, token: string): Promise<number> {
          const { records, claim } = host.valueTokens.take(token, isBatch);
          if (claim !== undefined) {
            if (claim < (c.state.claim ?? claim)) throw runnerReplaced();
            if (claim !== c.state.claim) c.state.claim = claim;
          }
          const fresh: SessionRecord[] = [];
          for (const record of records) {
            if (record.dedupeKey !== undefined && (await c.kv.get(dedupeRowKey(record.dedupeKey))) !== null)
              continue;
            fresh.push(record);
          }
          // No other await from here to the broadcast: concurrent appends cannot interleave, so sequence numbers are
          // unique.
          const events: SessionEvent[] = [];
          const writes: Promise<void>[] = [];
          for (const { body, dedupeKey } of fresh) {
            // A concurrent append may have added the key during the lookup.
            if (dedupeKey !== undefined && c.vars.recentDedupeKeys.has(dedupeKey)) continue;
            if (dedupeKey !== undefined) c.vars.recentDedupeKeys.add(dedupeKey);
            const record: SessionEvent = {
              seq: c.state.head + events.length + 1,
              at: host.ports.clock.now(),
              body,
            };
            const text = JSON.stringify(record);
            c.state.bytes += encoder.encode(text).length;
            writes.push(c.kv.put(keyOf(record.seq), text));
            if (dedupeKey !== undefined) writes.push(c.kv.put(dedupeRowKey(dedupeKey), String(record.seq)));
            events.push(record);
          }
          c.state.head += events.length;
          for (const part of chunks(events)) c.broadcast("appended", part);
          await Promise.all(writes);
          return c.state.head;
        },

        /** True if the log has a record with this dedupe key. */
        async has(c, dedupeKey: string): Promise<boolean> {
          return (await c.kv.get(dedupeRowKey(dedupeKey))) !== null;
        },

        /** True if any process has sent a prompt to an agent in this session. */
        async prompted(c): Promise<boolean> {
          return (await c.kv.listPrefix(dedupeRowKey("sent/"), { limit: 1 })).length > 0;
        },

        /** Adds the next events of an import as they are. */
        async restore(c, token: string): Promise<void> {
          const { events } = host.valueTokens.take(token, isRestored);
          for (const record of events) {
            const text = JSON.stringify(record);
            c.state.bytes += encoder.encode(text).length;
            c.state.head = record.seq;
            await c.kv.put(keyOf(record.seq), text);
          }
        },

        size: (c): number => c.state.bytes,

        /** Deletes the log. */
        erase: (c): void => c.destroy(),
      },
    },
  });
}

const maxSeq = 0xffff_ffff_ffff;

function keyOf(seq: number): string {
  return `e/${seq.toString(16).padStart(12, "0")}`;
}

function dedupeRowKey(dedupeKey: string): string {
  return `once/${dedupeKey}`;
}

function checkQuery(query: unknown): { readonly after: number; readonly limit: number } {
  const { after, limit = 500 } = (query ?? {}) as { after?: unknown; limit?: unknown };
  const isCount = (value: unknown, least: number): value is number =>
    Number.isSafeInteger(value) && Number(value) >= least;
  if (!isCount(after, 0) || after >= maxSeq || !isCount(limit, 1)) {
    throw new HoldfastError(
      "session",
      "invalid_query",
      "`after` must be a sequence number of 0 or more, and `limit` a count of 1 or more",
      {
        statusCode: 400,
      },
    );
  }
  return { after, limit: Math.min(limit, studioLimits.maxEventsPerPage) };
}

/** Splits a long batch, because the size of an event message is limited. */
function* chunks(events: readonly SessionEvent[]): Generator<readonly SessionEvent[]> {
  let chunk: SessionEvent[] = [];
  let bytes = 0;
  for (const each of events) {
    const size = encoder.encode(JSON.stringify(each)).length;
    if (chunk.length > 0 && bytes + size > studioLimits.maxEventPageBytes) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(each);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
