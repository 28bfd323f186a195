import type { Message, RequestMessage } from "./message.ts";

/** A client's request that the agent has not answered yet. */
export interface PendingRequest {
  readonly method: string;
  /** The message as the client sent it. */
  readonly message: Message;
  /** The client's id as JSON text; the agent may have been given another one. */
  readonly idText: string;
  /** A request of the server itself: no client gets the answer. */
  readonly internal: boolean;
  readonly settle: (raw: string) => void;
}

/** The error response of the server in place of an agent that cannot answer. */
export function errorResponse(
  idText: string,
  message: string,
  data: Readonly<Record<string, unknown>>,
): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify({ code: -32603, message, data })}}`;
}

/**
 * Requests in flight in both directions. An id that is already in flight is replaced by another one for the
 * agent, so that two clients may use the same ids.
 */
export class PendingRequests {
  readonly #ofClients = new Map<string, PendingRequest>();
  /** Number of open requests of the agent by id: an agent may use an id more than once. */
  readonly #ofAgent = new Map<string, number>();
  /** Requests of the agent that are answered: a second answer must not reach it. */
  readonly #settledOfAgent = new Set<string>();
  #substitutes = 0;

  get size(): number {
    return this.#ofClients.size;
  }

  /** True while the agent waits for an answer: silence is then no sign of a hang. */
  get agentWaits(): boolean {
    return this.#ofAgent.size > 0;
  }

  /** Registers a request; returns the id for the agent, as JSON text. */
  add(message: RequestMessage, request: PendingRequest): string {
    let { key, idText } = message;
    while (this.#ofClients.has(key) || losesDigits(idText)) {
      this.#substitutes += 1;
      const substitute = `holdfast-${this.#substitutes}`;
      key = `s${substitute}`;
      idText = JSON.stringify(substitute);
    }
    this.#ofClients.set(key, request);
    return idText;
  }

  /** Removes and returns the request that a response of the agent answers. */
  take(key: string): PendingRequest | undefined {
    const request = this.#ofClients.get(key);
    this.#ofClients.delete(key);
    return request;
  }

  takeAll(): PendingRequest[] {
    const all = [...this.#ofClients.values()];
    this.#ofClients.clear();
    this.#ofAgent.clear();
    this.#settledOfAgent.clear();
    return all;
  }

  agentAsked(key: string): void {
    // The bound only costs such an agent the watchdog's tolerance for its oldest requests.
    if (this.#ofAgent.size >= 10_000) this.#ofAgent.clear();
    this.#ofAgent.set(key, (this.#ofAgent.get(key) ?? 0) + 1);
    this.#settledOfAgent.delete(key);
  }

  /** Records an answer; false when all requests with this id were answered already. */
  agentAnswered(key: string): boolean {
    if (this.#settledOfAgent.has(key)) return false;
    const waiting = this.#ofAgent.get(key);
    if (waiting === undefined) return true;
    if (waiting > 1) {
      this.#ofAgent.set(key, waiting - 1);
      return true;
    }
    this.#ofAgent.delete(key);
    if (this.#settledOfAgent.size >= 10_000) this.#settledOfAgent.clear();
    this.#settledOfAgent.add(key);
    return true;
  }

  has(method: string): boolean {
    return [...this.#ofClients.values()].some((request) => request.method === method);
  }
}

/** Most agents read numbers as doubles, so that a larger id would come back changed. */
function losesDigits(idText: string): boolean {
  return /^-?\d+$/.test(idText) && !Number.isSafeInteger(Number(idText));
}
