/** HTTP, event streams and retries. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { clientLimits } from "../limits.ts";
import { SandboxAgentError } from "../sdk/errors.ts";
import type { ProblemDetails } from "../sdk/wire.ts";

/** Whatever `fetch` takes as a body. */
export type Body = NonNullable<RequestInit["body"]>;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Values that are undefined or null are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal?: AbortSignal | undefined;
  /** Time until the answer begins; unlimited by default. */
  readonly answerWithinMs?: number;
}

/** Requests to one server; answers other than 2xx become typed errors. */
export class Http {
  readonly #baseUrl: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(baseUrl: string, fetch: typeof globalThis.fetch, headers: Readonly<Record<string, string>>) {
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#fetch = fetch;
    this.#headers = headers;
  }

  /**
   * Throws `sandbox.unreachable` without a timely answer, the error of the problem details for an unsuccessful one,
   * and the signal's reason when it aborts.
   */
  async send(request: HttpRequest): Promise<Response> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined && value !== null) query.set(name, String(value));
    const search = query.size > 0 ? `?${query}` : "";
    const { signal, answerWithinMs } = request;
    const late = new AbortController();
    const timer =
      answerWithinMs === undefined
        ? undefined
        : setTimeout(() => late.abort(silent(answerWithinMs)), answerWithinMs);
    const ends = timer === undefined ? signal : signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    // A streamed body needs `duplex`, which the types of fetch do not know everywhere.
    const init: RequestInit & { duplex?: "half" } = {
      method: request.method,
      headers: { ...this.#headers, ...request.headers },
      ...(ends ? { signal: ends } : {}),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.body instanceof ReadableStream ? { duplex: "half" } : {}),
    };
    let response: Response;
    try {
      response = await this.#fetch(`${this.#baseUrl}${request.path}${search}`, init);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw unreachable(error);
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw await readProblem(response);
    return response;
  }

  async json(request: HttpRequest): Promise<unknown> {
    const response = await this.send(request);
    return parseAnswer(await readText(response, clientLimits.maxMessageBytes, request.signal));
  }
}

/** Whether a retry can help: no answer, or a temporary failure of the server or of a proxy in front of it. */
export function mayPass(error: unknown): boolean {
  if (error instanceof SandboxAgentError) return error.status >= 500 && error.status !== 501;
  return !isHoldfastError(error) || error.code === "unreachable";
}

function unreachable(cause: unknown): HoldfastError {
  // fetch hides the reason, such as ECONNREFUSED, in the cause of its error.
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = inner instanceof Error ? inner.message : String(inner);
  return new HoldfastError("sandbox", "unreachable", `The sandbox server cannot be reached: ${why}`, {
    statusCode: 503,
    cause,
  });
}

/** Reads the body as text. Throws `sandbox.answer_too_large` over `maxBytes`. */
export async function readText(response: Response, maxBytes: number, signal?: AbortSignal): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, maxBytes, signal));
}

export async function readBytes(
  response: Response,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunksOf(response)) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new HoldfastError("sandbox", "answer_too_large", `The answer exceeds ${maxBytes} bytes`, {
          statusCode: 502,
        });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error instanceof HoldfastError ? error : unreachable(error);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * Iterates the body's chunks; leaving the loop cancels the body. Not every browser can iterate streams itself. Throws
 * `sandbox.unreachable` when no chunk arrives within `silenceMs`.
 */
export async function* chunksOf(response: Response, silenceMs?: number): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await before(reader.read(), silenceMs);
      if (done) return;
      yield value;
    }
  } finally {
    // Cancelling a body that is complete or broken already has nothing left to do.
    await reader.cancel().catch(() => {});
  }
}

/** What `promise` resolves with, unless it takes longer than `ms`. */
async function before<T>(promise: Promise<T>, ms: number | undefined): Promise<T> {
  if (ms === undefined) return await promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unreachable(silent(ms))), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function silent(ms: number): Error {
  return new Error(`nothing came for ${ms} ms`);
}

export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError(
      "sandbox",
      "malformed_answer",
      "The sandbox server sent something that is not JSON",
      {
        statusCode: 502,
        cause,
      },
    );
  }
}

/** The typed error of an answer. Its body is read, and given out again with the error. */
async function readProblem(response: Response): Promise<SandboxAgentError> {
  const text = await readText(response, clientLimits.maxProblemBytes).catch(() => "");
  const copy = new Response(text, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  });
  return new SandboxAgentError(response.status, asProblem(text, response.status), copy, text);
}

function asProblem(text: string, status: number): ProblemDetails | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { type, title, detail, instance, ...extensions } = value;
  return {
    ...extensions,
    type: typeof type === "string" ? type : "about:blank",
    title: typeof title === "string" ? title : "",
    status: typeof value.status === "number" ? value.status : status,
    ...(typeof detail === "string" ? { detail } : {}),
    ...(typeof instance === "string" ? { instance } : {}),
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whatever `fetch` takes as headers. */
export type Headers = NonNullable<RequestInit["headers"]>;

export function plainHeaders(headers: Headers | undefined): Record<string, string> {
  return headers === undefined ? {} : Object.fromEntries(new globalThis.Headers(headers));
}
