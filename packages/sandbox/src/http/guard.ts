import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Cors, type CorsOptions } from "./cors.ts";
import { problem } from "./problem.ts";

/** Who may call the server. */
export interface GuardOptions {
  readonly token?: string;
  /** Accepted Host names. Absent for a Unix socket, which no browser can reach. */
  readonly hosts?: readonly string[];
  readonly cors: CorsOptions;
}

/** Checks the bearer token, and the Host and Origin headers against DNS rebinding and cross-site requests. */
export class Guard {
  readonly #tokenHash: Buffer | undefined;
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #cors: Cors;

  constructor(options: GuardOptions) {
    this.#tokenHash = options.token === undefined ? undefined : hashToken(options.token);
    this.#hosts = options.hosts && new Set(options.hosts.map((host) => host.toLowerCase()));
    this.#cors = new Cors(options.cors, options.token !== undefined || options.hosts === undefined);
  }

  /**
   * Sets the CORS headers and throws `permission_denied` for a foreign Host or Origin. A preflight from a foreign
   * origin gets a response without the allow headers instead.
   */
  checkOrigin(request: IncomingMessage, response?: ServerResponse): void {
    if (response) this.#cors.apply(request, response);
    const { host } = request.headers;
    // A request without Host is HTTP/1.0: health checks of load balancers send those, browsers do not.
    if (this.#hosts && host !== undefined && !this.#hosts.has(hostName(host))) {
      throw problem("permission_denied", 403, "the Host header does not name this server");
    }
    const { origin } = request.headers;
    if (origin === undefined || request.method === "OPTIONS" || this.#cors.allows(origin)) return;
    if (this.#hosts && URL.canParse(origin) && new URL(origin).host === host) return;
    throw problem("permission_denied", 403, "the Origin of the page may not call this server");
  }

  /**
   * Throws `token_invalid` unless the request carries the token in its header or in `inQuery`. The query is for
   * upgrades only, because a browser cannot set headers on a WebSocket. Hashes are compared in constant time.
   */
  checkToken(request: IncomingMessage, inQuery?: string): void {
    if (this.#tokenHash === undefined) return;
    const match = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "");
    const token = match?.[1] ?? inQuery;
    if (token !== undefined && timingSafeEqual(hashToken(token), this.#tokenHash)) return;
    throw problem("token_invalid", 401, "missing or invalid bearer token", {
      details: { message: "missing or invalid bearer token" },
    });
  }
}

function hashToken(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

/** Returns the host name of a Host header without the port and without the brackets of an IPv6 address. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::\d+)?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}
