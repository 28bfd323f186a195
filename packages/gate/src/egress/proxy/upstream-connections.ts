import { type ClientRequestArgs, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import type { EgressLimits } from "../egress-limits.ts";
import { readBufferBytes, SharedReadBuffer } from "./read-buffer.ts";

/** The addresses that a name was checked to lead to, where the jail or a manifest chose the name. */
interface Checked {
  readonly addresses?: readonly string[];
}

/** A connection is used again only by who was allowed the same addresses. */
function withAddresses(name: string, options: Checked | undefined): string {
  return `${name}:${options?.addresses?.toSorted().join(",") ?? ""}`;
}

class PlainAgent extends HttpAgent {
  override getName(options?: ClientRequestArgs & Checked): string {
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
  override getName(options?: RequestOptions & Checked): string {
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
 * The connections of one jail to its upstreams. A kept one may be closed by the upstream just as the next
 * request goes out, so only requests that may be sent twice go over it; others dial anew, with the session
 * of TLS that was agreed on before.
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
    const kept = { keepAlive: true, maxFreeSockets: maxIdleUpstreams, timeout: upstreamKeepAliveMs };
    if (protocol !== "https:") {
      this.#plain ??= { kept: new PlainAgent(kept), fresh: new PlainAgent() };
      return this.#plain;
    }
    if (this.#secure === undefined) {
      // Made once: it holds all authorities that Node believes.
      const secureContext = createSecureContext();
      const fresh = new SecureAgent({ secureContext });
      this.#secure = { kept: new SecureAgent({ ...kept, secureContext }), fresh };
    }
    return this.#secure;
  }

  close(): void {
    for (const agents of [this.#plain, this.#secure]) {
      agents?.kept.destroy();
      agents?.fresh.destroy();
    }
  }
}

export interface Agents {
  /** For requests that may be sent twice. */
  readonly kept: HttpAgent;
  /** One connection a request. */
  readonly fresh: HttpAgent;
}

/** True where a request changes nothing and has no body: it may be sent again on another connection. */
export function isRepeatable({ method, headers }: IncomingMessage): boolean {
  const bare = (headers["content-length"] ?? "0") === "0" && headers["transfer-encoding"] === undefined;
  return (method === "GET" || method === "HEAD") && bare && headers.expect === undefined;
}
