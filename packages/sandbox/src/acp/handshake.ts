import { asRequest, type RequestMessage, readMessage } from "./message.ts";
import type { PendingRequest } from "./pending.ts";

/**
 * The `initialize` and `authenticate` requests that an agent last accepted. They are replayed to the process
 * that replaces a crashed one, before it gets any other request.
 */
export class Handshake {
  #initialize: string | undefined;
  #authenticate: string | undefined;
  #initializeAnswer: string | undefined;
  #isDue = false;
  #replaying: Promise<void> | undefined;

  /** The last successful answer to `initialize`, as JSON text; undefined before that. */
  get initializeAnswer(): string | undefined {
    return this.#initializeAnswer;
  }

  /** True while a replacement process has not received the handshake. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** The process has exited: its replacement needs a replay. */
  setDue(): void {
    this.#isDue = true;
  }

  /** The client sends its own handshake, so no replay is needed. */
  setDone(): void {
    this.#isDue = false;
  }

  /** Records a request of the handshake if `answer` accepts it. */
  record({ method, message }: PendingRequest, answer: string): void {
    if (method !== "initialize" && method !== "authenticate") return;
    const { error }: { error?: unknown } = JSON.parse(answer);
    if (error !== undefined && error !== null) return;
    if (method === "authenticate") this.#authenticate = message.raw;
    else {
      this.#initialize = message.raw;
      this.#initializeAnswer = answer;
    }
  }

  /** Sends the recorded requests in order. Concurrent callers share one replay. Rejects when `send` does. */
  replay(send: (request: RequestMessage) => Promise<void>): Promise<void> {
    this.#replaying ??= this.#replay(send).finally(() => {
      this.#replaying = undefined;
    });
    return this.#replaying;
  }

  async #replay(send: (request: RequestMessage) => Promise<void>): Promise<void> {
    for (const raw of [this.#initialize, this.#authenticate]) {
      const message = raw === undefined ? undefined : readMessage(raw);
      const request = message && asRequest(message);
      if (request) await send(request);
    }
    this.#isDue = false;
  }
}
