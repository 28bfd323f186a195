import { type ActorKey, isErrorCode, uuidv7 } from "@holdfast/core";
import { Connection } from "./connection.ts";
import type { ActorTarget, ClientDriver } from "./driver.ts";
import { abortable } from "./internal/abortable.ts";
import { readActionOptions } from "./internal/action-options.ts";
import { actionProxy } from "./internal/action-proxy.ts";
import { backoffDelayMs, delay } from "./internal/backoff.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { clientLimits } from "./limits.ts";
import { rawPath } from "./network/address.ts";
import { header } from "./network/wire.ts";
import type { QueueSendOptions, QueueWaitOptions } from "./queue.ts";
import { QueueSender } from "./queue-send.ts";
import { readRawInput } from "./raw/raw-input.ts";
import type { BufferedWebSocket } from "./raw/raw-socket.ts";
import { withRetry } from "./retry.ts";
import type {
  ActionOptions,
  ActorConn,
  ActorHandle,
  AnyActorDefinition,
  HandleOptions,
  SkipReadyWait,
} from "./types.ts";

/** What the handles of one client share. */
export interface ClientContext {
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Aborts with `client.disposed`. */
  readonly disposed: AbortSignal;
  readonly connections: Set<Connection>;
}

/** Attempts after the first one of a raw request. */
const maxFetchRetries = 8;

/** Errors of a raw request after which nothing of it has run. */
const nothingRan: ReadonlySet<string> = new Set([
  "actor.stopping",
  "actor.starting",
  "gateway.shutting_down",
]);

/** How often a get-or-create handle makes its actor again when it was destroyed under its hands. */
const maxRecreations = 3;

/** One actor as a client addresses it. Stateless but for the memory that its input was delivered. */
export class Handle {
  readonly #context: ClientContext;
  readonly #target: ActorTarget;
  readonly #options: HandleOptions;
  #made: Promise<string> | undefined;
  #sender: QueueSender | undefined;

  constructor(context: ClientContext, target: ActorTarget, options: HandleOptions) {
    this.#context = context;
    this.#target = target;
    this.#options = options;
  }

  async action(given: ActionOptions): Promise<unknown> {
    const options = readActionOptions(given);
    const { driver, ports } = this.#context;
    const signal = this.#signal(options.signal);
    const idempotencyKey = options.idempotencyKey ?? uuidv7(ports.clock, ports.random);
    const args = driver.prepareArgs(options.args);
    const call = async (): Promise<unknown> =>
      driver.call({
        target: this.#carriesInput ? await this.#reach(signal) : this.#target,
        action: options.name,
        args,
        params: this.#options.params,
        idempotencyKey,
        signal,
      });
    // A repeated destruction could meet the next life of the key.
    if (options.name === "destroy") return call();
    for (let recreations = 0; ; recreations++) {
      try {
        return await withRetry(call, signal, ports);
      } catch (error) {
        if (!this.#forget(error) || recreations >= maxRecreations) throw error;
      }
    }
  }

  connect(params?: unknown): Connection {
    const { driver, ports, connections, disposed } = this.#context;
    const signal = this.#signal(undefined);
    disposed.throwIfAborted();
    const connection = new Connection({
      sender: this.senderWith(params),
      driver,
      ports,
      signal,
      target: (connParams) => this.#reach(signal, connParams),
      params: () => params ?? (this.#options.getParams ?? (() => this.#options.params))(),
      onDispose: () => connections.delete(connection),
      onFatal: (error) => this.#forget(error),
    });
    connections.add(connection);
    return connection;
  }

  resolve(): Promise<string> {
    const signal = this.#signal(undefined);
    const { driver, ports } = this.#context;
    return withRetry(() => driver.resolve(this.#target, signal, this.#options.params), signal, ports);
  }

  /** Sends a request to `onRequest`; sent again only where nothing of it has run. */
  async fetch(input: string | URL | Request, init: RequestInit & SkipReadyWait = {}): Promise<Response> {
    const { driver, ports } = this.#context;
    const raw = readRawInput(input, init);
    const signal = this.#signal(raw.init.signal ?? undefined);
    const attempt = async (): Promise<Response> =>
      driver.fetch({ ...raw, target: await this.#reach(signal), params: this.#options.params, signal });
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      const response = await attempt();
      if (tries >= maxFetchRetries || !raw.repeatable) return response;
      const error = response.headers.get(header.error);
      const recreates = error === "actor.not_found" && this.#made !== undefined;
      if (!recreates && (error === null || !nothingRan.has(error))) return response;
      this.#made = recreates ? undefined : this.#made;
      await response.body?.cancel();
      const backoff = { minMs: clientLimits.retryMinMs, maxMs: clientLimits.retryMaxMs };
      await delay(backoffDelayMs(tries, backoff, ports), signal, ports);
    }
  }

  async webSocket(
    path = "/",
    protocols: string | readonly string[] = [],
    options: SkipReadyWait = {},
  ): Promise<BufferedWebSocket> {
    const signal = this.#signal(undefined);
    signal.throwIfAborted();
    const { params, getParams } = this.#options;
    const shown = getParams == null ? params : await getParams();
    const target = await this.#reach(signal, shown);
    // What is opened after its client was disposed of, nobody would close.
    signal.throwIfAborted();
    const socket = this.#context.driver.webSocket({
      target,
      path: rawPath(path),
      protocols: typeof protocols === "string" ? [protocols] : protocols,
      params: shown,
      skipReadyWait: options.skipReadyWait,
    });
    const close = (): void => socket.close();
    signal.addEventListener("abort", close, { once: true });
    void socket.closed.then(() => signal.removeEventListener("abort", close));
    // Its user may send at once; that it opened, or why it did not, is told all the same.
    await socket.settled;
    return socket;
  }

  async getGatewayUrl(): Promise<string> {
    return this.#context.driver.gatewayUrl(await this.#reach(this.#signal(undefined)));
  }

  /** Its messages enter their queues in the order of the calls. */
  get sender(): QueueSender {
    this.#sender ??= this.senderWith(undefined);
    return this.#sender;
  }

  /** A sender with the parameters of a connection. */
  senderWith(params: unknown): QueueSender {
    const { driver, ports } = this.#context;
    return new QueueSender({
      driver,
      ports,
      target: (signal) => (this.#carriesInput ? this.#reach(signal, params) : this.#target),
      params: () => params ?? this.#options.params,
      signal: (signal) => this.#signal(signal),
      remade: (error) => this.#forget(error),
    });
  }

  async reload(): Promise<void> {
    const signal = this.#signal(undefined);
    signal.throwIfAborted();
    await this.#context.driver.reload(this.#target, signal, this.#options.params);
  }

  get #carriesInput(): boolean {
    return this.#target.type === "getOrCreate" && this.#target.input !== undefined;
  }

  /**
   * The target of a request. Input is delivered once, by a request of its own, so that calls do not
   * carry it: after that the actor is addressed as one that exists. Who is cancelled meanwhile stops waiting,
   * and ends nothing for the others who wait for the same. `params` are those of the request that comes next,
   * where they are not the handle's own.
   */
  async #reach(signal: AbortSignal | undefined, params?: unknown): Promise<ActorTarget> {
    signal?.throwIfAborted();
    const target = this.#target;
    if (target.type !== "getOrCreate" || target.input === undefined) return target;
    await abortable(this.#make(target, params ?? this.#options.params), signal);
    return { type: "get", name: target.name, key: target.key };
  }

  #make(target: ActorTarget, params: unknown): Promise<string> {
    if (this.#made !== undefined) return this.#made;
    const made = this.#context.driver.resolve(target, this.#signal(undefined), params);
    this.#made = made;
    made.catch(() => {
      if (this.#made === made) this.#made = undefined;
    });
    return made;
  }

  /** True when the actor that this handle had made is gone, so that it may be made again. */
  #forget(error: unknown): boolean {
    if (this.#made === undefined || !isErrorCode(error, "actor", "not_found")) return false;
    this.#made = undefined;
    return true;
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    const { disposed } = this.#context;
    const own = this.#options.signal;
    if (signal === undefined && own === undefined) return disposed;
    return AbortSignal.any([disposed, ...(signal ? [signal] : []), ...(own ? [own] : [])]);
  }
}

export function idTarget(name: string, id: string): ActorTarget {
  return { type: "id", name, id };
}

export function keyTarget(
  type: "get" | "getOrCreate",
  name: string,
  key: ActorKey,
  input?: unknown,
): ActorTarget {
  if (type === "get") return { type, name, key };
  return { type, name, key, ...(input === undefined ? {} : { input }) };
}

/**
 * What every handle has beside its actions. A class, so that `instanceof` knows a handle. Null stands for what is
 * not given, as in programs that are not typed.
 */
export class HandleMembers {
  readonly #handle: Handle;

  constructor(handle: Handle) {
    this.#handle = handle;
  }

  action(options: ActionOptions): Promise<unknown> {
    return this.#handle.action(options);
  }

  connect(params?: unknown): ActorConn {
    return publicConnection(this.#handle.connect(params));
  }

  send(name: string, body: unknown, options?: QueueSendOptions | QueueWaitOptions): Promise<unknown> {
    return this.#handle.sender.send(name, body, options);
  }

  resolve(): Promise<string> {
    return this.#handle.resolve();
  }

  fetch(input: string | URL | Request, init?: RequestInit & SkipReadyWait): Promise<Response> {
    return this.#handle.fetch(input, init ?? undefined);
  }

  webSocket(path?: string, protocols?: string | string[], options?: SkipReadyWait) {
    return this.#handle.webSocket(path ?? undefined, protocols ?? undefined, options ?? undefined);
  }

  getGatewayUrl(): Promise<string> {
    return this.#handle.getGatewayUrl();
  }

  reload(): Promise<void> {
    return this.#handle.reload();
  }
}

/** The handle as its user sees it: base methods, and a method for each action. */
export function publicHandle<D extends AnyActorDefinition>(handle: Handle): ActorHandle<D> {
  const members = new HandleMembers(handle);
  return actionProxy<ActorHandle<D>>(members, (name, args) => handle.action({ name, args }));
}

function publicConnection<D extends AnyActorDefinition>(connection: Connection): ActorConn<D> {
  return actionProxy<ActorConn<D>>(connection, (name, args) => connection.action({ name, args }));
}
