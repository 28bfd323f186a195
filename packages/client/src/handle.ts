import { type ActorKey, isErrorCode, uuidv7 } from "@holdfast/core";
import { Connection } from "./connection.ts";
import type { ActorTarget, ClientDriver } from "./driver.ts";
import { actionProxy } from "./internal/action-proxy.ts";
import type { ClientPorts } from "./internal/ports.ts";
import { withRetry } from "./retry.ts";
import type { ActionOptions, ActorConn, ActorHandle, AnyActorDefinition, HandleOptions } from "./types.ts";

/** What the handles of one client share. */
export interface ClientContext {
  readonly driver: ClientDriver;
  readonly ports: ClientPorts;
  /** Aborts with `client.disposed`. */
  readonly disposed: AbortSignal;
  readonly connections: Set<Connection>;
}

/** How often a get-or-create handle makes its actor again when it was destroyed under its hands. */
const maxRecreations = 3;

/** One actor as a client addresses it. Stateless but for the memory that its input was delivered. */
export class Handle {
  readonly #context: ClientContext;
  readonly #target: ActorTarget;
  readonly #options: HandleOptions;
  #made: Promise<string> | undefined;

  constructor(context: ClientContext, target: ActorTarget, options: HandleOptions) {
    this.#context = context;
    this.#target = target;
    this.#options = options;
  }

  async action(options: ActionOptions): Promise<unknown> {
    const { driver, ports } = this.#context;
    const signal = this.#signal(options.signal);
    const idempotencyKey = options.idempotencyKey ?? uuidv7(ports.clock, ports.random);
    const args = driver.prepareArgs(options.args ?? []);
    const call = async (): Promise<unknown> =>
      driver.call({
        target: this.#carriesInput ? await this.#reach(signal) : this.#target,
        action: options.name,
        args,
        params: this.#options.params,
        idempotencyKey,
        signal,
      });
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
      driver,
      ports,
      signal,
      target: () => this.#reach(signal),
      params: () => params ?? (this.#options.getParams ?? (() => this.#options.params))(),
      onDispose: () => connections.delete(connection),
      onFatal: (error) => this.#forget(error),
    });
    connections.add(connection);
    return connection;
  }

  resolve(): Promise<string> {
    const signal = this.#signal(undefined);
    return withRetry(() => this.#context.driver.resolve(this.#target, signal), signal, this.#context.ports);
  }

  get #carriesInput(): boolean {
    return this.#target.type === "getOrCreate" && this.#target.input !== undefined;
  }

  /**
   * The target of a request. Input is delivered once, by a request of its own, so that calls do not
   * carry it: after that the actor is addressed as one that exists.
   */
  async #reach(signal: AbortSignal | undefined): Promise<ActorTarget> {
    const target = this.#target;
    if (target.type !== "getOrCreate" || target.input === undefined) return target;
    this.#made ??= this.#context.driver.resolve(target, signal);
    try {
      await this.#made;
    } catch (error) {
      this.#made = undefined;
      throw error;
    }
    return { type: "get", name: target.name, key: target.key };
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

/** The handle as its user sees it: base methods, and a method for each action. */
export function publicHandle<D extends AnyActorDefinition>(handle: Handle): ActorHandle<D> {
  const base = {
    action: (options: ActionOptions) => handle.action(options),
    connect: (params?: unknown) => publicConnection(handle.connect(params)),
    resolve: () => handle.resolve(),
  };
  return actionProxy<ActorHandle<D>>(base, (name, args) => handle.action({ name, args }));
}

function publicConnection<D extends AnyActorDefinition>(connection: Connection): ActorConn<D> {
  return actionProxy<ActorConn<D>>(connection, (name, args) => connection.action({ name, args }));
}
