import type { AnyActorDefinition, AnyRegistry, Client, HandleOptions } from "@holdfast/client";
import { type ActorKeyInput, encodeJson, encodeKey, normalizeKey } from "@holdfast/core";
import type { ActorSnapshot, UseActorOptions } from "../types.ts";
import { idleSnapshot, SharedConnection } from "./shared-connection.ts";

/** The connections of one client, by their hash. */
export class Connections<R extends AnyRegistry> {
  readonly #client: Client<R>;
  readonly #byHash = new Map<string, SharedConnection>();

  constructor(client: Client<R>) {
    this.#client = client;
  }

  getOrCreate(hash: string, options: UseActorOptions<string>): SharedConnection {
    let shared = this.#byHash.get(hash);
    if (shared === undefined) {
      const created = new SharedConnection(
        () => this.#handle(options),
        () => {
          if (this.#byHash.get(hash) === created) this.#byHash.delete(hash);
        },
      );
      this.#byHash.set(hash, created);
      shared = created;
    }
    return shared;
  }

  /** The current state of the connection. Rendering alone never opens one, because the render may be discarded. */
  snapshotOf(hash: string): ActorSnapshot<AnyActorDefinition> {
    return this.#byHash.get(hash)?.snapshot ?? idleSnapshot;
  }

  /** Closes the connection immediately if it has no users. */
  closeUnused(hash: string): void {
    this.#byHash.get(hash)?.closeIfUnused();
  }

  #handle(options: UseActorOptions<string>) {
    const { name, key, id, params, getParams, createWithInput, createInRegion, noCreate } = options;
    const handleOptions: HandleOptions = {
      ...(params === undefined ? {} : { params }),
      ...(getParams === undefined ? {} : { getParams }),
    };
    if (id !== undefined) return this.#client.getForId(name, id, handleOptions);
    if (noCreate === true) return this.#client.get(name, key, handleOptions);
    const created = {
      ...(createWithInput === undefined ? {} : { createWithInput }),
      ...(createInRegion === undefined ? {} : { createInRegion }),
    };
    return this.#client.getOrCreate(name, key, { ...handleOptions, ...created });
  }
}

/** Hash that is equal for options with the same actor and connection parameters. */
export function hashOptions(options: UseActorOptions<string>): string {
  const { name, key, id, params, noCreate = false } = options;
  return JSON.stringify([
    name,
    id ?? null,
    id === undefined ? serializeKey(key) : null,
    serializeParams(params),
    noCreate,
  ]);
}

/**
 * Encodes with the codec of the wire, because plain JSON fails for a bigint and encodes every Map alike. The connection reports
 * unsupported values.
 */
function serializeParams(params: unknown): string | null {
  if (params === undefined) return null;
  try {
    return encodeJson(params, { instances: "plain" });
  } catch {
    return "refused";
  }
}

/** Does not throw for an invalid key: it may be undefined during the first renders, and the connection reports it. */
function serializeKey(key: ActorKeyInput): unknown {
  try {
    return encodeKey(normalizeKey(key));
  } catch {
    return { refused: key };
  }
}
