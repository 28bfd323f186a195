/** HTTP to a forge: conditional requests, retries with backoff, rate limits, and errors without credentials. */
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";
import { failureOf, rateLimitOf } from "./failure.ts";
import { readLimited } from "./read-limited.ts";

export interface ForgeHttpOptions {
  /** Base of the API, without a slash at its end. */
  readonly apiUrl: string;
  /** Headers beside the authorization. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. Default: Date.now. */
  readonly now?: () => number;
  /** Wait of backoff. Default: a timer. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Timeout of each attempt. Default: {@link studioLimits.forgeTimeoutMs}. */
  readonly timeoutMs?: number;
}

export interface ForgeRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT";
  /** Path below the API's base, beginning with a slash, with its query. */
  readonly path: string;
  readonly token: string;
  readonly body?: unknown;
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ForgeResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined for 204 and 304. */
  readonly body: unknown;
}

export class ForgeHttp {
  readonly #options: ForgeHttpOptions;
  readonly #now: () => number;
  readonly #wait: NonNullable<ForgeHttpOptions["wait"]>;

  constructor(options: ForgeHttpOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#wait =
      options.wait ?? ((ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }));
  }

  /**
   * Sends a request. GET is repeated after a failure of the network or 5xx; what changes something is sent once. A rate
   * limit is not waited for: the error says when to ask again.
   */
  async request(request: ForgeRequest): Promise<ForgeResponse> {
    const attempts = request.method === "GET" ? studioLimits.forgeAttempts : 1;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(request);
      if (!(outcome instanceof HoldfastError)) return outcome;
      if (outcome.code !== "unavailable" || attempt >= attempts) throw outcome;
      await this.#wait(studioLimits.forgeBackoffMs * 4 ** (attempt - 1), request.signal);
    }
  }

  async #attempt(request: ForgeRequest): Promise<ForgeResponse | HoldfastError> {
    const { method, path, token, body, etag, signal } = request;
    const { apiUrl, headers, timeoutMs = studioLimits.forgeTimeoutMs } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${apiUrl}${path}`, {
        method,
        headers: {
          ...headers,
          authorization: `Bearer ${token}`,
          "user-agent": "holdfast",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(etag === undefined ? {} : { "if-none-match": etag }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A redirect could carry the credential to another server.
        redirect: "manual",
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      const text = await readLimited(response, studioLimits.maxForgeResponseBytes);
      if (response.status === 304) return { status: 304, headers: response.headers, body: undefined };
      const retryAt = rateLimitOf(response, this.#now());
      const about = `${method} ${new URL(apiUrl).host}${path.replace(/\?.*/, "")}`;
      if (!response.ok) return failureOf({ about, status: response.status, text, retryAt, secret: token });
      return { status: response.status, headers: response.headers, body: parsed(text, about) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HoldfastError) throw error;
      const why = timeout.aborted ? `did not answer within ${timeoutMs} ms` : "cannot be reached";
      const message = `${new URL(apiUrl).host} ${why}. Check the address and the network, and try again.`;
      return new HoldfastError("forge", "unavailable", message, { statusCode: 503 });
    }
  }
}

function parsed(text: string, about: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    const message = `${about} was answered with something other than JSON. Check the address of the API.`;
    throw new HoldfastError("forge", "invalid_response", message, { statusCode: 502 });
  }
}

/** Page number in the link with `rel="next"` (RFC 8288). */
export function nextPageOf(headers: Headers): number | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
  const page = next === undefined ? null : new URL(next, "http://base").searchParams.get("page");
  return page === null ? undefined : Number(page);
}
