import { HoldfastError } from "@holdfast/core";
import type { Envelope } from "@holdfast/sandbox-client";
import type { StudioLimits } from "../limits.ts";
import type { SessionBackend, SessionRecord } from "./backend.ts";

const maxBatch = 256;

/**
 * Batching writer for the log of one session. Records that arrive during a commit share the next one, so a fast agent
 * costs few commits. Callers wait for their commit: this limits a fast agent to the speed of the disk, and bounds
 * memory.
 */
export class SessionLog {
  readonly #session: SessionBackend;
  readonly #limits: StudioLimits;
  #waiting: { record: SessionRecord; settle: PromiseWithResolvers<void> }[] = [];
  #writing = false;
  #bytes: number | undefined;

  constructor(session: SessionBackend, limits: StudioLimits) {
    this.#session = session;
    this.#limits = limits;
  }

  /** Resolves when the record is durable. Throws `session.log_full` and the errors of the store. */
  append(record: SessionRecord): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ record, settle });
    if (!this.#writing) void this.#write();
    return settle.promise;
  }

  /** Appends a message between host and agent, within the limits for messages. */
  async envelope(envelope: Envelope, dedupeKey?: string): Promise<void> {
    this.#bytes ??= await this.#session.size();
    this.#bytes += envelope.raw.length;
    if (this.#bytes > this.#limits.maxSessionBytes) {
      const message = `The session's log has reached its limit of ${this.#limits.maxSessionBytes} bytes. Start a new task.`;
      throw new HoldfastError("session", "log_full", message, { statusCode: 507 });
    }
    const { direction } = envelope;
    const body = { type: "acp" as const, direction, envelope: withinLimits(envelope, this.#limits) };
    await this.append({ body, ...(dedupeKey === undefined ? {} : { dedupeKey }) });
  }

  hasRecord(dedupeKey: string): Promise<boolean> {
    return this.#session.hasRecord(dedupeKey);
  }

  wasPrompted(): Promise<boolean> {
    return this.#session.wasPrompted();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, maxBatch);
      try {
        await this.#session.append({ records: batch.map(({ record }) => record) });
        for (const { settle } of batch) settle.resolve();
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    this.#writing = false;
  }
}

/** The message, or a placeholder with its id and method if it is too long or too deeply nested. */
function withinLimits(envelope: Envelope, limits: StudioLimits): unknown {
  const bytes = Buffer.byteLength(envelope.raw);
  const message: unknown = JSON.parse(envelope.raw);
  if (bytes <= limits.maxEnvelopeBytes && !isDeeperThan(message, limits.maxEnvelopeDepth)) return message;
  const { id, method } = envelope.message;
  return {
    jsonrpc: "2.0",
    ...(id === undefined ? {} : { id }),
    ...(method === undefined ? {} : { method }),
    "holdfast/omitted": { bytes, reason: bytes > limits.maxEnvelopeBytes ? "too long" : "too deep" },
  };
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
