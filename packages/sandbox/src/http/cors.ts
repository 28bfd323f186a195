import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "@holdfast/core";

/** Which pages of other origins may call the server, and what they may send. */
export interface CorsOptions {
  /** Exact origins, as "https://app.example"; "*" allows every page, and needs a token. */
  readonly origins: readonly string[];
  /** Methods that a preflight allows; all by default. */
  readonly methods?: readonly string[];
  /** Headers that a preflight allows; all that it asks for by default. */
  readonly headers?: readonly string[];
  /** Lets pages send cookies; `access-control-allow-credentials` is then on every answer. */
  readonly credentials?: boolean;
}

const methods = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** What a page may read of an answer beside the headers that every page may. */
const exposed = "etag, accept-ranges, content-range, content-disposition, content-length, last-event-id";

/** The headers of cross-origin calls. Source: the Fetch standard, and the peer's section 2.1. */
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
        'The origin "*" on a server without a token would let every web page run commands; set a token',
      );
    }
  }

  allows(origin: string): boolean {
    return this.#origins.has(origin) || this.#origins.has("*");
  }

  /** Sets the headers of an answer; those of a preflight where it is one. */
  apply(request: IncomingMessage, response: ServerResponse): void {
    const { credentials = false } = this.#options;
    response.setHeader("vary", "origin, access-control-request-method, access-control-request-headers");
    if (credentials) response.setHeader("access-control-allow-credentials", "true");
    const { origin } = request.headers;
    if (origin !== undefined && this.allows(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", exposed);
    }
    if (request.method !== "OPTIONS") return;
    const asked = request.headers["access-control-request-headers"];
    response.setHeader(
      "access-control-allow-methods",
      list(this.#options.methods) ?? (credentials ? methods : "*"),
    );
    // The wildcard never covers Authorization: to an allowed page its own wish is repeated.
    const wish = origin !== undefined && this.allows(origin) ? asked : undefined;
    response.setHeader("access-control-allow-headers", list(this.#options.headers) ?? wish ?? "*");
  }
}

function list(values: readonly string[] | undefined): string | undefined {
  return values === undefined || values.length === 0 ? undefined : values.join(",");
}
