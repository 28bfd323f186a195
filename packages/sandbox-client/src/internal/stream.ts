import { isHoldfastError } from "@holdfast/core";
import { clientLimits } from "../limits.ts";
import type { CloseReason } from "../types.ts";
import { chunksOf, type Http, mayPass } from "./http.ts";
import { readEvents } from "./sse.ts";

export interface StreamEvents {
  /** One event; the next is read when it resolves. */
  readonly onEvent: (seq: number, data: string) => Promise<void>;
  readonly onEnd: (reason: CloseReason) => void;
}

export interface StreamOptions {
  readonly path: string;
  readonly after: number;
  readonly reconnectForMs: number;
}

const firstRetryMs = 100;
const maxRetryMs = 2_000;

/** The event stream of one instance, opened again with Last-Event-ID whenever it breaks. */
export class EventStream {
  readonly #http: Http;
  readonly #options: StreamOptions;
  readonly #events: StreamEvents;
  readonly #abort = new AbortController();
  #last: number;
  #running = false;
  #seen = false;
  /** Settles with the next attempt to open the stream; only while it is broken. */
  #reopening: PromiseWithResolvers<void> | undefined;
  /** Ends the pause before that attempt. */
  #wake: () => void = () => {};

  constructor(http: Http, options: StreamOptions, events: StreamEvents) {
    this.#http = http;
    this.#options = options;
    this.#events = events;
    this.#last = options.after;
  }

  /** The instance exists: from now on its absence means that it was deleted. */
  confirm(): void {
    this.#seen = true;
  }

  start(): void {
    if (this.#running || this.#abort.signal.aborted) return;
    this.#running = true;
    void this.#run();
  }

  stop(): void {
    this.#abort.abort();
    this.#reopened();
  }

  /**
   * Resolves when the stream is not broken, or has ended. A broken one is opened now, and not after its pause:
   * only then it is known whether the instance is still there. Rejects with why it could not be opened.
   */
  async whole(): Promise<void> {
    this.#wake();
    await this.#reopening?.promise;
  }

  async #run(): Promise<void> {
    let lastContactAt = Date.now();
    let retryMs = firstRetryMs;
    while (!this.#abort.signal.aborted) {
      let failure: unknown;
      try {
        await this.#read(() => {
          lastContactAt = Date.now();
          retryMs = firstRetryMs;
        });
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        failure = error;
        const detail = error instanceof Error ? error.message : String(error);
        if (isHoldfastError(error) && error.code === "session_not_found") {
          if (this.#seen) {
            this.#events.onEnd({ kind: "gone", detail });
            return;
          }
          // Nothing has started the agent yet; the next request that is sent opens the stream again.
          this.#running = false;
          this.#reopened();
          return;
        }
        if (!mayPass(error) || Date.now() - lastContactAt > this.#options.reconnectForMs) {
          this.#events.onEnd({ kind: "unreachable", detail });
          return;
        }
      }
      this.#broken(failure);
      await this.#pause(retryMs);
      retryMs = Math.min(retryMs * 2, maxRetryMs);
    }
  }

  /** Reads until the stream ends or breaks. */
  async #read(onContact: () => void): Promise<void> {
    const response = await this.#http.send({
      method: "GET",
      path: this.#options.path,
      headers: {
        accept: "text/event-stream",
        ...(this.#last > 0 ? { "last-event-id": String(this.#last) } : {}),
      },
      signal: this.#abort.signal,
      answerWithinMs: clientLimits.streamSilenceMs,
    });
    this.#seen = true;
    this.#reopened();
    onContact();
    await this.#consume(response, onContact);
  }

  async #consume(response: Response, onContact: () => void): Promise<void> {
    const chunks = chunksOf(response, clientLimits.streamSilenceMs);
    try {
      for await (const event of readEvents(chunks, clientLimits.maxMessageBytes, onContact)) {
        if (event.event !== "message" || !/^\d{1,15}$/.test(event.id)) continue;
        const seq = Number(event.id);
        // A server that counts backwards or repeats itself must not make a log say things twice.
        if (seq <= this.#last) continue;
        this.#last = seq;
        await this.#events.onEvent(seq, event.data);
        if (this.#abort.signal.aborted) return;
      }
    } catch (error) {
      // A broken connection is reopened like one that ended; an answer over our own limits is not requested again.
      if (!mayPass(error)) throw error;
    }
  }

  /** Callers that waited for the failed attempt get its error; later callers wait for the next one. */
  #broken(failure: unknown): void {
    if (failure !== undefined) this.#reopening?.reject(failure);
    if (failure === undefined && this.#reopening !== undefined) return;
    this.#reopening = Promise.withResolvers();
    // The promise usually has no consumer.
    this.#reopening.promise.catch(() => {});
  }

  #reopened(): void {
    this.#reopening?.resolve();
    this.#reopening = undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#abort.signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
      this.#abort.signal.addEventListener("abort", done);
    });
  }
}
