/** Requests of clients and actors on their way to the node that serves them. */

import { once } from "node:events";
import { type ClientHttp2Stream, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ActorTarget } from "@holdfast/client";
import { busy } from "../../directory/admission.ts";
import type { ClusterMetrics } from "../../observe/cluster-metrics.ts";
import { LinkLost, Misdirected, nodeLost } from "../link-lost.ts";
import type { CallChannel } from "../links/call-channel.ts";
import { maxFrameBodyBytes } from "../links/call-frames.ts";
import { type LinkKind, linkHeader, misdirected } from "../links/headers.ts";
import type { Links } from "../links/links.ts";
import type { ClusterMember } from "../member.ts";
import type { NodeAddress } from "../placement.ts";
import type { Cancellation } from "./departure.ts";

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
  /** True for a request of user code, whose body and response may be of any length. */
  readonly isRaw: boolean;
  /** True if the request may be sent again although it may have arrived. */
  readonly isIdempotent: boolean;
  readonly signal: Cancellation | undefined;
}

export interface ForwardedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Bytes of a response that is complete, or the stream that carries it. */
  readonly body: Uint8Array | ClientHttp2Stream;
  /** Id of the node that answers. */
  readonly node: string;
}

export interface ForwarderOptions {
  readonly member: ClusterMember;
  readonly links: Links;
  readonly metrics: ClusterMetrics;
  /** Requests of clients that may wait for other nodes; beyond: `server.busy`. */
  readonly maxPending: number;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
}

/**
 * Sends requests to the nodes that serve their actors. A node that does not serve the actor any more says so before it
 * reads the request, which then goes to the next one.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Requests whose responses have not ended. */
  #pending = 0;
  /** Open streams of WebSockets. */
  #tunnels = 0;
  #settled: PromiseWithResolvers<void> | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the head of the response; undefined if this node serves the actor. Throws `actor.no_node`,
   * `cluster.node_lost`, and errors of links.
   */
  async send(
    kind: "request" | "internal",
    target: ActorTarget,
    request: ForwardedRequest,
  ): Promise<ForwardedResponse | undefined> {
    const { metrics, monotonic, maxPending } = this.#options;
    if (kind === "request" && this.#pending >= maxPending) throw busy("Other nodes answer too slowly");
    const startedAt = monotonic();
    try {
      const response = await this.#follow(kind, target, request);
      metrics.forwarded[response === undefined ? "here" : "ok"]++;
      return response;
    } catch (error) {
      metrics.forwarded.error++;
      throw error;
    } finally {
      metrics.forwardDuration.observe(monotonic() - startedAt);
    }
  }

  #follow(
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
        if (!isSmall(request)) return this.#attempt(kind, node, request);
        const link = this.#options.links.to(node);
        const channel = link.openChannel ?? (await link.channel());
        if (channel !== undefined) return this.#call(channel, kind, node, request);
        return this.#attempt(kind, node, request);
      },
    );
  }

  /** Opens a stream that carries the HTTP/1.1 of a WebSocket; undefined if this node serves the actor. */
  tunnel(
    kind: "socket" | "internal-socket" | "program",
    target: ActorTarget,
    path: string,
    peer: string | undefined,
  ): Promise<Duplex | undefined> {
    return this.#options.member.follow<Duplex>(target, true, undefined, async (node) => {
      const stream = await this.#open(kind, node, { method: "POST", path, authority: "node", peer }, false);
      const { status, headers } = await responseOf(stream, node.id);
      if (status === 200) {
        this.#tunnels++;
        stream.once("close", () => this.#tunnels--);
        return stream;
      }
      stream.close();
      return misdirection(headers);
    });
  }

  /** Opens a stream that carries HTTP/1.1 to a certain node. Throws `cluster.node_lost`. */
  async tunnelTo(node: NodeAddress): Promise<Duplex> {
    try {
      const request = { method: "POST", path: "/", authority: "node", peer: undefined };
      const stream = await this.#open("program", node, request, false);
      const { status } = await responseOf(stream, node.id);
      if (status === 200) return stream;
      stream.close();
      throw new LinkLost(false, new Error(`The node answered ${status}`));
    } catch (error) {
      throw error instanceof LinkLost ? nodeLost(node.id, error) : error;
    }
  }

  /** True while a request waits for its response, or a WebSocket is open. */
  get isBusy(): boolean {
    return this.#pending > 0 || this.#tunnels > 0;
  }

  /** Resolves when no request waits for its response. */
  settled(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    this.#settled ??= Promise.withResolvers<void>();
    return this.#settled.promise;
  }

  /** Sends a small request as a frame of the channel. */
  async #call(
    channel: CallChannel,
    kind: "request" | "internal",
    node: NodeAddress,
    request: ForwardedRequest,
  ): Promise<ForwardedResponse | Misdirected> {
    const { method, path, authority, peer, headers, body, signal } = request;
    const { revision } = this.#options.member;
    const head = { kind, method, path, authority, peer, revision, headers };
    this.#pending++;
    try {
      const answer = await channel.call(head, body as Uint8Array | undefined, signal);
      if (answer instanceof Misdirected) return answer;
      if (answer.type === "response") return { ...answer.head, body: answer.body, node: node.id };
      // Long, or without an end.
      const { links } = this.#options;
      const sought = { ":method": method, ":path": path, [linkHeader.call]: String(answer.call) };
      const stream = await links
        .to(node)
        .open("answer", sought, true)
        .catch((error: unknown) => {
          // The call itself has run.
          throw new LinkLost(true, error);
        });
      return await this.#answerOf(stream, node, signal);
    } finally {
      this.#release();
    }
  }

  async #attempt(
    kind: "request" | "internal",
    node: NodeAddress,
    request: ForwardedRequest,
  ): Promise<ForwardedResponse | Misdirected> {
    const { body, signal } = request;
    const stream = await this.#open(kind, node, request, body === undefined);
    const answer = this.#answerOf(stream, node, signal);
    if (body instanceof Uint8Array) stream.end(body);
    else if (body !== undefined) this.#sendStream(stream, body);
    const response = await answer;
    if (!isMisdirected(response)) return response;
    stream.close();
    return misdirection(response.headers);
  }

  /** Waits for the head of a response. The request counts as pending until the stream has ended. */
  #answerOf(
    stream: ClientHttp2Stream,
    node: NodeAddress,
    signal: Cancellation | undefined,
  ): Promise<ForwardedResponse> {
    stream.on("error", () => undefined);
    const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    this.#pending++;
    stream.once("close", () => {
      signal?.removeEventListener("abort", cancel);
      this.#release();
    });
    return responseOf(stream, node.id);
  }

  #release(): void {
    this.#pending--;
    if (this.#pending === 0) this.#settled?.resolve();
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
        // A length without a body is an error in HTTP/2.
        ...(body === undefined ? { "content-length": undefined } : {}),
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
    void once(stream, "continue")
      .then(() => pipeline(body, stream))
      .catch(() => stream.destroy());
  }
}

/** Such a request is not worth a stream of its own. Reads may be event streams, which have no end. */
function isSmall({ method, isRaw, body }: ForwardedRequest): boolean {
  if (isRaw || method === "GET" || method === "HEAD") return false;
  return body === undefined || (body instanceof Uint8Array && body.length <= maxFrameBodyBytes);
}

function misdirection(headers: ForwardedResponse["headers"]): Misdirected {
  return new Misdirected(Number(headers[linkHeader.revision]));
}

/** An actor may answer 421 as well; only a node adds its revision. */
function isMisdirected({ status, headers }: ForwardedResponse): boolean {
  return status === misdirected && headers[linkHeader.revision] !== undefined;
}

function responseOf(stream: ClientHttp2Stream, node: string): Promise<ForwardedResponse> {
  return new Promise((resolve, reject) => {
    const lost = (cause: unknown): void => {
      reject(new LinkLost(stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM, cause));
    };
    stream.once("response", (headers) =>
      resolve({ status: Number(headers[":status"]), headers, body: stream, node }),
    );
    stream.once("error", lost);
    stream.once("close", () => lost(new Error("The node closed the request")));
  });
}
