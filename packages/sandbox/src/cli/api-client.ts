import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";

/** Options shared by all verbs that call a server. */
export const apiOptions = {
  endpoint: { type: "string", short: "e" },
  token: { type: "string", short: "t" },
  // Accepted for compatibility with the peer's command line. It changes nothing.
  "no-token": { type: "boolean", short: "n" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Help text of {@link apiOptions}. */
export const apiUsage = `  -e, --endpoint URL  the server (default: HOLDFAST_SANDBOX_URL or http://127.0.0.1:2468)
  -t, --token TOKEN   the server's token (default: HOLDFAST_SANDBOX_TOKEN)
  --json              machine-readable output`;

/** Parsed options that select the server. */
export interface ApiFlags {
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
}

/** Query, body and headers of a request. */
export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** JSON request body. */
  readonly body?: unknown;
  /** Raw request body with its content type. */
  readonly raw?: { readonly body: NonNullable<RequestInit["body"]>; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** HTTP client of a sandbox server. */
export class ApiClient {
  readonly #base: string;
  readonly #token: string | undefined;

  /** Throws `sandbox.invalid_endpoint` unless the endpoint is an http or https URL. */
  constructor(flags: ApiFlags) {
    const endpoint = flags.endpoint ?? nonEmptyVariable("HOLDFAST_SANDBOX_URL") ?? "http://127.0.0.1:2468";
    if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
      throw new HoldfastError(
        "sandbox",
        "invalid_endpoint",
        `The endpoint "${endpoint}" is not an http or https URL`,
      );
    }
    this.#base = endpoint.replace(/\/+$/, "");
    this.#token = flags.token ?? nonEmptyVariable("HOLDFAST_SANDBOX_TOKEN");
  }

  /** Sends a request and parses the JSON response; an empty one is undefined. Throws the server's error. */
  async requestJson(method: string, path: string, request: ApiRequest = {}): Promise<unknown> {
    const text = await (await this.request(method, path, request)).text();
    if (text === "") return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `The server at ${this.#base} is not a sandbox server: its response is not JSON`;
      throw new HoldfastError("sandbox", "malformed_answer", message, { statusCode: 502, cause });
    }
  }

  /** Sends a request and returns the response. Throws the server's error for a status other than 2xx. */
  async request(method: string, path: string, request: ApiRequest = {}): Promise<Response> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) query.set(name, value);
    }
    const headers = new Headers(request.headers);
    if (this.#token !== undefined) headers.set("authorization", `Bearer ${this.#token}`);
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal: request.signal ?? null };
    if (request.raw !== undefined) {
      headers.set("content-type", request.raw.type);
      init.body = request.raw.body;
      init.duplex = "half";
    } else if (request.body !== undefined) {
      headers.set("content-type", "application/json");
      init.body = JSON.stringify(request.body);
    }
    const url = `${this.#base}${path}${query.size === 0 ? "" : `?${query}`}`;
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (cause) {
      const message = `No sandbox server is reachable at ${this.#base}. Start one with "holdfast sandbox daemon start", or pass --endpoint.`;
      throw new HoldfastError("sandbox", "unreachable", message, { statusCode: 503, cause });
    }
    if (!response.ok) throw await serverError(response);
    return response;
  }
}

function nonEmptyVariable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

async function serverError(response: Response): Promise<HoldfastError> {
  const body: unknown = await response.json().catch(() => undefined);
  const type = isRecord(body) ? String(body["type"] ?? "") : "";
  const code = /^urn:(?:sandbox-agent|holdfast):error:(\w+)$/.exec(type)?.[1] ?? `http_${response.status}`;
  const detail = isRecord(body) && typeof body["detail"] === "string" ? body["detail"] : undefined;
  const message = detail ?? `The server responded with status ${response.status}`;
  return new HoldfastError("sandbox", code, message, { statusCode: response.status });
}
