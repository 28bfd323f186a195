/** Requests of clients and actors on their way to the node that serves them. */

import { once } from "node:events";
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ActorTarget } from "@holdfast/client";
import { LinkLost, Misdirected } from "../link-lost.ts";
import { type LinkKind, linkHeader, misdirected } from "../links/headers.ts";
import type { Links } from "../links/links.ts";
import type { ClusterMember } from "../member.ts";
import type { NodeAddress } from "../placement.ts";

/** A request for another node. */
export interface ForwardedRequest {
  readonly method: string;
  readonly path: string;
  /** The host that the client named. */
  readonly authority: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly peer: string | undefined;
  /** Bytes can be sent again to another node, a stream cannot. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined;
  /** True if the request may be sent again although it may have arrived. */
  readonly isIdempotent: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface ForwardedResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: ClientHttp2Stream;
}

export interface ForwarderOptions {
  readonly member: ClusterMember;
  readonly links: Links;
}

/**
 * Sends requests to the nodes that serve their actors. A node that does not serve the actor any more says so before it
 * reads the request, which then goes to the next one.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Requests whose responses have not ended. */
  #pending = 0;
  #settled: PromiseWithResolvers<void> | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the head of the response; undefined if this node serves the actor. Throws `actor.no_node`,
   * `cluster.node_lost`, and errors of links.
   */
  send(
    kind: "request" | "internal",
    target: ActorTarget,
    request: ForwardedRequest,
  ): Promise<ForwardedResponse | undefined> {
    const { body } = request;
    const canRepeat = body === undefined || body instanceof Uint8Array;
    return this.#options.member.follow<ForwardedResponse>(
      target,
      request.isIdempotent && canRepeat,
      request.signal,
      async (node) => {
        const response = await this.#attempt(kind, node, request);
        if (response.status !== misdirected) return response;
        response.stream.close();
        return misdirection(response.headers);
      },
    );
  }

  /** Opens a stream that carries the HTTP/1.1 of a WebSocket; undefined if this node serves the actor. */
  tunnel(
    kind: "socket" | "internal-socket",
    target: ActorTarget,
    path: string,
    peer: string | undefined,
  ): Promise<Duplex | undefined> {
    return this.#options.member.follow<Duplex>(target, true, undefined, async (node) => {
      const stream = await this.#open(kind, node, { method: "POST", path, authority: "node", peer }, false);
      const { status, headers } = await responseOf(stream);
      if (status === 200) return stream;
      stream.close();
      return misdirection(headers);
    });
  }

  /** Resolves when no request waits for its response. */
  settled(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    this.#settled ??= Promise.withResolvers<void>();
    return this.#settled.promise;
  }

  async #attempt(
    kind: "request" | "internal",
    node: NodeAddress,
    request: ForwardedRequest,
  ): Promise<ForwardedResponse> {
    const { body, signal } = request;
    const stream = await this.#open(kind, node, request, body === undefined);
    const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    this.#pending++;
    stream.once("close", () => {
      signal?.removeEventListener("abort", cancel);
      this.#pending--;
      if (this.#pending === 0) this.#settled?.resolve();
    });
    const response = responseOf(stream);
    if (body instanceof Uint8Array) stream.end(body);
    else if (body !== undefined) this.#sendStream(stream, body);
    return response;
  }

  async #open(
    kind: LinkKind,
    node: NodeAddress,
    request: Pick<ForwardedRequest, "method" | "path" | "authority" | "peer"> &
      Partial<Pick<ForwardedRequest, "headers" | "body">>,
    endStream: boolean,
  ): Promise<ClientHttp2Stream> {
    const { links, member } = this.#options;
    const { method, path, authority, peer, headers, body } = request;
    const isStream = body !== undefined && !(body instanceof Uint8Array);
    const stream = await links.to(node).open(
      kind,
      {
        ...headers,
        ":method": method,
        ":path": path,
        ":authority": authority,
        [linkHeader.revision]: String(member.revision),
        ...(peer === undefined ? {} : { [linkHeader.peer]: peer }),
        ...(isStream ? { [linkHeader.waits]: "true" } : {}),
      },
      endStream,
    );
    // Errors reach whoever waits for the response, or reads it.
    stream.on("error", () => undefined);
    return stream;
  }

  /** The stream is not touched before the other node has said that it serves the actor. */
  #sendStream(stream: ClientHttp2Stream, body: ReadableStream<Uint8Array>): void {
    const leave = (): void => void body.cancel().catch(() => undefined);
    stream.once("close", leave);
    void once(stream, "continue")
      .then(() => {
        stream.removeListener("close", leave);
        return pipeline(body, stream);
      })
      .catch(() => stream.destroy());
  }
}

function misdirection(headers: IncomingHttpHeaders): Misdirected {
  return new Misdirected(Number(headers[linkHeader.revision]));
}

function responseOf(stream: ClientHttp2Stream): Promise<ForwardedResponse> {
  return new Promise((resolve, reject) => {
    const lost = (cause: unknown): void => {
      reject(new LinkLost(stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM, cause));
    };
    stream.once("response", (headers) => resolve({ status: Number(headers[":status"]), headers, stream }));
    stream.once("error", lost);
    stream.once("close", () => lost(new Error("The node closed the request")));
  });
}
