import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";

/** Which other origins may call the server, and with which methods and headers. */
export interface CorsOptions {
  /** Exact origins, such as "https://app.example". "*" allows every origin and requires a token. */
  readonly origins: readonly string[];
  /** Methods that a preflight allows. Default: all. */
  readonly methods?: readonly string[];
  /** Headers that a preflight allows. Default: those that the preflight requests. */
  readonly headers?: readonly string[];
  /** Lets pages send cookies: every response then has `access-control-allow-credentials`. */
  readonly credentials?: boolean;
}

const defaultMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** Response headers that pages may read in addition to the CORS-safelisted ones. */
const exposedHeaders =
  "etag, accept-ranges, content-range, content-disposition, content-length, last-event-id";

/** Sets the CORS headers of responses. Source: the Fetch standard, and section 2.1 of the peer's documentation. */
export class Cors {
  readonly #options: CorsOptions;
  readonly #origins: ReadonlySet<string>;

  /** Throws `sandbox.unsafe_origins` for "*" on a server without a token. */
  constructor(options: CorsOptions, hasToken: boolean) {
    this.#options = options;
    this.#origins = new Set(options.origins);
    if (this.#origins.has("*") && !hasToken) {
      throw new HoldfastError(
        "sandbox",
        "unsafe_origins",
        'The origin "*" on a server without a token would let every web page run commands. Set a token, or list the allowed origins.',
      );
    }
  }

  allows(origin: string): boolean {
    return this.#origins.has(origin) || this.#origins.has("*");
  }

  /** Sets the CORS headers of a response, and the preflight headers for an OPTIONS request. */
  apply(request: IncomingMessage, response: ServerResponse): void {
    const { credentials = false } = this.#options;
    response.setHeader("vary", "origin, access-control-request-method, access-control-request-headers");
    if (credentials) response.setHeader("access-control-allow-credentials", "true");
    const { origin } = request.headers;
    if (origin !== undefined && this.allows(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", exposedHeaders);
    }
    if (request.method !== "OPTIONS") return;
    const requestedHeaders = request.headers["access-control-request-headers"];
    response.setHeader(
      "access-control-allow-methods",
      joinedList(this.#options.methods) ?? (credentials ? defaultMethods : "*"),
    );
    // The wildcard never covers Authorization, so an allowed origin gets its requested headers echoed.
    const echoedHeaders = origin !== undefined && this.allows(origin) ? requestedHeaders : undefined;
    response.setHeader(
      "access-control-allow-headers",
      joinedList(this.#options.headers) ?? echoedHeaders ?? "*",
    );
  }
}

function joinedList(values: readonly string[] | undefined): string | undefined {
  return values === undefined || values.length === 0 ? undefined : values.join(",");
}
