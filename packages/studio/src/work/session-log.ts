import { HoldfastError } from "@holdfast/core";
import type { Envelope } from "@holdfast/sandbox-client";
import type { StudioLimits } from "../limits.ts";
import type { SessionBackend, SessionRecord } from "./backend.ts";

const maxBatch = 256;

/**
 * Writes to the log of one session in order. What is handed in while a commit runs goes into the next
 * one, so a fast agent costs few commits; whoever hands something in waits for its commit, so a fast
 * agent is slowed to what the disk takes, and memory stays bounded.
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

  /** Resolves when it is durable. Throws `session.log_full`, and what the store throws. */
  append(record: SessionRecord): Promise<void> {
    const settle = Promise.withResolvers<void>();
    this.#waiting.push({ record, settle });
    if (!this.#writing) void this.#write();
    return settle.promise;
  }

  /** Appends what crossed between host and agent. The agent's side of it is bounded. */
  async envelope(envelope: Envelope, once?: string): Promise<void> {
    this.#bytes ??= await this.#session.size();
    this.#bytes += envelope.raw.length;
    if (this.#bytes > this.#limits.maxSessionBytes) {
      const message = `The session's log has reached ${this.#limits.maxSessionBytes} bytes: begin a new task`;
      throw new HoldfastError("session", "log_full", message, { statusCode: 507 });
    }
    const { direction } = envelope;
    const body = { type: "acp" as const, direction, envelope: bounded(envelope, this.#limits) };
    await this.append({ body, ...(once === undefined ? {} : { once }) });
  }

  has(once: string): Promise<boolean> {
    return this.#session.has(once);
  }

  prompted(): Promise<boolean> {
    return this.#session.prompted();
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

/** The message itself, or, where it is longer or deeper than allowed, what it was about. */
function bounded(envelope: Envelope, limits: StudioLimits): unknown {
  const bytes = Buffer.byteLength(envelope.raw);
  const message: unknown = JSON.parse(envelope.raw);
  if (bytes <= limits.maxEnvelopeBytes && !deeperThan(message, limits.maxEnvelopeDepth)) return message;
  const { id, method } = envelope.message;
  return {
    jsonrpc: "2.0",
    ...(id === undefined ? {} : { id }),
    ...(method === undefined ? {} : { method }),
    "holdfast/omitted": { bytes, reason: bytes > limits.maxEnvelopeBytes ? "too long" : "too deep" },
  };
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => deeperThan(inner, levels - 1));
}
