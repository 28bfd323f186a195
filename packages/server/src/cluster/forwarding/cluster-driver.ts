import type { ActorCaller } from "@holdfast/actors";
import {
  type ActorTarget,
  actorPath,
  type BufferedWebSocket,
  type ClientDriver,
  type ClientFrame,
  type DriverCall,
  type DriverConnection,
  type DriverCreate,
  type DriverFetch,
  type DriverListener,
  type DriverSend,
  type DriverSendReply,
  type DriverWebSocket,
  type ManageRequest,
  type PreparedFrame,
  type ResumePoint,
  type SendContent,
} from "@holdfast/client";
import { decodeValue, isErrorCode, limits } from "@holdfast/core";
import { fetchLocally } from "../../local/local-fetch.ts";
import { GatedConnection } from "./gated-connection.ts";

export interface ClusterDriverOptions {
  /** Returns undefined for an actor of this node. */
  readonly placement: { locate(target: ActorTarget): unknown };
  /** For actors of this node. */
  readonly local: ClientDriver;
  /** For actors of other nodes. */
  readonly remote: () => ClientDriver;
  readonly caller: ActorCaller | undefined;
}

/**
 * A client within the cluster: calls reach the actors of this node directly, and those of other nodes over links.
 * What an actor sends waits for its output gate in both cases.
 */
export class ClusterDriver implements ClientDriver {
  /** A message of an actor enters its open turn, so that it cannot wait for the one before it. */
  readonly keepsOrder: boolean;
  readonly sendsOverConnections: boolean;
  readonly #options: ClusterDriverOptions;
  readonly #local: ClientDriver;
  /** Settles when all messages before it have reached other nodes, or failed. */
  #previousSend: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterDriverOptions) {
    this.#options = options;
    this.#local = options.local;
    this.keepsOrder = options.caller !== undefined;
    this.sendsOverConnections = options.local.sendsOverConnections === true;
  }

  prepareArgs(args: readonly unknown[]): PreparedFrame {
    return this.#local.prepareArgs(args);
  }

  prepareSend(content: SendContent): PreparedFrame {
    return this.#local.prepareSend(content);
  }

  prepare(frame: ClientFrame): PreparedFrame {
    return this.#local.prepare(frame);
  }

  async call(call: DriverCall): Promise<unknown> {
    const remote = await this.#remoteFor(call.target);
    if (remote === undefined) return this.#local.call(call);
    await this.#leave(call.signal);
    return remote.call({ ...call, args: remote.prepareArgs(decoded(call.args) as readonly unknown[]) });
  }

  async send(send: DriverSend): Promise<DriverSendReply> {
    // A row of the actor's own turn, which its outbox delivers.
    const isOwnRow = this.#options.caller !== undefined && !send.waits;
    const remote = isOwnRow ? undefined : await this.#remoteFor(send.target);
    if (remote === undefined) return this.#local.send(send);
    await this.#leave(send.signal);
    const content = decoded(send.content) as SendContent;
    const request = { ...send, content: remote.prepareSend(content) };
    // Waits for a message that was enqueued before.
    if (content.resume === true || !this.keepsOrder) return remote.send(request);
    const sent = this.#previousSend.then(() => remote.send(request));
    this.#previousSend = sent.catch(() => undefined);
    return sent;
  }

  async resolve(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<string> {
    const remote = await this.#remoteFor(target);
    if (remote === undefined) return this.#local.resolve(target, signal, params);
    await this.#leave(signal);
    return remote.resolve(target, signal, params);
  }

  async create(request: DriverCreate): Promise<string> {
    const { name, key, place } = request;
    const remote = await this.#remoteFor({
      ...({ type: "get", name, key } as const),
      ...(place === undefined ? {} : { place }),
    });
    if (remote === undefined) return this.#local.create(request);
    await this.#leave(request.signal);
    return remote.create(request);
  }

  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    events?: readonly string[],
  ): DriverConnection {
    return new LocatedConnection(async () => {
      const remote = await this.#remoteFor(target);
      if (remote === undefined) return this.#local.connect(target, params, listener, resume, events);
      await this.#leave(undefined);
      const { caller } = this.#options;
      const open = (own: DriverListener): DriverConnection =>
        remote.connect(target, params, own, resume, events);
      return caller === undefined ? open(listener) : new GatedConnection(listener, () => caller.gate(), open);
    }, listener);
  }

  async fetch(request: DriverFetch): Promise<Response> {
    const remote = await this.#remoteFor(request.target);
    if (remote === undefined) return this.#local.fetch(request);
    await this.#leave(request.signal);
    const { target, path, init, signal } = request;
    const own = signal === undefined ? init : { ...init, signal };
    return fetchLocally(path, own, {
      base: `${await this.#baseOf(target)}/request`,
      ask: (where, asked) => remote.fetch({ ...request, path: where, init: asked }),
      elsewhere: (url, asked) => fetch(url, asked),
    });
  }

  /** URL of an actor for callers over a network; one of no server while none listens. */
  async #baseOf(target: ActorTarget): Promise<string> {
    try {
      return await this.#local.gatewayUrl(target);
    } catch (error) {
      if (!isErrorCode(error, "gateway", "not_listening")) throw error;
      return `http://actor${actorPath(target, true)}`;
    }
  }

  async webSocket(request: DriverWebSocket): Promise<BufferedWebSocket> {
    const remote = await this.#remoteFor(request.target);
    return (remote ?? this.#local).webSocket(request);
  }

  gatewayUrl(target: ActorTarget): string | Promise<string> {
    return this.#local.gatewayUrl(target);
  }

  async reload(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<void> {
    const remote = await this.#remoteFor(target);
    if (remote === undefined) return this.#local.reload(target, signal, params);
    await this.#leave(signal);
    return remote.reload(target, signal, params);
  }

  async manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown> {
    if (request.type !== "destroy") return this.#local.manage(request, signal);
    const remote = await this.#remoteFor({ type: "get", name: request.name, key: request.key });
    if (remote === undefined) return this.#local.manage(request, signal);
    await this.#leave(signal);
    return remote.manage(request, signal);
  }

  dispose(): Promise<void> {
    return this.#local.dispose();
  }

  async #remoteFor(target: ActorTarget): Promise<ClientDriver | undefined> {
    const { placement, remote } = this.#options;
    return (await placement.locate(target)) === undefined ? undefined : remote();
  }

  /** Requests of an actor leave after the commit that they depend on. */
  async #leave(signal: AbortSignal | undefined): Promise<void> {
    await this.#options.caller?.gate();
    signal?.throwIfAborted();
  }
}

/** A connection that opens when its actor has been located. */
class LocatedConnection implements DriverConnection {
  #connection: DriverConnection | undefined;
  #waiting: PreparedFrame[] = [];
  #isClosed = false;

  constructor(open: () => Promise<DriverConnection>, listener: DriverListener) {
    open().then(
      (connection) => {
        if (this.#isClosed) return void connection.close();
        this.#connection = connection;
        for (const frame of this.#waiting.splice(0)) connection.send(frame);
      },
      (error: unknown) => {
        if (this.#isClosed) return;
        this.#isClosed = true;
        const message = error instanceof Error ? error.message : "The actor cannot be located";
        listener.closed({ error: { group: "client", code: "network_error", message }, final: false });
      },
    );
  }

  send(frame: PreparedFrame): void {
    if (this.#connection !== undefined) this.#connection.send(frame);
    else if (!this.#isClosed) this.#waiting.push(frame);
  }

  close(): Promise<void> | void {
    this.#isClosed = true;
    return this.#connection?.close();
  }

  lose(): void {
    this.#isClosed = true;
    this.#connection?.lose();
  }
}

/** Local frames are CBOR; another node gets the values in its own envelope. */
function decoded({ data }: PreparedFrame): unknown {
  if (typeof data === "string") throw new TypeError("a local frame is always CBOR");
  return decodeValue(data, { maxDepth: limits.maxDepth + 1 });
}
