import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { connectZmtp, type ZmtpConnection } from "./zmtp.ts";

/** `error` of an answer: docs/reference/gate-wire.md. */
export interface GateError {
  readonly code: string;
  readonly message: string;
  readonly retriable: boolean;
  readonly stage?: number;
  readonly field?: string;
  readonly retry_after?: number;
}

/** What the gate answers a call with. */
export type GateAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: GateError };

/** How far a call is. */
export interface GateProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** A call waits for a person. */
export interface GateConfirmation {
  readonly tool: string;
  readonly approval: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

/** How a call is followed, and given up. */
export interface GateCallOptions {
  /** Aborting cancels the call at the gate; it is answered all the same. One that is not sent yet is not sent. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: GateProgress) => void;
  /** A person is asked; the answer comes when they have decided, or after 30 s without. */
  readonly onConfirmation?: (confirmation: GateConfirmation) => void;
}

interface Pending {
  readonly text: string;
  readonly options: GateCallOptions;
  readonly settle: (answer: GateAnswer) => void;
}

const reconnect = { firstMs: 20, mostMs: 1_000, giveUpMs: 30_000 } as const;

/**
 * Of a frame, as the gate takes it. A larger one it answers without a word of which call it was, and one of twice as
 * much ends the connection of all.
 */
const maxFrameBytes = 1024 * 1024;

/**
 * The one connection of a jail to its gate: many calls at once, each answered once. When the gate's
 * endpoint restarts, it connects again under the same name and sends again what is not yet answered; the
 * gate knows a call that it has already seen.
 */
export class GateClient {
  readonly #directory: string;
  readonly #identity = `holdfast-${randomBytes(8).toString("hex")}`;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<() => void>();
  #requests: ZmtpConnection | undefined;
  #events: ZmtpConnection | undefined;
  /** What the connections of now have in common: the end of an older one is no news. */
  #pair: object | undefined;
  #connecting: Promise<void> | undefined;
  #closed = false;
  #next = 0;

  /** `directory` holds `request.sock` and `events.sock`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Calls when the list of tools has changed; returns how to stop. */
  onListChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Never rejects: what goes wrong on the way is an `IPC_ERROR`. */
  async call(topic: string, args: unknown, options: GateCallOptions = {}): Promise<GateAnswer> {
    this.#next += 1;
    const correlation = `c${this.#next}`;
    const text = JSON.stringify({ topic, correlation, arguments: args });
    if (Buffer.byteLength(text) > maxFrameBytes) return tooLarge();
    try {
      await this.#connected();
    } catch (error) {
      return failed(`The gate cannot be reached: ${(error as Error).message}`);
    }
    // It left before the gate was asked: what nobody waits for is not begun.
    if (options.signal?.aborted) return failed("The caller has gone");
    return new Promise((resolve) => {
      const cancel = () => void this.call("tool.cancel", { correlation });
      this.#pending.set(correlation, {
        text,
        options,
        settle: (answer) => {
          this.#pending.delete(correlation);
          options.signal?.removeEventListener("abort", cancel);
          resolve(answer);
        },
      });
      this.#send(text);
      options.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  close(): void {
    this.#closed = true;
    this.#requests?.close();
    this.#events?.close();
    this.#failAll("The guest is ending");
  }

  #send(text: string): void {
    // When the connection has just gone, it is sent again by the next one.
    if (this.#requests) this.#requests.send(["", text]);
  }

  #failAll(message: string): void {
    for (const { settle } of [...this.#pending.values()]) settle(failed(message));
  }

  #connected(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the guest is ending"));
    if (this.#requests) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Both connections or none, tried until they stand. */
  async #connect(): Promise<void> {
    const began = performance.now();
    for (let waitMs: number = reconnect.firstMs; ; waitMs = Math.min(waitMs * 2, reconnect.mostMs)) {
      try {
        await this.#connectOnce();
        return;
      } catch (error) {
        if (this.#closed || performance.now() - began > reconnect.giveUpMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  async #connectOnce(): Promise<void> {
    const pair = {};
    this.#pair = pair;
    // Told by both connections of a pair, for one loss.
    const onClose = () => {
      if (this.#pair === pair) this.#lost();
    };
    const events = await connectZmtp({
      path: join(this.#directory, "events.sock"),
      socketType: "SUB",
      subscribe: ["tool."],
      onMessage: ([, body]) => this.#onEvent(body),
      onClose,
    });
    this.#events = events;
    try {
      const requests = await connectZmtp({
        path: join(this.#directory, "request.sock"),
        socketType: "DEALER",
        identity: this.#identity,
        onMessage: (frames) => this.#onAnswer(frames.at(-1)),
        onClose,
      });
      if (this.#pair !== pair) {
        requests.close();
        throw new Error("the gate closed the connection for events");
      }
      this.#requests = requests;
    } catch (error) {
      this.#pair = undefined;
      this.#events = undefined;
      events.close();
      throw error;
    }
    if (this.#closed) this.close();
  }

  #lost(): void {
    this.#pair = undefined;
    this.#requests?.close();
    this.#events?.close();
    this.#requests = undefined;
    this.#events = undefined;
    if (this.#closed) return;
    this.#connected().then(
      () => {
        for (const { text } of this.#pending.values()) this.#send(text);
      },
      () => this.#failAll("The gate cannot be reached any more"),
    );
  }

  #onAnswer(body: Buffer | undefined): void {
    const answer = parse(body);
    const correlation = answer["correlation"];
    const pending = typeof correlation === "string" ? this.#pending.get(correlation) : undefined;
    if (!pending) return;
    const payload = (answer["payload"] ?? {}) as { result?: unknown; error?: GateError | null };
    pending.settle(
      payload.error ? { ok: false, error: payload.error } : { ok: true, result: payload.result ?? null },
    );
  }

  #onEvent(body: Buffer | undefined): void {
    const { topic, payload } = parse(body) as { topic?: string; payload?: Record<string, unknown> };
    if (topic === "tool.list_changed") for (const listener of this.#listeners) listener();
    const pending = this.#pending.get(String(payload?.["correlation"]));
    if (topic?.startsWith("tool.progress."))
      pending?.options.onProgress?.(payload as unknown as GateProgress);
    if (topic?.startsWith("tool.confirmation."))
      pending?.options.onConfirmation?.(payload as unknown as GateConfirmation);
  }
}

/** What the gate itself says of such a frame. */
function tooLarge(): GateAnswer {
  const message = `A frame holds at most ${maxFrameBytes} bytes`;
  return { ok: false, error: { code: "VALIDATION_FAILED", message, retriable: false, stage: 1 } };
}

function failed(message: string): GateAnswer {
  return { ok: false, error: { code: "IPC_ERROR", message, retriable: true } };
}

function parse(body: Buffer | undefined): Record<string, unknown> {
  try {
    return JSON.parse(body?.toString() ?? "") as Record<string, unknown>;
  } catch {
    // What the gate sends is JSON; anything else is nobody's answer.
    return {};
  }
}
