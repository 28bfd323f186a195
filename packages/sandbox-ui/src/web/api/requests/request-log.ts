/** What the page itself has requested from its server: kept in memory, bounded, without tokens. */
import type { Connection } from "../connection.ts";
import { countBytes } from "./count-bytes.ts";

/** Requests that are kept; beyond, the oldest are dropped. */
export const maxRequests = 300;
/** Characters of a body that are kept. A longer one is not kept at all, as a part of it would be of no use. */
const maxBodyLength = 8_192;
/** Shorter values of headers occur by chance, and are no secrets. */
const minSecretLength = 8;
const replacement = "[redacted]";

/** Headers whose values tell what was asked and hold no secret. */
const shownHeaders = ["accept", "content-type", "if-match", "if-none-match", "last-event-id"] as const;

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** `file` stands for bytes, or for a text that is too long. */
export type LoggedBody =
  | { readonly kind: "none" | "file" }
  | { readonly kind: "text"; readonly text: string };

export interface LoggedRequest {
  readonly id: number;
  readonly method: string;
  /** Path and query, below the base URL of the server. */
  readonly path: string;
  /** The headers of this request, without those that go with every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: LoggedBody;
  readonly startedAt: number;
  /** Until the answer began; absent before. */
  readonly durationMs?: number;
  readonly status?: number;
  /** Of the answer's body; absent until it has ended. */
  readonly bytes?: number;
  /** Why there is no answer. */
  readonly failure?: "cancelled" | "unreachable";
}

/** The log, and the `fetch` that writes it. Newest requests are last. */
export class RequestLog {
  readonly #baseUrl: string;
  readonly #secrets: readonly string[];
  /** Names of the headers that go with every request. */
  readonly #commonHeaders: ReadonlySet<string>;
  readonly #listeners = new Set<() => void>();
  #requests: readonly LoggedRequest[] = [];
  #last = 0;

  constructor({ baseUrl, token, headers }: Pick<Connection, "baseUrl" | "token" | "headers">) {
    this.#baseUrl = baseUrl;
    const values = Object.values(headers).filter((value) => value.length >= minSecretLength);
    const secrets = [...(token === undefined || token === "" ? [] : [token]), ...values];
    // A path has them as a query writes them.
    this.#secrets = [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))];
    this.#commonHeaders = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  }

  readonly snapshot = (): readonly LoggedRequest[] => this.#requests;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly clear = (): void => this.#keep([]);

  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const id = this.#begin(input instanceof Request ? input.url : String(input), init);
    const startedAt = performance.now();
    const passedMs = () => Math.round(performance.now() - startedAt);
    let response: Response;
    try {
      response = await globalThis.fetch(input, init);
    } catch (error) {
      const failure = init.signal?.aborted ? "cancelled" : "unreachable";
      this.#change(id, { durationMs: passedMs(), failure });
      throw error;
    }
    const { status } = response;
    const bytes = lengthOf(response);
    this.#change(id, { durationMs: passedMs(), status, ...(bytes === undefined ? {} : { bytes }) });
    return bytes === undefined ? countBytes(response, (read) => this.#change(id, { bytes: read })) : response;
  };

  #begin(url: string, init: RequestInit): number {
    this.#last += 1;
    const sent = new Headers(init.headers);
    const headers: Record<string, string> = {};
    for (const name of shownHeaders) {
      const value = sent.get(name);
      if (value !== null && !this.#commonHeaders.has(name)) headers[name] = this.#redact(value);
    }
    const request: LoggedRequest = {
      id: this.#last,
      method: init.method ?? "GET",
      path: this.#redact(url.startsWith(this.#baseUrl) ? url.slice(this.#baseUrl.length) : url),
      headers,
      body: this.#body(init.body),
      startedAt: Date.now(),
    };
    this.#keep([...this.#requests.slice(1 - maxRequests), request]);
    return request.id;
  }

  #body(body: RequestInit["body"]): LoggedBody {
    if (body === undefined || body === null) return { kind: "none" };
    if (typeof body !== "string" || body.length > maxBodyLength) return { kind: "file" };
    return { kind: "text", text: this.#redact(body) };
  }

  #redact(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, replacement), text);
  }

  /** A request that was cleared or dropped meanwhile stays away. */
  #change(id: number, change: Partial<LoggedRequest>): void {
    this.#keep(this.#requests.map((request) => (request.id === id ? { ...request, ...change } : request)));
  }

  #keep(requests: readonly LoggedRequest[]): void {
    this.#requests = requests;
    for (const listener of this.#listeners) listener();
  }
}

/** Size of the body as the server tells it; undefined where it does not. */
function lengthOf({ status, body, headers }: Response): number | undefined {
  const length = headers.get("content-length");
  if (length !== null) return Number(length);
  // Chromium gives an empty body to answers that have none by definition.
  return body === null || withoutBody.has(status) ? 0 : undefined;
}
