import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { connectZmtp, type ZmtpConnection } from "./zmtp.ts";

/** `error` of a reply: docs/reference/gate-wire.md. */
export interface GateError {
  readonly code: string;
  readonly message: string;
  readonly retriable: boolean;
  readonly stage?: number;
  readonly field?: string;
  readonly retry_after?: number;
}

/** Reply of the gate to a call. */
export type GateReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: GateError };

/** Progress of a call. */
export interface GateProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** Notice that a call waits for a person's approval. */
export interface GateConfirmation {
  readonly tool: string;
  readonly approval: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

/** Callbacks and cancellation of a call. */
export interface GateCallOptions {
  /** Aborting cancels the call at the gate, which still replies. A call that is not sent yet is dropped. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: GateProgress) => void;
  /** Called when a person is asked. The reply follows their decision, or comes after 30 s without one. */
  readonly onConfirmation?: (confirmation: GateConfirmation) => void;
}

interface Pending {
  readonly text: string;
  readonly options: GateCallOptions;
  readonly settle: (reply: GateReply) => void;
}

const reconnect = { firstMs: 20, mostMs: 1_000, giveUpMs: 30_000 } as const;

/**
 * Frame limit of the gate. It refuses a larger frame without naming its call, and closes the connection over one of
 * twice this size.
 */
const maxFrameBytes = 1024 * 1024;

/**
 * The single connection of a jail to its gate, for concurrent calls, each replied to once. When the gate's endpoint
 * restarts, the client reconnects under the same identity and sends all unanswered calls again; the gate dedupes them.
 */
export class GateClient {
  readonly #directory: string;
  readonly #identity = `holdfast-${randomBytes(8).toString("hex")}`;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<() => void>();
  #requests: ZmtpConnection | undefined;
  #events: ZmtpConnection | undefined;
  /** Identifies the current pair of connections, so that the end of an older one is ignored. */
  #pair: object | undefined;
  #connecting: Promise<void> | undefined;
  #closed = false;
  #lastCorrelation = 0;

  /** `directory` holds `request.sock` and `events.sock`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Subscribes to changes of the tool list; returns a function that unsubscribes. */
  onListChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls the gate. Never rejects: transport failures are an `IPC_ERROR`. */
  async call(topic: string, args: unknown, options: GateCallOptions = {}): Promise<GateReply> {
    this.#lastCorrelation += 1;
    const correlation = `c${this.#lastCorrelation}`;
    const text = JSON.stringify({ topic, correlation, arguments: args });
    if (Buffer.byteLength(text) > maxFrameBytes) return frameTooLarge();
    try {
      await this.#ensureConnected();
    } catch (error) {
      return ipcError(`The gate cannot be reached: ${(error as Error).message}`);
    }
    // Aborted while connecting: the call is not sent.
    if (options.signal?.aborted) return ipcError("The call was cancelled");
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
    this.#failAll("The jail is shutting down");
  }

  #send(text: string): void {
    // Without a connection, the next one sends all pending calls.
    if (this.#requests) this.#requests.send(["", text]);
  }

  #failAll(message: string): void {
    for (const { settle } of [...this.#pending.values()]) settle(ipcError(message));
  }

  #ensureConnected(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the jail is shutting down"));
    if (this.#requests) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Opens both connections, with retries until they succeed or time runs out. */
  async #connect(): Promise<void> {
    const startedAt = performance.now();
    for (let waitMs: number = reconnect.firstMs; ; waitMs = Math.min(waitMs * 2, reconnect.mostMs)) {
      try {
        await this.#connectOnce();
        return;
      } catch (error) {
        if (this.#closed || performance.now() - startedAt > reconnect.giveUpMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  async #connectOnce(): Promise<void> {
    const pair = {};
    this.#pair = pair;
    // Both connections of a pair report the same loss.
    const onClose = () => {
      if (this.#pair === pair) this.#reconnect();
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
        onMessage: (frames) => this.#onReply(frames.at(-1)),
        onClose,
      });
      if (this.#pair !== pair) {
        requests.close();
        throw new Error("the gate closed the event connection");
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

  #reconnect(): void {
    this.#pair = undefined;
    this.#requests?.close();
    this.#events?.close();
    this.#requests = undefined;
    this.#events = undefined;
    if (this.#closed) return;
    this.#ensureConnected().then(
      () => {
        for (const { text } of this.#pending.values()) this.#send(text);
      },
      () => this.#failAll("The connection to the gate was lost"),
    );
  }

  #onReply(body: Buffer | undefined): void {
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

/** Same error as the gate's own for such a frame. */
function frameTooLarge(): GateReply {
  const message = `A frame can have at most ${maxFrameBytes} bytes`;
  return { ok: false, error: { code: "VALIDATION_FAILED", message, retriable: false, stage: 1 } };
}

function ipcError(message: string): GateReply {
  return { ok: false, error: { code: "IPC_ERROR", message, retriable: true } };
}

function parse(body: Buffer | undefined): Record<string, unknown> {
  try {
    return JSON.parse(body?.toString() ?? "") as Record<string, unknown>;
  } catch {
    // The gate sends JSON only; anything else matches no call.
    return {};
  }
}
