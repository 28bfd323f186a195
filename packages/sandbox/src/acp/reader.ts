import type { ServerResponse } from "node:http";
import type { SandboxLimits } from "../limits.ts";
import type { ReaderPosition } from "./backpressure.ts";
import type { AcpInstance } from "./instance.ts";

/**
 * One event stream to a client. It reads from the instance's log at its own pace and has no queue: events that
 * the log has dropped are reported as `_adapter/gap`.
 */
export class StreamReader implements ReaderPosition {
  readonly #instance: AcpInstance;
  readonly #response: ServerResponse;
  readonly #limits: SandboxLimits;
  readonly #release: (() => void)[] = [];
  readonly #waiters = new Set<{ readonly seq: number; readonly resolve: () => void }>();
  #next: number;
  #offset: number;
  #blocked = false;
  #closed = false;
  #stall: NodeJS.Timeout | undefined;
  #writtenAt = 0;

  /** `after` is the last number that the client received; 0 replays everything that is retained. */
  constructor(instance: AcpInstance, response: ServerResponse, after: number, limits: SandboxLimits) {
    this.#instance = instance;
    this.#response = response;
    this.#limits = limits;
    // A number beyond the end belongs to an earlier server process. Such a client gets new events only.
    this.#next = Math.min(after, instance.events.lastSeq) + 1;
    this.#offset = instance.events.get(this.#next - 1)?.endOffset ?? 0;
    if (this.#next > instance.events.lastSeq) this.#offset = instance.events.offset;
  }

  /** Bytes of the stream that this client's connection has accepted. */
  get offset(): number {
    return this.#offset;
  }

  /** Time of the last write to the connection, by `performance.now()`; 0 before the first. */
  get writtenAt(): number {
    return this.#writtenAt;
  }

  start(): void {
    const beat = setInterval(() => {
      if (!this.#blocked) this.#response.write(": heartbeat\n\n");
    }, this.#limits.heartbeatMs);
    this.#release.push(
      () => clearInterval(beat),
      this.#instance.addReader(this),
      this.#instance.events.onAppend(() => this.#pump()),
      this.#instance.onClose(() => this.#response.end()),
    );
    this.#response.on("drain", () => this.#drained());
    this.#response.once("close", () => this.#close());
    this.#pump();
  }

  /** Whether event `seq` was written to the connection, or the reader is closed. */
  hasDelivered(seq: number): boolean {
    return this.#closed || this.#next > seq;
  }

  /** Resolves when {@link hasDelivered} is true. */
  async delivered(seq: number): Promise<void> {
    if (this.hasDelivered(seq)) return;
    await new Promise<void>((resolve) => this.#waiters.add({ seq, resolve }));
  }

  #pump(): void {
    const { events } = this.#instance;
    while (!this.#blocked && !this.#closed && this.#next <= events.lastSeq) {
      if (this.#next < events.firstSeq) this.#writeGap(this.#next, events.firstSeq - 1);
      const event = events.get(this.#next);
      if (!event) return;
      this.#next = event.seq + 1;
      this.#write(event.seq, event.data);
      if (!this.#blocked) this.#offset = event.endOffset;
    }
    for (const waiter of this.#waiters) {
      if (waiter.seq >= this.#next) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    this.#instance.resumeIfCaughtUp();
  }

  #writeGap(from: number, to: number): void {
    this.#next = to + 1;
    this.#write(to, JSON.stringify({ jsonrpc: "2.0", method: "_adapter/gap", params: { from, to } }));
  }

  #write(seq: number, data: string): void {
    this.#writtenAt = performance.now();
    const lines = /[\r\n]/.test(data) ? data.replaceAll(/\r\n|\r|\n/g, "\ndata: ") : data;
    if (this.#response.write(`event: message\nid: ${seq}\ndata: ${lines}\n\n`)) return;
    this.#blocked = true;
    this.#stall = setTimeout(() => this.#response.destroy(), this.#limits.readerStallMs);
    this.#stall.unref();
  }

  #drained(): void {
    clearTimeout(this.#stall);
    this.#blocked = false;
    this.#offset = this.#instance.events.get(this.#next - 1)?.endOffset ?? this.#offset;
    this.#pump();
  }

  #close(): void {
    this.#closed = true;
    clearTimeout(this.#stall);
    for (const release of this.#release) release();
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
  }
}
