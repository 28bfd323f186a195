import {
  type ActorKeyInput,
  defaultNamespace,
  HoldfastError,
  limits,
  normalizeKey,
  qualifiedName,
  uuidv7,
} from "@holdfast/core";
import { type ClientConfig, readConfig, readEndpoint } from "./config.ts";
import type { Connection } from "./connection/connection.ts";
import type { ClientDriver } from "./driver.ts";
import { type ClientContext, Handle, idTarget, keyTarget, publicHandle } from "./handle.ts";
import { type ClientPorts, clientPorts } from "./internal/ports.ts";
import {
  type ActorFilter,
  checkFilter,
  type DestroyManyOptions,
  type ListActorsOptions,
  type ManageRequest,
} from "./management.ts";
import { createNetworkDriver } from "./network/network.ts";
import { RenamingDriver } from "./renaming-driver.ts";
import { withRetry } from "./retry.ts";
import type {
  ActorHandle,
  AnyActorDefinition,
  AnyRegistry,
  Client,
  ClientBase,
  CreateOptions,
  GetOrCreateOptions,
  HandleOptions,
  UntypedRegistry,
} from "./types.ts";

/**
 * Creates a client of the registry at `endpoint` ("http://127.0.0.1:6420" by default, or HOLDFAST_ENDPOINT). Sends
 * nothing before the first call. Throws `client.invalid_config`, `client.invalid_endpoint`.
 */
export function createClient<R extends AnyRegistry = UntypedRegistry>(
  config?: string | ClientConfig,
): Client<R> {
  const settings = readConfig(config);
  const { namespace = defaultNamespace } = readEndpoint(settings);
  const driver = createNetworkDriver(settings);
  const { poolName } = settings;
  if (namespace === defaultNamespace) return createClientWithDriver<R>(driver, clientPorts, poolName);
  const named = new RenamingDriver(driver, (name) => qualifiedName(namespace, name));
  return createClientWithDriver<R>(named, clientPorts, poolName);
}

/** Creates a client on another driver, such as the one that reaches actors in the same process. */
export function createClientWithDriver<R extends AnyRegistry = UntypedRegistry>(
  driver: ClientDriver,
  ports: ClientPorts = clientPorts,
  poolName?: string,
): Client<R> {
  const client = new RawClient(driver, ports, poolName);
  const accessors = new Map<string, unknown>();
  const proxy = new Proxy(client, {
    get(target, property) {
      if (typeof property === "symbol" || property in target) {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" && property !== "constructor" ? value.bind(target) : value;
      }
      // `await client` looks for a `then` method; an accessor here would make the client a promise.
      if (property === "then" || property === "toJSON") return undefined;
      let accessor = accessors.get(property);
      if (accessor === undefined) {
        accessor = client.accessor(property);
        accessors.set(property, accessor);
      }
      return accessor;
    },
  });
  // Only the type `R` lists the actor names; at run time every name has an accessor.
  return proxy as unknown as Client<R>;
}

/** Default for options that are undefined or, from untyped callers, null. */
const noOptions: HandleOptions = {};
const noCreateOptions: CreateOptions = {};
const noCreateWishes: GetOrCreateOptions = {};

class RawClient implements ClientBase {
  readonly #context: ClientContext;
  readonly #disposal = new AbortController();
  /** The pool of the actors that this client creates. */
  readonly #poolName: string | undefined;

  constructor(driver: ClientDriver, ports: ClientPorts, poolName: string | undefined) {
    this.#poolName = poolName;
    this.#context = { driver, ports, disposed: this.#disposal.signal, connections: new Set<Connection>() };
  }

  get<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: HandleOptions,
  ): ActorHandle<D> {
    return this.#byKey("get", name, key, options ?? noOptions);
  }

  getOrCreate<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: GetOrCreateOptions,
  ): ActorHandle<D> {
    const { createWithInput, createInRegion, poolName = this.#poolName } = options ?? noCreateWishes;
    const place = placeQuery(createInRegion, poolName);
    return this.#byKey("getOrCreate", name, key, options ?? noOptions, createWithInput, place);
  }

  getForId<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    id: string,
    options?: HandleOptions,
  ): ActorHandle<D> {
    return this.#handle(idTarget(checkName(name), id), options ?? noOptions);
  }

  async create<D extends AnyActorDefinition = AnyActorDefinition>(
    name: string,
    key?: ActorKeyInput,
    options?: CreateOptions,
  ): Promise<ActorHandle<D>> {
    const { driver, ports, disposed } = this.#context;
    const { signal: own, input, params, region, poolName = this.#poolName } = options ?? noCreateOptions;
    const signal = own == null ? disposed : AbortSignal.any([disposed, own]);
    const request = {
      name: checkName(name),
      key: normalizeKey(key),
      input,
      place: placeQuery(region, poolName),
      params,
      idempotencyKey: uuidv7(ports.clock, ports.random),
      signal,
    };
    await withRetry(() => driver.create(request), signal, ports);
    return this.#handle(keyTarget("get", name, request.key), options ?? noOptions);
  }

  async dispose(): Promise<void> {
    if (this.#disposal.signal.aborted) return;
    this.#disposal.abort(new HoldfastError("client", "disposed", "The client was disposed"));
    await Promise.all([...this.#context.connections].map((connection) => connection.dispose()));
    await this.#context.driver.dispose();
  }

  /** Value of `client.<name>`. */
  accessor(name: string): unknown {
    return {
      get: (key?: ActorKeyInput, options?: HandleOptions) => this.get(name, key, options),
      getOrCreate: (key?: ActorKeyInput, options?: GetOrCreateOptions) =>
        this.getOrCreate(name, key, options),
      getForId: (id: string, options?: HandleOptions) => this.getForId(name, id, options),
      create: (key?: ActorKeyInput, options?: CreateOptions) => this.create(name, key, options),
      list: (options?: ListActorsOptions) => this.#manage({ type: "list", name, options: options ?? {} }),
      count: (options?: ActorFilter) => this.#manage({ type: "count", name, options: options ?? {} }),
      destroy: (key?: ActorKeyInput) => this.#manage({ type: "destroy", name, key: normalizeKey(key) }),
      destroyMany: (options?: DestroyManyOptions) =>
        this.#manage({ type: "destroyMany", name, options: options ?? {} }),
    };
  }

  /** Retries reads only: a repeated destroy could destroy a new actor that reuses the key. */
  async #manage(request: ManageRequest): Promise<unknown> {
    const { driver, ports, disposed } = this.#context;
    checkName(request.name);
    if (request.type !== "destroy") checkFilter(request.options);
    const ask = (): Promise<unknown> => driver.manage(request, disposed);
    disposed.throwIfAborted();
    return request.type === "list" || request.type === "count" ? withRetry(ask, disposed, ports) : ask();
  }

  /** An invalid key does not throw here. Every use of the handle rejects with the error instead. */
  #byKey<D extends AnyActorDefinition>(
    type: "get" | "getOrCreate",
    name: string,
    key: ActorKeyInput | undefined,
    options: HandleOptions,
    input?: unknown,
    place?: string,
  ): ActorHandle<D> {
    checkName(name);
    try {
      return this.#handle(keyTarget(type, name, normalizeKey(key), input, place), options);
    } catch (error) {
      return this.#handle(keyTarget(type, name, []), { ...options, signal: AbortSignal.abort(error) });
    }
  }

  #handle<D extends AnyActorDefinition>(
    target: ConstructorParameters<typeof Handle>[1],
    options: HandleOptions,
  ): ActorHandle<D> {
    return publicHandle<D>(new Handle(this.#context, target, options));
  }
}

/** The place of a new actor; undefined if it may run everywhere. */
function placeQuery(region: string | undefined, pool: string | undefined): string | undefined {
  const query = new URLSearchParams();
  if (region != null && region !== "") query.set("region", region);
  if (pool != null && pool !== "" && pool !== defaultPool) query.set("pool", pool);
  const text = query.toString();
  return text === "" ? undefined : text;
}

/** The pool of programs that name none. */
const defaultPool = "default";

function checkName(name: string): string {
  const isDots = name === "." || name === "..";
  if (name.length > 0 && name.length <= limits.maxActorNameLength && !isDots) return name;
  const message = `An actor name must have 1 to ${limits.maxActorNameLength} characters and cannot be "." or ".."`;
  throw new HoldfastError("actor", "invalid_name", message);
}
