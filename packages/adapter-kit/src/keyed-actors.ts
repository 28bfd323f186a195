import type { ActorAccessor, ActorHandle, AnyActorDefinition } from "@holdfast/client";
import { type ActorKey, HoldfastError, isErrorCode } from "@holdfast/core";

/** How the user of an adapter provides its actors; for messages. */
export interface ActorSource {
  /** Name of the actor in the registry. */
  readonly name: string;
  /** Function that returns the actors: "langGraphActors". */
  readonly factory: string;
}

const listPage = 1_000;

/** The actors of one name, by key, in this process or on another server. */
export class KeyedActors<D extends AnyActorDefinition> {
  readonly #accessor: ActorAccessor<D>;
  readonly #source: ActorSource;

  /** `accessor` is `client.<name>`. Throws `adapter.invalid_client`. */
  constructor(accessor: ActorAccessor<D>, source: ActorSource) {
    if (typeof accessor?.getOrCreate !== "function") {
      const message = "The client is not one of Holdfast. Pass registry.client or createClient(url)";
      throw new HoldfastError("adapter", "invalid_client", message, { statusCode: 400 });
    }
    this.#accessor = accessor;
    this.#source = source;
  }

  /** Calls the actor with this key, which the call creates. Throws `adapter.actor_missing`. */
  async open<T>(key: ActorKey, call: (handle: ActorHandle<D>) => Promise<T>): Promise<T> {
    return await this.#translate(() => call(this.#accessor.getOrCreate(key)));
  }

  /** Calls the actor with this key; undefined if there is none. Throws `adapter.actor_missing`. */
  async find<T>(key: ActorKey, call: (handle: ActorHandle<D>) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#translate(() => call(this.#accessor.get(key)));
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return undefined;
      throw error;
    }
  }

  /**
   * Keys of the existing actors, in order of their creation. Requires the rights of the server's owner: throws
   * `inspector.unauthorized` otherwise.
   */
  async *keys(prefix: ActorKey = []): AsyncGenerator<ActorKey> {
    let cursor: string | undefined;
    do {
      const options = {
        limit: listPage,
        ...(prefix.length === 0 ? {} : { prefix }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      const page = await this.#translate(() => this.#accessor.list(options));
      for (const { key } of page.actors) yield key;
      ({ cursor } = page);
    } while (cursor !== undefined);
  }

  async #translate<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!isErrorCode(error, "actor", "not_found") || namesActor(error.metadata)) throw error;
      const { name, factory } = this.#source;
      const message = `The server has no actor "${name}". Add it to its registry: setup({ use: { ...${factory}() } })`;
      throw new HoldfastError("adapter", "actor_missing", message, {
        metadata: { name },
        statusCode: 404,
        cause: error,
      });
    }
  }
}

/** A name that is not registered has neither a key nor an id. */
function namesActor(metadata: unknown): boolean {
  return typeof metadata === "object" && metadata !== null && ("key" in metadata || "id" in metadata);
}
