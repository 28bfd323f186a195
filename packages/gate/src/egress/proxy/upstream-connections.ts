import { type ClientRequestArgs, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import type { EgressLimits } from "../egress-limits.ts";
import { readBufferBytes, SharedReadBuffer } from "./read-buffer.ts";

/** The checked addresses of a name that the jail or a manifest chose. */
interface CheckedAddresses {
  readonly addresses?: readonly string[];
}

/** A pooled connection is reused only for a request with the same checked addresses. */
function withAddresses(name: string, options: CheckedAddresses | undefined): string {
  return `${name}:${options?.addresses?.toSorted().join(",") ?? ""}`;
}

class PlainAgent extends HttpAgent {
  override getName(options?: ClientRequestArgs & CheckedAddresses): string {
    return withAddresses(super.getName(options), options);
  }

  override createConnection(options: ClientRequestArgs): Duplex | null | undefined {
    return SharedReadBuffer.connect(readBufferBytes.plain, (onread) => {
      const reading = { ...options, onread };
      return super.createConnection(reading);
    });
  }
}

class SecureAgent extends HttpsAgent {
  override getName(options?: RequestOptions & CheckedAddresses): string {
    return withAddresses(super.getName(options), options);
  }

  override createConnection(options: RequestOptions): Duplex | null | undefined {
    return SharedReadBuffer.connect(readBufferBytes.secure, (onread) => {
      const reading = { ...options, onread };
      return super.createConnection(reading);
    });
  }
}

/**
 * Connection pool of one jail. The upstream may close a pooled connection just as a request goes out, so only requests
 * that are safe to repeat use the pool; others get a fresh connection, which resumes the TLS session.
 */
export class UpstreamConnections {
  readonly #limits: EgressLimits;
  #plain: Agents | undefined;
  #secure: Agents | undefined;

  constructor(limits: EgressLimits) {
    this.#limits = limits;
  }

  agents(protocol: string): Agents {
    const { maxIdleUpstreams, upstreamKeepAliveMs } = this.#limits;
    const poolOptions = { keepAlive: true, maxFreeSockets: maxIdleUpstreams, timeout: upstreamKeepAliveMs };
    if (protocol !== "https:") {
      this.#plain ??= { pooled: new PlainAgent(poolOptions), fresh: new PlainAgent() };
      return this.#plain;
    }
    if (this.#secure === undefined) {
      // Shared, since it holds all certificate authorities that Node trusts.
      const secureContext = createSecureContext();
      const fresh = new SecureAgent({ secureContext });
      this.#secure = { pooled: new SecureAgent({ ...poolOptions, secureContext }), fresh };
    }
    return this.#secure;
  }

  close(): void {
    for (const agents of [this.#plain, this.#secure]) {
      agents?.pooled.destroy();
      agents?.fresh.destroy();
    }
  }
}

export interface Agents {
  /** The pool, for requests that are safe to repeat. */
  readonly pooled: HttpAgent;
  /** A connection for each request. */
  readonly fresh: HttpAgent;
}

/** Whether a request is safe to repeat: it changes nothing and has no body. */
export function isRepeatable({ method, headers }: IncomingMessage): boolean {
  const noBody = (headers["content-length"] ?? "0") === "0" && headers["transfer-encoding"] === undefined;
  return (method === "GET" || method === "HEAD") && noBody && headers.expect === undefined;
}
