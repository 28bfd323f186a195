import { HoldfastError, isErrorCode, type Logger } from "@holdfast/core";
import type { CredentialStore } from "../credential-file.ts";
import type { Grant, GrantStore } from "../grants.ts";
import { damaged } from "../sealing.ts";
import type { ClusterKeys } from "./cluster-keys.ts";
import { OpenedEntries, type SealedEntries } from "./sealed-entries.ts";

/** Name of the entry by which a node finds out whether it has the cluster's key. */
const checkName = "cluster key";
const checkText = "This node has the key of the cluster";

/** The part of a vault that nodes share: credentials and grants, sealed with the cluster key. */
export class SealedVault {
  readonly credentials: CredentialStore;
  readonly grants: GrantStore;
  /** Public keys of the audit chains by the chain's name. Sealed, so that the store alone cannot replace one. */
  readonly auditKeys: OpenedEntries;
  readonly #entries: SealedEntries;
  readonly #keys: ClusterKeys;

  constructor(entries: SealedEntries, keys: ClusterKeys) {
    this.#entries = entries;
    this.#keys = keys;
    this.credentials = new SealedCredentials(new OpenedEntries(entries, keys, "value"));
    this.grants = new SealedGrants(new OpenedEntries(entries, keys, "grant"));
    this.auditKeys = new OpenedEntries(entries, keys, "auditKey");
  }

  /**
   * Proves that this node has the key of the cluster, or makes its first key that of a new one. Then seals what an older
   * key has sealed with the first one. Throws `vault.wrong_cluster_key`.
   */
  async join(log: Logger): Promise<void> {
    await this.#prove();
    const { entries } = (await this.#entries.list("")) ?? { entries: new Map() };
    const unknown = new Set<string>();
    for (const [name, entry] of entries) {
      if (!this.#keys.opens(entry)) unknown.add(entry.key);
      else if (!this.#keys.isCurrent(entry))
        await this.#entries.put(name, this.#keys.seal(name, this.#keys.open(name, entry)), entry.iv);
    }
    if (unknown.size > 0)
      log.error(
        "secrets of the cluster are sealed with a key that this node does not have: give it new,old",
        {
          unknown: [...unknown],
          keys: this.#keys.ids,
        },
      );
  }

  async #prove(): Promise<void> {
    const check = new OpenedEntries(this.#entries, this.#keys, "check");
    // One of the nodes that start at the same time succeeds, and the others find its entry.
    await check.set(checkName, checkText, true);
    await check.get(checkName).catch((error: unknown) => {
      throw isErrorCode(error, "vault", "unknown_cluster_key") ? this.#wrongKey(error) : error;
    });
  }

  #wrongKey(cause: unknown): HoldfastError {
    return new HoldfastError(
      "vault",
      "wrong_cluster_key",
      "This node has another cluster key than the other nodes, and cannot read their secrets. Give it the same " +
        `HOLDFAST_CLUSTER_KEY. The ids of its keys: ${this.#keys.ids.join(", ")}`,
      { statusCode: 500, cause },
    );
  }
}

class SealedCredentials implements CredentialStore {
  readonly #values: OpenedEntries;

  constructor(values: OpenedEntries) {
    this.#values = values;
  }

  get(name: string): Promise<string | undefined> {
    return this.#values.get(name);
  }

  names(): Promise<readonly string[]> {
    return this.#values.names();
  }

  async set(name: string, value: string): Promise<void> {
    await this.#values.set(name, value);
  }

  delete(name: string): Promise<boolean> {
    return this.#values.delete(name);
  }
}

/** Grants, each an entry: whoever can write the store, but has no cluster key, can add none. */
class SealedGrants implements GrantStore {
  readonly #values: OpenedEntries;

  constructor(values: OpenedEntries) {
    this.#values = values;
  }

  async all(): Promise<readonly Grant[]> {
    return [...(await this.#values.all())].map(([id, text]) => {
      const grant = JSON.parse(text) as Grant;
      if (grant.id !== id) throw damaged(`the grant ${id} has another id`);
      return grant;
    });
  }

  async add(grant: Grant, check: (count: number) => void): Promise<void> {
    check((await this.#values.names()).length);
    await this.#values.set(grant.id, JSON.stringify(grant));
  }

  remove(id: string): Promise<boolean> {
    return this.#values.delete(id);
  }
}
