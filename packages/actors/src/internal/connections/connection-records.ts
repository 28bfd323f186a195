import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { recordPrefix } from "../lifecycle/part.ts";
import { maxStoredDepth } from "../util/stored-depth.ts";

/** The stored record of a connection, which outlives the actor's sleep. */
export interface ConnectionRecord {
  readonly params: unknown;
  readonly state: unknown;
  readonly auth: unknown;
  readonly subscriptions: readonly string[];
  readonly rooms: readonly string[];
  /** The value of its presence; absent when it has none. */
  readonly presence: readonly unknown[];
}

/** Format 1: this byte, then the CBOR of the fields in order. Golden files hold it. */
const format = 1;

/** The prefix of connection records, then the id. Ids are generated here and are ASCII. */
export function connectionKey(id: string): Uint8Array {
  const key = new Uint8Array(id.length + 1);
  key[0] = recordPrefix.connection;
  for (let i = 0; i < id.length; i++) key[i + 1] = id.charCodeAt(i);
  return key;
}

export function connectionIdOf(key: Uint8Array): string {
  return String.fromCharCode(...key.subarray(1));
}

export function encodeConnection(record: ConnectionRecord): Uint8Array {
  const { params, state, auth, subscriptions, rooms, presence } = record;
  const body = encodeValue([params, state, auth, subscriptions, rooms, presence]);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = format;
  bytes.set(body, 1);
  return bytes;
}

/** Throws `store.unknown_format`. */
export function decodeConnection(bytes: Uint8Array): ConnectionRecord {
  if (bytes[0] !== format) {
    throw new HoldfastError("store", "unknown_format", `A connection has format ${bytes[0] ?? "none"}`);
  }
  const fields = decodeValue(bytes.slice(1), { maxDepth: maxStoredDepth });
  if (!Array.isArray(fields))
    throw new HoldfastError("store", "unknown_format", "A connection record is not a list");
  const [params, state, auth, subscriptions, rooms, presence] = fields as readonly unknown[];
  return {
    params,
    state,
    auth,
    subscriptions: texts(subscriptions),
    rooms: texts(rooms),
    presence: Array.isArray(presence) ? presence : [],
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
