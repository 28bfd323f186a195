import { HoldfastError } from "@holdfast/core";
import type { ActorStore } from "../../ports/store.ts";
import { space } from "../kv/entry-buffer.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { recordPrefix } from "../lifecycle/part.ts";

type TokenDependencies = Pick<ActorCore, "ports" | "records">;

/** Shares the keyspace of `metaKey`. The value is a format byte and the bytes of the token. */
const tokenKey = new Uint8Array([recordPrefix.meta, 0x10]);
const format = 1;
const tokenBytes = 32;

/** The inspector token of the actor; created in the open turn if there is none. */
export async function ensureInspectorToken(actor: TokenDependencies): Promise<string> {
  const stored = await actor.records.get(tokenKey);
  if (stored !== undefined) {
    if (stored[0] !== format || stored.length !== tokenBytes + 1) {
      throw new HoldfastError(
        "store",
        "unknown_format",
        "The inspector token has an unknown format. It may have been written by a newer release",
      );
    }
    return base64url(stored.subarray(1));
  }
  const token = actor.ports.random.bytes(tokenBytes);
  const record = new Uint8Array(tokenBytes + 1);
  record[0] = format;
  record.set(token, 1);
  actor.records.put(tokenKey, record);
  return base64url(token);
}

/** True if a stored key is that of a token. */
export function isInspectorToken(key: Uint8Array): boolean {
  return key.length === 3 && key[0] === space.records && key[1] === tokenKey[0] && key[2] === tokenKey[1];
}

/** The token of an actor that may be asleep; undefined if none has been created. */
export async function readInspectorToken(store: ActorStore, actorId: string): Promise<string | undefined> {
  const key = new Uint8Array([space.records, ...tokenKey]);
  const stored = await store.kvGet(actorId, key);
  return stored && read(stored);
}

function read(record: Uint8Array): string {
  if (record[0] === format && record.length === tokenBytes + 1) return base64url(record.subarray(1));
  throw new HoldfastError(
    "store",
    "unknown_format",
    "The inspector token has an unknown format. It may have been written by a newer release",
  );
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
