/** Large objects of an actor: references, streaming reads and writes. */
import { HoldfastError } from "@holdfast/core";
import type { BlobInfo } from "../../blob.ts";
import { space } from "../kv/entry-buffer.ts";
import { recordPrefix } from "../lifecycle/part.ts";

/** Kind of the record that refers to an object: the byte after the hash in its key. Golden files pin the values. */
export const referenceKind = { blob: 0x00, kv: 0x01 } as const;

const format = 1;
const hashBytes = 32;

/** Throws `store.invalid_hash`. */
export function parseHash(hash: string): Uint8Array {
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) {
    const message = "A hash is 64 lower-case hexadecimal digits";
    throw new HoldfastError("store", "invalid_hash", message, { statusCode: 400 });
  }
  return Uint8Array.from(hash.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function formatHash(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Prefix of the keys of all records that refer to an object. */
export function referencesKey(hash: string): Uint8Array {
  return concatBytes([recordPrefix.blob], parseHash(hash));
}

/** The same key as stored, for stores that search for unreferenced objects. */
export function blobReferencePrefix(hash: string): Uint8Array {
  return concatBytes([space.records], referencesKey(hash));
}

/** The key of one record that refers to an object; `name` distinguishes records of the same kind. */
export function referenceKey(hash: string, kind: number, name: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concatBytes(referencesKey(hash), [kind], name);
}

export function hashOfKey(key: Uint8Array): { readonly hash: string; readonly kind: number } {
  return { hash: formatHash(key.subarray(1, 1 + hashBytes)), kind: key[1 + hashBytes] ?? 0 };
}

export function encodeSize(size: number): Uint8Array {
  const value = new Uint8Array(9);
  value[0] = format;
  new DataView(value.buffer).setFloat64(1, size);
  return value;
}

export function decodeSize(value: Uint8Array): number {
  assertFormat(value);
  return new DataView(value.buffer, value.byteOffset).getFloat64(1);
}

/** The value of the record of a streamed `c.kv` entry. */
export function encodeStream({ hash, size }: BlobInfo): Uint8Array {
  return concatBytes(encodeSize(size), parseHash(hash));
}

export function decodeStream(value: Uint8Array): BlobInfo {
  return { size: decodeSize(value), hash: formatHash(value.subarray(9, 9 + hashBytes)) };
}

function assertFormat(value: Uint8Array): void {
  if (value[0] === format) return;
  const message = `A record of an object has the unknown format ${value[0]}`;
  throw new HoldfastError("store", "format_too_new", message);
}

function concatBytes(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
