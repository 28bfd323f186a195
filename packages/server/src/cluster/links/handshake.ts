/** Connections between nodes: authentication, requests, tunnels. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "@holdfast/core";

/** Version of the protocol between nodes. */
export const linkProtocol = 1;

/** The first message of a link. */
export interface Hello {
  readonly protocol: number;
  readonly node: string;
  readonly nonce: string;
  /** Ids of the secrets that the node knows, the preferred one first. */
  readonly keys: readonly string[];
}

/** The answer, with which the accepting node proves that it knows the secret. */
export interface Welcome {
  readonly protocol: number;
  readonly node: string;
  readonly nonce: string;
  readonly key: string;
  readonly proof: string;
}

const minSecretLength = 16;

/**
 * The secrets of a cluster. The first one is preferred; the others are accepted too, so that a secret can be rotated
 * node by node. Both sides of a link prove that they know one, without sending it.
 */
export class ClusterSecrets {
  readonly #secrets: ReadonlyMap<string, string>;

  /** `text` is one secret, or several with commas. Throws `cluster.invalid_secret`. */
  constructor(text: string) {
    const secrets = text.split(",").map((secret) => secret.trim());
    for (const secret of secrets) if (secret.length < minSecretLength) throw invalidSecret();
    this.#secrets = new Map(secrets.map((secret) => [keyId(secret), secret]));
  }

  /** The secrets themselves. */
  get all(): readonly string[] {
    return [...this.#secrets.values()];
  }

  get keys(): readonly string[] {
    return [...this.#secrets.keys()];
  }

  /** The first of these keys that this node knows too. */
  common(keys: readonly string[]): string | undefined {
    return keys.find((key) => this.#secrets.has(key));
  }

  /** Proves to the other node that this one knows the secret; `side` keeps a proof from being sent back. */
  prove(side: "caller" | "accepter", hello: Hello, welcome: Omit<Welcome, "proof">): string {
    const secret = this.#secrets.get(welcome.key);
    if (secret === undefined) throw secretMismatch(welcome.node);
    const text = [side, linkProtocol, hello.node, welcome.node, hello.nonce, welcome.nonce].join("\0");
    return createHmac("sha256", secret).update(text).digest("base64url");
  }

  check(side: "caller" | "accepter", hello: Hello, welcome: Omit<Welcome, "proof">, proof: unknown): boolean {
    return isSameProof(this.prove(side, hello, welcome), proof);
  }

  /** Signs a message with the preferred secret. */
  sign(text: string): { readonly key: string; readonly proof: string } {
    const [key = ""] = this.keys;
    return { key, proof: this.#signature(key, text) };
  }

  /** True if a node that knows the secret with this id has signed the message. */
  checkSigned(text: string, key: string, proof: string): boolean {
    return this.#secrets.has(key) && isSameProof(this.#signature(key, text), proof);
  }

  /** Never that of a handshake, whose texts begin with a side of it. */
  #signature(key: string, text: string): string {
    const secret = this.#secrets.get(key) ?? "";
    return createHmac("sha256", secret).update(`message\0${text}`).digest("base64url");
  }
}

/** Compares in constant time what another node has sent with what it should have sent. */
function isSameProof(expectedText: string, proof: unknown): boolean {
  const expected = Buffer.from(expectedText);
  const given = Buffer.from(typeof proof === "string" ? proof : "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function keyId(secret: string): string {
  return createHash("sha256").update(`holdfast cluster key\0${secret}`).digest("hex").slice(0, 8);
}

export function secretMismatch(node: string): HoldfastError {
  const message = `The node "${node}" has another cluster secret. Set HOLDFAST_CLUSTER_SECRET to the same value on all nodes of a cluster`;
  return new HoldfastError("cluster", "secret_mismatch", message, { metadata: { node } });
}

function invalidSecret(): HoldfastError {
  const message = `A cluster secret has at least ${minSecretLength} characters. Create one with: openssl rand -hex 32`;
  return new HoldfastError("cluster", "invalid_secret", message);
}
