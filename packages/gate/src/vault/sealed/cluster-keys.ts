/** Vault of several nodes: its cluster keys, and its sealed entries in a store that the nodes share. */
import { hkdfSync } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import { openSealed, type Sealed, seal } from "../sealing.ts";

/** A value that is encrypted with a cluster key. */
export interface SealedEntry extends Sealed {
  /** Id of the cluster key. */
  readonly key: string;
}

export const clusterKeyLimits = { keyBytes: 32, maxKeys: 8 } as const;

interface ClusterKey {
  /** Derived from the key, so that nodes compare keys without showing them. */
  readonly id: string;
  readonly sealing: Buffer;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("vault", "invalid_cluster_key", message, { statusCode: 400 });
}

/** The bytes of a key, in hexadecimal or base64; undefined where it is neither, or of another length. */
function decodeKey(text: string): Buffer | undefined {
  const { keyBytes } = clusterKeyLimits;
  if (new RegExp(`^[0-9a-fA-F]{${2 * keyBytes}}$`).test(text)) return Buffer.from(text, "hex");
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length === keyBytes ? bytes : undefined;
}

function derive(bytes: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", bytes, "", `holdfast cluster key 1: ${purpose}`, length));
}

/**
 * The keys with which nodes seal what they share: the first seals, all of them open. A cluster changes its key by giving
 * every node "old,new", then "new,old", then "new".
 */
export class ClusterKeys {
  /** The texts that the keys were given as, for redaction. */
  readonly texts: readonly string[];
  readonly #keys: readonly [ClusterKey, ...ClusterKey[]];

  private constructor(texts: readonly string[], keys: readonly [ClusterKey, ...ClusterKey[]]) {
    this.texts = texts;
    this.#keys = keys;
  }

  /**
   * Parses keys of 32 bytes in hexadecimal or base64, separated by commas or line breaks. The error repeats none of the
   * text. Throws `vault.invalid_cluster_key`.
   */
  static parse(text: string): ClusterKeys {
    const texts = text.split(/[\s,]+/).filter((each) => each !== "");
    const keys = texts.map((each, index): ClusterKey => {
      const bytes = decodeKey(each);
      if (bytes === undefined) {
        const which = texts.length === 1 ? "The cluster key" : `Cluster key ${index + 1}`;
        throw invalid(
          `${which} is not ${clusterKeyLimits.keyBytes} bytes in hexadecimal or base64. Make one with: openssl rand -base64 32`,
        );
      }
      return { id: derive(bytes, "id", 8).toString("hex"), sealing: derive(bytes, "vault", 32) };
    });
    const [first, ...others] = keys;
    if (first === undefined) throw invalid("There is no cluster key. Make one with: openssl rand -base64 32");
    if (keys.length > clusterKeyLimits.maxKeys)
      throw invalid(`There are ${keys.length} cluster keys; ${clusterKeyLimits.maxKeys} are allowed`);
    if (new Set(keys.map(({ id }) => id)).size < keys.length) throw invalid("A cluster key is given twice");
    return new ClusterKeys(texts, [first, ...others]);
  }

  /** Ids of the keys; the first is that of the key that seals. */
  get ids(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** Whether an entry is sealed with the first key. */
  isCurrent(entry: SealedEntry): boolean {
    return entry.key === this.#keys[0].id;
  }

  opens(entry: SealedEntry): boolean {
    return this.#keys.some(({ id }) => id === entry.key);
  }

  seal(name: string, value: string): SealedEntry {
    const [{ id, sealing }] = this.#keys;
    return { key: id, ...seal(sealing, name, value) };
  }

  /** The value of an entry. Throws `vault.unknown_cluster_key`, `vault.damaged`. */
  open(name: string, entry: SealedEntry): string {
    const key = this.#keys.find(({ id }) => id === entry.key);
    if (key !== undefined) return openSealed(key.sealing, name, entry);
    throw new HoldfastError(
      "vault",
      "unknown_cluster_key",
      `An entry of the vault is sealed with the cluster key ${entry.key}, which this node does not have. Its keys: ${this.ids.join(", ")}`,
      { statusCode: 503 },
    );
  }
}
