import { HoldfastError } from "@holdfast/core";
import { type ProblemDetails, SandboxAgentError } from "@holdfast/sandbox-client";

/** Where a sandbox server is, and what goes with each request. */
export interface SandboxAddress {
  /** The base URL of `/v1/`, without a trailing slash. */
  readonly baseUrl: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** By default that of the browser. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface SandboxCall {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: object;
  /** Sent unchanged. */
  readonly body?: Blob | string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/**
 * Requests to a sandbox server. Errors are {@link SandboxAgentError}, or `sandbox.unreachable` if there was no
 * response.
 */
export class SandboxHttp {
  readonly #address: SandboxAddress;

  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  async send(path: string, call: SandboxCall = {}): Promise<Response> {
    const { baseUrl, headers, token, fetch = globalThis.fetch } = this.#address;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    let response: Response;
    try {
      response = await fetch(`${baseUrl}${path}${query.size > 0 ? `?${query}` : ""}`, {
        method: call.method ?? "GET",
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(call.json === undefined ? {} : { "content-type": "application/json" }),
          ...call.headers,
        },
        cache: "no-store",
        ...(body === undefined ? {} : { body }),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (cause) {
      if (call.signal?.aborted) throw cause;
      throw new HoldfastError("sandbox", "unreachable", "The sandbox server does not answer", {
        statusCode: 503,
        cause,
      });
    }
    if (!response.ok) throw await failure(response);
    return response;
  }

  /** The response, typed as its route documents. */
  async json<T>(path: string, call: SandboxCall = {}): Promise<T> {
    const response = await this.send(path, call);
    return (await response.json()) as T;
  }
}

async function failure(response: Response): Promise<SandboxAgentError> {
  const text = await response.clone().text();
  return new SandboxAgentError(response.status, readProblem(text), response, text);
}

function readProblem(text: string): ProblemDetails | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isProblem = typeof value === "object" && value !== null && "type" in value && "title" in value;
    return isProblem ? (value as ProblemDetails) : undefined;
  } catch {
    return undefined;
  }
}
