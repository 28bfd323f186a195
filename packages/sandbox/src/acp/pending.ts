import type { Message } from "./message.ts";

/** A client's request that the agent has not answered yet. */
export interface PendingRequest {
  readonly method: string;
  /** The message as the client sent it. */
  readonly message: Message;
  /** The client's id as JSON text; the agent may have been given another one. */
  readonly idText: string;
  /** The server asked by itself: the answer is for nobody else. */
  readonly internal: boolean;
  readonly settle: (raw: string) => void;
}

/** What the server answers in the place of an agent that cannot. */
export function errorResponse(
  idText: string,
  message: string,
  data: Readonly<Record<string, unknown>>,
): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify({ code: -32603, message, data })}}`;
}

/**
 * The requests in flight in both directions. An id that is in flight already is given to the agent
 * as another one, so that two clients that count alike do not meet.
 */
export class PendingRequests {
  readonly #ofClients = new Map<string, PendingRequest>();
  /** Questions of the agent that wait, by their id: an agent may give one id to several. */
  readonly #ofAgent = new Map<string, number>();
  /** Questions of the agent that have their answer; a second one must not reach it. */
  readonly #settledOfAgent = new Set<string>();
  #substitutes = 0;

  get size(): number {
    return this.#ofClients.size;
  }

  /** True while the agent waits for somebody: then its silence says nothing. */
  get agentWaits(): boolean {
    return this.#ofAgent.size > 0;
  }

  /** Registers a request; resolves to the id, as JSON text, that the agent has to be given. */
  add(message: Message & { readonly key: string; readonly idText: string }, request: PendingRequest): string {
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

  /** Takes out the request that a response of the agent answers. */
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
    // An agent that asks without end only loses the watchdog's patience for the oldest questions.
    if (this.#ofAgent.size >= 10_000) this.#ofAgent.clear();
    this.#ofAgent.set(key, (this.#ofAgent.get(key) ?? 0) + 1);
    this.#settledOfAgent.delete(key);
  }

  /** False when the agent has its answers to all that it asked under this id already. */
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

/** Most agents read numbers as doubles, and would answer another one than they were asked with. */
function losesDigits(idText: string): boolean {
  return /^-?\d+$/.test(idText) && !Number.isSafeInteger(Number(idText));
}
