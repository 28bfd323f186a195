import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Cors, type CorsOptions } from "./cors.ts";
import { problem } from "./problem.ts";

export interface GuardOptions {
  readonly token?: string;
  /** Host names that a request may name; absent where no browser can reach the server (Unix sockets). */
  readonly hosts?: readonly string[];
  readonly cors: CorsOptions;
}

/** Decides who may call: bearer token, and against DNS rebinding and foreign pages Host and Origin. */
export class Guard {
  readonly #tokenHash: Buffer | undefined;
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #cors: Cors;

  constructor(options: GuardOptions) {
    this.#tokenHash = options.token === undefined ? undefined : hash(options.token);
    this.#hosts = options.hosts && new Set(options.hosts.map((host) => host.toLowerCase()));
    this.#cors = new Cors(options.cors, options.token !== undefined || options.hosts === undefined);
  }

  /**
   * Throws `permission_denied` for a foreign Host or Origin; sets the CORS headers of the answer. A
   * preflight of a foreign page is answered: that it is not allowed is said by what is missing.
   */
  checkOrigin(request: IncomingMessage, response?: ServerResponse): void {
    if (response) this.#cors.apply(request, response);
    const { host } = request.headers;
    // Without any Host it comes in HTTP/1.0, which no browser speaks: load balancers do, to see whether we live.
    if (this.#hosts && host !== undefined && !this.#hosts.has(hostName(host))) {
      throw problem("permission_denied", 403, "the Host header does not name this server");
    }
    const { origin } = request.headers;
    if (origin === undefined || request.method === "OPTIONS" || this.#cors.allows(origin)) return;
    if (this.#hosts && URL.canParse(origin) && new URL(origin).host === host) return;
    throw problem("permission_denied", 403, "the Origin of the page may not call this server");
  }

  /**
   * Throws `token_invalid` unless the request carries the token, in its header or as `inQuery` (only
   * for upgrades: a browser cannot set headers on a WebSocket). Compares hashes in constant time.
   */
  checkToken(request: IncomingMessage, inQuery?: string): void {
    if (this.#tokenHash === undefined) return;
    const match = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "");
    const given = match?.[1] ?? inQuery;
    if (given !== undefined && timingSafeEqual(hash(given), this.#tokenHash)) return;
    throw problem("token_invalid", 401, "missing or invalid bearer token", {
      details: { message: "missing or invalid bearer token" },
    });
  }
}

function hash(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** The name in a Host header, without port and without the brackets of an IPv6 address. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}
