import { randomBytes, scrypt as scryptCallback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { ClusterStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

const scrypt = promisify<string, string, number, Buffer>(scryptCallback);

const saltBytes = 18;
const hashBytes = 32;

/**
 * Refuses to join the cluster of another secret: two clusters that were given one database by mistake would take each
 * other's actors. The store has a proof of each secret in use, and gets those of this node, so that a secret is
 * rotated by nodes that know both. Throws `cluster.secret_mismatch`, and errors of the store.
 */
export async function checkCredentials(
  store: Pick<ClusterStore, "credentials" | "replaceCredentials">,
  secrets: readonly string[],
): Promise<void> {
  for (;;) {
    const recorded = await store.credentials();
    const known = await Promise.all(secrets.map((secret) => findProof(recorded, secret)));
    const isMember = known.some((proof) => proof !== undefined);
    if (recorded.length > 0 && !isMember) throw foreignCluster();
    const proofs = await Promise.all(
      secrets.map(async (secret, at) => known[at] ?? (await createProof(secret))),
    );
    const isRecorded = proofs.length === recorded.length && known.every((proof) => proof !== undefined);
    // Another node may have recorded its own in the meantime.
    if (isRecorded || (await store.replaceCredentials(recorded, proofs))) return;
  }
}

async function createProof(secret: string): Promise<string> {
  return `scrypt:${processSalt}:${(await hashOf(secret, processSalt)).toString("base64url")}`;
}

async function findProof(proofs: readonly string[], secret: string): Promise<string | undefined> {
  for (const proof of proofs) {
    const [scheme, salt = "", hash = ""] = proof.split(":");
    if (scheme !== "scrypt") continue;
    const expected = Buffer.from(hash, "base64url");
    if (expected.length !== hashBytes) continue;
    if (timingSafeEqual(await hashOf(secret, salt), expected)) return proof;
  }
  return undefined;
}

/** Salt of all proofs that this process creates. */
const processSalt = randomBytes(saltBytes).toString("base64url");

/** By salt and secret, the oldest first: a hash takes 50 ms of CPU time, and nodes of one process need the same ones. */
const hashes = new Map<string, Promise<Buffer>>();
const mostHashes = 16;

/** A slow hash, so that a reader of the database cannot try many secrets. */
function hashOf(secret: string, salt: string): Promise<Buffer> {
  const key = `${salt}:${secret}`;
  const known = hashes.get(key);
  if (known !== undefined) return known;
  const hash = scrypt(secret, salt, hashBytes);
  hashes.set(key, hash);
  hash.catch(() => hashes.delete(key));
  const [oldest] = hashes.keys();
  if (hashes.size > mostHashes && oldest !== undefined) hashes.delete(oldest);
  return hash;
}

function foreignCluster(): HoldfastError {
  const message =
    "The database belongs to a cluster with another secret. Set HOLDFAST_CLUSTER_SECRET to the secret of its nodes, or give this cluster a database of its own";
  return new HoldfastError("cluster", "secret_mismatch", message);
}
