import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../http/problem.ts";

/** Options of every verb that calls a server. */
export const apiOptions = {
  endpoint: { type: "string", short: "e" },
  token: { type: "string", short: "t" },
  // Accepted for what the peer's command line takes everywhere; without a token none is sent anyway.
  "no-token": { type: "boolean", short: "n" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const apiUsage = `  -e, --endpoint URL  the server (default: HOLDFAST_SANDBOX_URL or http://127.0.0.1:2468)
  -t, --token TOKEN   its token (default: HOLDFAST_SANDBOX_TOKEN)
  --json              machine-readable output`;

export interface ApiFlags {
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
}

export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, with this content type. */
  readonly raw?: { readonly body: NonNullable<RequestInit["body"]>; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A sandbox server as the command line calls it. */
export class ApiClient {
  readonly #base: string;
  readonly #token: string | undefined;

  /** Throws `sandbox.invalid_endpoint` for what is no URL of http. */
  constructor(flags: ApiFlags) {
    const endpoint = flags.endpoint ?? variable("HOLDFAST_SANDBOX_URL") ?? "http://127.0.0.1:2468";
    if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
      throw new HoldfastError("sandbox", "invalid_endpoint", `"${endpoint}" is not a URL of a server`);
    }
    this.#base = endpoint.replace(/\/+$/, "");
    this.#token = flags.token ?? variable("HOLDFAST_SANDBOX_TOKEN");
  }

  /** The JSON of the answer; undefined for an empty one. Throws what the server refuses. */
  async ask(method: string, path: string, request: ApiRequest = {}): Promise<unknown> {
    const text = await (await this.send(method, path, request)).text();
    if (text === "") return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `What answers at ${this.#base} is no sandbox server`;
      throw new HoldfastError("sandbox", "malformed_answer", message, { statusCode: 502, cause });
    }
  }

  /** The answer itself, when the server has not refused. */
  async send(method: string, path: string, request: ApiRequest = {}): Promise<Response> {
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
      const message = `No sandbox server answers at ${this.#base}`;
      throw new HoldfastError("sandbox", "unreachable", message, { statusCode: 503, cause });
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

async function refusal(response: Response): Promise<HoldfastError> {
  const body: unknown = await response.json().catch(() => undefined);
  const type = isRecord(body) ? String(body["type"] ?? "") : "";
  const code = /^urn:(?:sandbox-agent|holdfast):error:(\w+)$/.exec(type)?.[1] ?? `http_${response.status}`;
  const detail = isRecord(body) && typeof body["detail"] === "string" ? body["detail"] : undefined;
  const message = detail ?? `The server answered ${response.status}`;
  return new HoldfastError("sandbox", code, message, { statusCode: response.status });
}
