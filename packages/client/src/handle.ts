import { type ActorKey, isErrorCode, uuidv7 } from "@holdfast/core";
import { Connection } from "./connection/connection.ts";
import type { ActorTarget, ClientDriver } from "./driver.ts";
import { abortable } from "./internal/abortable.ts";
import { normalizeActionOptions } from "./internal/action-options.ts";
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

/** State shared by the handles of one client. */
export interface ClientContext {
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Aborts with `client.disposed`. */
  readonly disposed: AbortSignal;
  readonly connections: Set<Connection>;
}

/** Retries of a raw request. */
const maxFetchRetries = 8;

/** Errors of a raw request that prove that the actor did not run it. */
const notExecutedErrors: ReadonlySet<string> = new Set([
  "actor.stopping",
  "actor.starting",
  "gateway.shutting_down",
]);

/** How often a get-or-create handle creates its actor again when it was destroyed during a call. */
const maxRecreations = 3;

/** Client's address of one actor. Its only state is whether the actor's input was delivered. */
export class Handle {
  readonly #context: ClientContext;
  readonly #target: ActorTarget;
  readonly #options: HandleOptions;
  #creation: Promise<string> | undefined;
  #sender: QueueSender | undefined;

  constructor(context: ClientContext, target: ActorTarget, options: HandleOptions) {
    this.#context = context;
    this.#target = target;
    this.#options = options;
  }

  async action(input: ActionOptions): Promise<unknown> {
    const options = normalizeActionOptions(input);
    const { driver, ports } = this.#context;
    const signal = this.#signal(options.signal);
    const idempotencyKey = options.idempotencyKey ?? uuidv7(ports.clock, ports.random);
    const args = driver.prepareArgs(options.args);
    const call = async (): Promise<unknown> =>
      driver.call({
        target: this.#carriesInput ? await this.#resolveTarget(signal) : this.#target,
        action: options.name,
        args,
        params: this.#options.params,
        idempotencyKey,
        signal,
      });
    // Not retried: a repeated destroy could destroy a new actor that reuses the key.
    if (options.name === "destroy") return call();
    for (let recreations = 0; ; recreations++) {
      try {
        return await withRetry(call, signal, ports);
      } catch (error) {
        if (!this.#invalidateTarget(error) || recreations >= maxRecreations) throw error;
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
      target: (connParams) => this.#resolveTarget(signal, connParams),
      params: () => params ?? (this.#options.getParams ?? (() => this.#options.params))(),
      onDispose: () => connections.delete(connection),
      invalidateTarget: (error) => this.#invalidateTarget(error),
    });
    connections.add(connection);
    return connection;
  }

  resolve(): Promise<string> {
    const signal = this.#signal(undefined);
    const { driver, ports } = this.#context;
    return withRetry(() => driver.resolve(this.#target, signal, this.#options.params), signal, ports);
  }

  /** Sends a request to `onRequest`. Retries only when the actor did not run the request. */
  async fetch(input: string | URL | Request, init: RequestInit & SkipReadyWait = {}): Promise<Response> {
    const { driver, ports } = this.#context;
    const raw = readRawInput(input, init);
    const signal = this.#signal(raw.init.signal ?? undefined);
    const attempt = async (): Promise<Response> =>
      driver.fetch({
        ...raw,
        target: await this.#resolveTarget(signal),
        params: this.#options.params,
        signal,
      });
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      const response = await attempt();
      if (tries >= maxFetchRetries || !raw.repeatable) return response;
      const error = response.headers.get(header.error);
      const wasDestroyed = error === "actor.not_found" && this.#creation !== undefined;
      if (!wasDestroyed && (error === null || !notExecutedErrors.has(error))) return response;
      this.#creation = wasDestroyed ? undefined : this.#creation;
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
    const connParams = getParams == null ? params : await getParams();
    const target = await this.#resolveTarget(signal, connParams);
    // A socket that opens after the client was disposed would never be closed.
    signal.throwIfAborted();
    const socket = await this.#context.driver.webSocket({
      target,
      path: rawPath(path),
      protocols: typeof protocols === "string" ? [protocols] : protocols,
      params: connParams,
      skipReadyWait: options.skipReadyWait,
    });
    const close = (): void => socket.close();
    if (signal.aborted) close();
    signal.throwIfAborted();
    signal.addEventListener("abort", close, { once: true });
    void socket.closed.then(() => signal.removeEventListener("abort", close));
    // The caller may send immediately. Its listeners still receive the open, error and close events.
    await socket.settled;
    return socket;
  }

  async getGatewayUrl(): Promise<string> {
    return this.#context.driver.gatewayUrl(await this.#resolveTarget(this.#signal(undefined)));
  }

  /** Sender of this handle: its messages enter their queues in call order. */
  get sender(): QueueSender {
    this.#sender ??= this.senderWith(undefined);
    return this.#sender;
  }

  /** Creates a sender with the parameters of a connection. */
  senderWith(params: unknown): QueueSender {
    const { driver, ports } = this.#context;
    return new QueueSender({
      driver,
      ports,
      target: (signal) => (this.#carriesInput ? this.#resolveTarget(signal, params) : this.#target),
      params: () => params ?? this.#options.params,
      signal: (signal) => this.#signal(signal),
      invalidateTarget: (error) => this.#invalidateTarget(error),
    });
  }

  async reload(): Promise<void> {
    const signal = this.#signal(undefined);
    signal.throwIfAborted();
    await this.#context.driver.reload(this.#target, signal, this.#options.params);
  }

  get #carriesInput(): boolean {
    return this.#target.type === "getOrCreate" && hasWishes(this.#target);
  }

  /**
   * Target of a request. Input and place are delivered once, in a request of its own; after that the actor is addressed as an
   * existing one. Aborting `signal` stops this wait only, not that of other callers. `params` replace those of the
   * handle.
   */
  async #resolveTarget(signal: AbortSignal | undefined, params?: unknown): Promise<ActorTarget> {
    signal?.throwIfAborted();
    const target = this.#target;
    if (target.type !== "getOrCreate" || !hasWishes(target)) return target;
    await abortable(this.#ensureCreated(target, params ?? this.#options.params), signal);
    return { type: "get", name: target.name, key: target.key };
  }

  #ensureCreated(target: ActorTarget, params: unknown): Promise<string> {
    if (this.#creation !== undefined) return this.#creation;
    const creation = this.#context.driver.resolve(target, this.#signal(undefined), params);
    this.#creation = creation;
    creation.catch(() => {
      if (this.#creation === creation) this.#creation = undefined;
    });
    return creation;
  }

  /** Forgets the created actor. True when it was destroyed, so that it can be created again. */
  #invalidateTarget(error: unknown): boolean {
    if (this.#creation === undefined || !isErrorCode(error, "actor", "not_found")) return false;
    this.#creation = undefined;
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
  place?: string,
): ActorTarget {
  if (type === "get") return { type, name, key };
  return {
    ...{ type, name, key },
    ...(input === undefined ? {} : { input }),
    ...(place === undefined ? {} : { place }),
  };
}

/** True if an actor that is created for this target differs from others: it takes a request of its own. */
function hasWishes({ input, place }: Extract<ActorTarget, { type: "getOrCreate" }>): boolean {
  return input !== undefined || place !== undefined;
}

/**
 * Members of every handle besides its actions. A class, so that `instanceof` recognizes handles. Null counts as
 * undefined, for untyped callers.
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

/** Public handle: its base methods, and one method for each action. */
export function publicHandle<D extends AnyActorDefinition>(handle: Handle): ActorHandle<D> {
  const members = new HandleMembers(handle);
  return actionProxy<ActorHandle<D>>(members, (name, args) => handle.action({ name, args }));
}

function publicConnection<D extends AnyActorDefinition>(connection: Connection): ActorConn<D> {
  return actionProxy<ActorConn<D>>(connection, (name, args) => connection.action({ name, args }));
}
