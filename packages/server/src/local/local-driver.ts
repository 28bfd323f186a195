/** The client within the process: calls, connections, fetch and sockets without a network. */
import type { ActorCaller } from "@holdfast/actors";
import {
  type ActorTarget,
  actorPath,
  type BufferedWebSocket,
  type Client,
  type ClientDriver,
  type ClientFrame,
  createClientWithDriver,
  type DriverCall,
  type DriverCreate,
  type DriverFetch,
  type DriverListener,
  type DriverSend,
  type DriverSendReply,
  type DriverWebSocket,
  type ManageRequest,
  type PreparedFrame,
  prepareClientFrame,
  type RawTransport,
  RenamingDriver,
  type ResumePoint,
  type SendContent,
  trustedDepth,
} from "@holdfast/client";
import {
  decodeValue,
  encodeValue,
  fromWireError,
  HoldfastError,
  isErrorCode,
  isHoldfastError,
  limits,
  type Ports,
  toWireError,
} from "@holdfast/core";
import { ClusterDriver } from "../cluster/forwarding/cluster-driver.ts";
import type { Directory } from "../directory/directory.ts";
import { problemResponse } from "../gateway/http/problem-response.ts";
import type { MessageLimits } from "../limits.ts";
import { ActorManager } from "../management/manager.ts";
import { RawSession, type RawWire, socketPrefix } from "../sessions/raw-session.ts";
import { Session } from "../sessions/session.ts";
import { checkIdempotencyKey, outgoingTooLong } from "../sessions/session-errors.ts";
import { LocalConnection } from "./local-connection.ts";
import { fetchLocally } from "./local-fetch.ts";
import { openLocalSocket } from "./local-socket.ts";
import { LocalStream } from "./local-stream.ts";
import { prepareLocalSend, sendLocally } from "./queue-send.ts";
import { readAhead } from "./read-ahead.ts";

/**
 * Reaches actors in this process as a remote client would: values are copied through the codec, limits are the same,
 * and requests of an actor wait for that actor's output gate. No socket is involved.
 */
export class LocalDriver implements ClientDriver {
  readonly #directory: () => Promise<Directory>;
  readonly #ports: Ports;
  readonly #limits: MessageLimits;
  readonly #caller: ActorCaller | undefined;
  readonly keepsOrder = true;
  readonly sendsOverConnections: boolean;

  constructor(
    directory: () => Promise<Directory>,
    ports: Ports,
    messageLimits: MessageLimits,
    caller?: ActorCaller,
  ) {
    this.#limits = messageLimits;
    this.#directory = directory;
    this.#ports = ports;
    this.#caller = caller;
    this.sendsOverConnections = caller === undefined;
  }

  prepareArgs(args: readonly unknown[]): PreparedFrame {
    const data = encodeValue(args);
    if (data.length > this.#limits.maxIncomingBytes) throw incomingTooLong(this.#limits.maxIncomingBytes);
    return { data, size: data.length };
  }

  async call(call: DriverCall): Promise<unknown> {
    checkIdempotencyKey(call.idempotencyKey);
    const directory = await this.#leave(call.signal);
    const { maxOutgoingBytes } = this.#limits;
    return new Promise((resolve, reject) => {
      const stream = new LocalStream(maxOutgoingBytes, resolve);
      const invocation = {
        name: call.action,
        args: listOf(copyOf(call.args)),
        idempotencyKey: call.idempotencyKey,
        signal: call.signal,
        params: copy(call.params),
        stream,
      };
      directory.dispatch(call.target, invocation, (error, result) => {
        if (stream.hasBegun) stream.end(error);
        else if (result === undefined) reject(received(error));
        else if (result.length > maxOutgoingBytes) reject(outgoingTooLong(maxOutgoingBytes));
        else resolve(decodeValue(result, { maxDepth: trustedDepth }));
      });
    });
  }

  prepareSend(content: SendContent): PreparedFrame {
    return prepareLocalSend(content);
  }

  async send(send: DriverSend): Promise<DriverSendReply> {
    checkIdempotencyKey(send.idempotencyKey);
    const copied = { ...send, params: copy(send.params) };
    return sendLocally(copied, this.#caller, (signal) => this.#leave(signal)).catch(throwReceived);
  }

  async resolve(target: ActorTarget, signal: AbortSignal | undefined): Promise<string> {
    const directory = await this.#leave(signal);
    const { id } = await directory
      .resolve(target.type === "getOrCreate" ? { ...target, input: copyInput(target.input) } : target)
      .catch(throwReceived);
    return id;
  }

  async create(request: DriverCreate): Promise<string> {
    const input = copyInput(request.input);
    const directory = await this.#leave(request.signal);
    const { name, key, idempotencyKey, place } = request;
    return directory.create(name, key, input, idempotencyKey, place).catch(throwReceived);
  }

  prepare(frame: ClientFrame): PreparedFrame {
    const prepared = prepareClientFrame("cbor", frame);
    if (prepared.size > this.#limits.maxIncomingBytes) throw incomingTooLong(this.#limits.maxIncomingBytes);
    return prepared;
  }

  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    events: readonly string[] = [],
  ): LocalConnection {
    const copied = copy(params);
    const gate = async (): Promise<void> => this.#caller?.gate();
    return new LocalConnection(this.#ports, listener, gate, async (output) => {
      await gate();
      const directory = await this.#directory();
      const { maxOutgoingBytes } = this.#limits;
      return new Session({
        directory,
        target,
        params: copied,
        request: undefined,
        output,
        maxOutgoingBytes,
        resume,
        events,
      });
    });
  }

  async fetch(request: DriverFetch): Promise<Response> {
    const { path, init, target, signal } = request;
    const directory = await this.#leave(signal);
    const own = signal === undefined ? init : { ...init, signal };
    return fetchLocally(path, own, {
      base: `${directory.publicUrl ?? localUrl("")}${actorPath(target, true)}/request`,
      ask: (where, asked) => this.#ask(directory, where, asked, request),
      elsewhere: (url, asked) => directory.fetch(url, asked),
    });
  }

  async #ask(directory: Directory, path: string, init: RequestInit, request: DriverFetch): Promise<Response> {
    const { origin, target, signal } = request;
    const body = init.method === "GET" || init.method === "HEAD" ? null : (init.body ?? null);
    const duplex = body instanceof ReadableStream ? { duplex: "half" as const } : {};
    try {
      const asked = new Request(`${origin ?? localUrl("")}${path}`, { ...init, body, ...duplex });
      const response = await directory.request(target, {
        request: asked,
        params: copy(request.params),
        signal,
        skipReadyWait: request.skipReadyWait,
      });
      return asked.method === "HEAD" ? headOf(response) : readAhead(response);
    } catch (error) {
      signal?.throwIfAborted();
      return problemResponse(error, this.#ports);
    }
  }

  webSocket(request: DriverWebSocket): BufferedWebSocket {
    const { target, path, protocols } = request;
    const params = copy(request.params);
    const gate = async (): Promise<void> => this.#caller?.gate();
    const url = localUrl(`${socketPrefix}${path}`);
    return openLocalSocket(this.#ports, url.replace("http", "ws"), gate, async (transport) => {
      await gate();
      const directory = await this.#directory();
      const upgrade = new Request(url);
      const protocol = protocols[0] ?? "";
      const session = new RawSession(directory, target, unbuffered(transport));
      await session.open({ request: upgrade, params, protocol, transport });
      return { host: session, protocol };
    });
  }

  async gatewayUrl(target: ActorTarget): Promise<string> {
    const { publicUrl } = await this.#directory();
    if (publicUrl !== undefined) return `${publicUrl}${actorPath(target, true)}`;
    const message = "No server listens for this actor: call registry.start() or listen() first";
    throw new HoldfastError("gateway", "not_listening", message);
  }

  async reload(target: ActorTarget, signal: AbortSignal | undefined): Promise<void> {
    const directory = await this.#leave(signal);
    await directory.reload(target).catch(throwReceived);
  }

  async manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown> {
    const directory = await this.#leave(signal);
    return new ActorManager(directory).manage(request);
  }

  async dispose(): Promise<void> {
    this.#caller?.disposed();
  }

  /** Requests of an actor leave after the commit that they depend on. */
  async #leave(signal: AbortSignal | undefined): Promise<Directory> {
    await this.#caller?.gate();
    signal?.throwIfAborted();
    const directory = await this.#directory();
    // Nobody serves the other actor before the next start: repeating the call would only keep this one from stopping.
    const isLast = directory.cluster === undefined && directory.isClosing;
    if (isLast && this.#caller?.abortSignal.aborted === true) throw endsWithServer();
    return directory;
  }
}

function endsWithServer(): HoldfastError {
  const message = "The server is shutting down, and this actor with it. The call has not run";
  return new HoldfastError("action", "interrupted", message);
}

/** The driver itself on a single node; otherwise one that also reaches the actors of other nodes. */
function clusterDriver({ cluster }: Directory, local: ClientDriver, caller: ActorCaller): ClientDriver {
  if (cluster === undefined) return local;
  let remote: ClientDriver | undefined;
  return new ClusterDriver({
    ...{ placement: cluster, local, caller },
    remote: () => {
      remote ??= cluster.remoteDriver(() => caller.gate());
      return remote;
    },
  });
}

/** For `c.client()`: errors that no code of the actor receives are logged by the host. */
export function clientOfActor(directory: Directory, caller: ActorCaller): Client {
  const { ports, messageLimits } = directory;
  const local = new LocalDriver(async () => directory, ports, messageLimits, caller);
  const { namespaces } = directory;
  const reaching = clusterDriver(directory, local, caller);
  const namespace = namespaces.of(caller.name);
  const driver = namespaces.areMany
    ? new RenamingDriver(reaching, (name) => namespaces.within(namespace, name))
    : reaching;
  const reportError = (error: unknown): void =>
    ports.log.error("connection callback failed", { actorId: caller.actorId, error });
  const reportSendFailure = (error: unknown): void => {
    // The message is stored, and is sent after the next start.
    if (isErrorCode(error, "queue", "delivery_pending")) return;
    ports.log.error("unawaited send failed", { actorId: caller.actorId, error });
  };
  return createClientWithDriver(driver, { ...ports, reportError, reportSendFailure });
}

/** A response to HEAD has no body on a network, either; its producer is cancelled. */
async function headOf(response: Response): Promise<Response> {
  await response.body?.cancel();
  const { status, statusText, headers } = response;
  return new Response(null, { status, statusText, headers });
}

/** The original error stays with the actor, with its stack and cause: the caller gets what a network would carry. */
function received(error: unknown): unknown {
  return isHoldfastError(error) ? fromWireError(toWireError(error)) : error;
}

function throwReceived(error: unknown): never {
  throw received(error);
}

/** Within a process, nothing is in transit that could be delayed. */
function unbuffered(transport: RawTransport): RawWire {
  const close = (code: number, reason: string): void => transport.close(code, reason);
  return { pause: () => undefined, resume: () => undefined, close };
}

/** Concatenated as text: resolved against a base, `//host/` would be another host. */
function localUrl(path: string): string {
  return `http://actor${path}`;
}

function copyOf(prepared: PreparedFrame): unknown {
  if (typeof prepared.data === "string") throw new TypeError("a local call is always CBOR");
  // CBOR overhead: the array of the arguments.
  return decodeValue(prepared.data, { maxDepth: limits.maxDepth + 1 });
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : decodeValue(encodeValue(value), { maxDepth: trustedDepth });
}

function copyInput(value: unknown): unknown {
  if (value === undefined) return undefined;
  const bytes = encodeValue(value);
  if (bytes.length > limits.maxInputBytes) {
    const message = `An actor's input is longer than ${limits.maxInputBytes} bytes`;
    throw new HoldfastError("message", "incoming_too_long", message);
  }
  return decodeValue(bytes, { maxDepth: trustedDepth });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function incomingTooLong(maxBytes: number): HoldfastError {
  const message = `The message is longer than ${maxBytes} bytes`;
  return new HoldfastError("message", "incoming_too_long", message);
}
