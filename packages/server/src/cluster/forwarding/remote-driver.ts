import type { Duplex } from "node:stream";
import { duplexPair, Readable } from "node:stream";
import { type ActorTarget, type ClientDriver, createNetworkDriver, header } from "@holdfast/client";
import { WebSocket } from "ws";
import { parseRoute, type Route } from "../../gateway/route.ts";
import { asSocket } from "../links/as-socket.ts";
import { endToEnd, headerPairs, responseHeaders, statusTextOf } from "../links/headers.ts";
import { moved } from "../placement.ts";
import { join } from "./forward-socket.ts";
import type { Forwarder } from "./forwarder.ts";

/** What a WebSocket of `ws` sends. */
type BufferLike = Parameters<WebSocket["send"]>[0];

/** Failures are reported by the end of the socket. */
function ignore(): void {}

/** The base of all URLs of this driver; it never reaches a name server. */
const base = "http://actor";

/** The actor that a route addresses; undefined for collections. */
export function targetOf(route: Route): ActorTarget | undefined {
  return "target" in route ? route.target : undefined;
}

/**
 * Calls actors of other nodes in the name of an actor or the program, over the same protocol as clients use. Hooks for
 * clients do not check them. A target that turns out to be served here fails with `actor.moved`, which callers retry.
 */
export function createRemoteDriver(
  forwarder: Forwarder,
  acceptHere: (socket: Duplex) => void,
  gate: (() => Promise<void>) | undefined,
  maxMessageBytes: number,
): ClientDriver {
  class LinkSocket extends WebSocket {
    /** Undefined for connections, whose frames have passed it: see `GatedConnection`. */
    readonly #gate: (() => Promise<void>) | undefined;
    /** Messages leave in order, each after its gate. */
    #tail: Promise<unknown> | undefined;

    constructor(url: string, protocols?: string | string[]) {
      // Called at once; the stream to the other node comes later.
      super(url, protocols ?? [], { createConnection: () => connect(forwarder, acceptHere, url) as never });
      this.#gate = parseRoute(pathOf(url)).kind === "websocket" ? gate : undefined;
    }

    override send(data: BufferLike): void {
      if (this.#gate === undefined) return super.send(data, ignore);
      this.#tail = Promise.all([this.#tail, this.#gate()]).then(
        () => super.send(data, ignore),
        () => super.terminate(),
      );
    }

    override close(code?: number, reason?: string | Buffer): void {
      if (this.#tail === undefined) return super.close(code, reason);
      void this.#tail.then(() => super.close(code, reason));
    }
  }
  return createNetworkDriver({
    endpoint: base,
    disableMetadataLookup: true,
    maxMessageBytes,
    fetch: (input, init) => forwardFetch(forwarder, new Request(input, init)),
    WebSocket: LinkSocket as unknown as typeof globalThis.WebSocket,
  });
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

async function forwardFetch(forwarder: Forwarder, request: Request): Promise<Response> {
  const path = pathOf(request.url);
  const route = parseRoute(path);
  const target = targetOf(route);
  if (target === undefined) throw new TypeError(`${path} is not the path of an actor`);
  const isRaw = route.kind === "request";
  const isKeyed = request.headers.get(header.idempotencyKey) !== null;
  const isRead = request.method === "GET" || request.method === "HEAD";
  const body = isRaw ? (request.body ?? undefined) : new Uint8Array(await request.arrayBuffer());
  const response = await forwarder.send("internal", target, {
    ...{ method: request.method, path, authority: "actor", peer: undefined, signal: request.signal },
    headers: endToEnd(request.headers),
    body: body instanceof Uint8Array && body.length === 0 ? undefined : body,
    isRaw,
    isIdempotent: !isRaw && (isKeyed || isRead),
  });
  if (response === undefined) throw moved(target.name);
  const { status, body: answer } = response;
  const init = {
    status,
    statusText: statusTextOf(response.headers),
    headers: responseHeaders(endToEnd(headerPairs(response.headers))),
  };
  const hasBody = request.method !== "HEAD" && ![204, 205, 304].includes(status);
  if (answer instanceof Uint8Array) {
    return new Response(hasBody ? (answer as Uint8Array<ArrayBuffer>) : null, init);
  }
  if (!hasBody) answer.resume();
  return new Response(hasBody ? (Readable.toWeb(answer) as ReadableStream<Uint8Array>) : null, init);
}

/** A connection whose other end is joined with the node's stream once that is open. */
function connect(forwarder: Forwarder, acceptHere: (socket: Duplex) => void, url: string): Duplex {
  const [near, far] = duplexPair();
  const fail = (): void => void near.destroy(new Error("The actor cannot be reached"));
  try {
    const path = pathOf(url);
    const target = targetOf(parseRoute(path));
    if (target === undefined) throw new TypeError(`${path} is not the path of an actor`);
    forwarder.tunnel("internal-socket", target, path, undefined).then((stream) => {
      if (stream === undefined) acceptHere(far);
      else join(far, stream);
    }, fail);
  } catch {
    fail();
  }
  return asSocket(near);
}
