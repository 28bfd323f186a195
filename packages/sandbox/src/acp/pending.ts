import type { Message, RequestMessage } from "./message.ts";

/** A client's request that the agent has not answered yet. */
export interface PendingRequest {
  readonly method: string;
  /** The message as the client sent it. */
  readonly message: Message;
  /** The client's id as JSON text. The agent may see another one. */
  readonly idText: string;
  /** A request of the server itself: no client gets the answer. */
  readonly internal: boolean;
  readonly settle: (raw: string) => void;
}

/** Formats the error response that the server sends when the agent cannot answer. */
export function errorResponse(
  idText: string,
  message: string,
  data: Readonly<Record<string, unknown>>,
): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify({ code: -32603, message, data })}}`;
}

/**
 * Requests in flight in both directions. A client's id that is already in flight is replaced for the agent, so that
 * two clients may use the same ids.
 */
export class PendingRequests {
  readonly #clientRequests = new Map<string, PendingRequest>();
  /** Number of open requests of the agent by id: an agent may use an id more than once. */
  readonly #agentRequests = new Map<string, number>();
  /** Ids of answered requests of the agent: a second answer must not reach it. */
  readonly #settledAgentRequests = new Set<string>();
  #substitutes = 0;

  get size(): number {
    return this.#clientRequests.size;
  }

  /** True while the agent waits for an answer. Its silence is then no sign of a hang. */
  get isAgentWaiting(): boolean {
    return this.#agentRequests.size > 0;
  }

  /** Registers a request. Returns the id for the agent, as JSON text. */
  add(message: RequestMessage, request: PendingRequest): string {
    let { key, idText } = message;
    while (this.#clientRequests.has(key) || losesDigits(idText)) {
      this.#substitutes += 1;
      const substitute = `holdfast-${this.#substitutes}`;
      key = `s${substitute}`;
      idText = JSON.stringify(substitute);
    }
    this.#clientRequests.set(key, request);
    return idText;
  }

  /** Removes and returns the request that a response of the agent answers. */
  take(key: string): PendingRequest | undefined {
    const request = this.#clientRequests.get(key);
    this.#clientRequests.delete(key);
    return request;
  }

  takeAll(): PendingRequest[] {
    const all = [...this.#clientRequests.values()];
    this.#clientRequests.clear();
    this.#agentRequests.clear();
    this.#settledAgentRequests.clear();
    return all;
  }

  addAgentRequest(key: string): void {
    // Clearing bounds memory. An agent with so many requests only loses the watchdog's tolerance for the oldest ones.
    if (this.#agentRequests.size >= 10_000) this.#agentRequests.clear();
    this.#agentRequests.set(key, (this.#agentRequests.get(key) ?? 0) + 1);
    this.#settledAgentRequests.delete(key);
  }

  /** Records an answer. Returns false if all requests with this id were already answered. */
  settleAgentRequest(key: string): boolean {
    if (this.#settledAgentRequests.has(key)) return false;
    const waiting = this.#agentRequests.get(key);
    if (waiting === undefined) return true;
    if (waiting > 1) {
      this.#agentRequests.set(key, waiting - 1);
      return true;
    }
    this.#agentRequests.delete(key);
    if (this.#settledAgentRequests.size >= 10_000) this.#settledAgentRequests.clear();
    this.#settledAgentRequests.add(key);
    return true;
  }

  has(method: string): boolean {
    return [...this.#clientRequests.values()].some((request) => request.method === method);
  }
}

/** Whether an id is an integer that loses digits as a double, which is how most agents read numbers. */
function losesDigits(idText: string): boolean {
  return /^-?\d+$/.test(idText) && !Number.isSafeInteger(Number(idText));
}
