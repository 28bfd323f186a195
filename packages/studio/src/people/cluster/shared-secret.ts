import type { ClusterKeys, SealedEntry } from "@holdfast/gate";
import type { PeopleSecret } from "../../backend/access.ts";
import { newSecret } from "../hash.ts";

/** The durable part: the `access` actor. It never sees the cluster's key. */
export interface SecretBackend {
  /** What is stored; `offered` becomes it if there is nothing yet. */
  read(offered: SealedEntry): Promise<PeopleSecret>;
  /** Replaces the entry with this `iv`, or with null the one that is not sealed. Returns false if it is another one. */
  replace(iv: string | null, next: SealedEntry): Promise<boolean>;
}

const entryName = "people-secret";

/**
 * The secret that signs the cookies of people's sessions, the same on all nodes: whoever reads the database cannot make
 * cookies, because only the cluster's key opens it. It stays when the key is changed, and so do the sessions. Throws
 * `vault.unknown_cluster_key`, `vault.damaged`.
 */
export async function sharedSecret(backend: SecretBackend, keys: ClusterKeys): Promise<string> {
  const stored = await backend.read(keys.seal(entryName, newSecret()));
  if (typeof stored === "string") {
    // From the time before the installation had several nodes.
    await backend.replace(null, keys.seal(entryName, stored));
    return stored;
  }
  const secret = keys.open(entryName, stored);
  if (!keys.isCurrent(stored)) await backend.replace(stored.iv, keys.seal(entryName, secret));
  return secret;
}
