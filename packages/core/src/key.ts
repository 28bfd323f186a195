import { HoldfastError } from "./errors.ts";
import { limits } from "./limits.ts";

/** Compound key of an actor. `"a"` and `["a"]` are the same key; a missing key is `[]`. */
export type ActorKey = readonly string[];

/** Key as callers pass it: its components, a single one, or none. */
export type ActorKeyInput = string | ActorKey | undefined;

/** Normalizes and validates a key. Throws `actor.invalid_key` or `actor.key_too_long`. */
export function normalizeKey(input: ActorKeyInput): ActorKey {
  const key: string[] = [];
  let total = 0;
  for (const component of typeof input === "string" ? [input] : toComponents(input)) {
    if (typeof component !== "string") throw notStringsError();
    if (!component.isWellFormed()) {
      throw new HoldfastError("actor", "invalid_key", "A key component is not well-formed Unicode");
    }
    const bytes = byteLength(component);
    if (bytes > limits.maxKeyComponentBytes) throw keyTooLong("A key component", limits.maxKeyComponentBytes);
    total += bytes;
    key.push(component);
  }
  if (total > limits.maxKeyBytes) throw keyTooLong("A key", limits.maxKeyBytes);
  return key;
}

/**
 * Encodes a key as canonical text: each component percent-encoded and followed by a comma. The text is injective (`[]`
 * is "", `[""]` is ",", `["a,b"]` is "a%2Cb,") and safe in a path segment or a header.
 */
export function encodeKey(key: ActorKey): string {
  let text = "";
  for (const component of key) text += `${encodeURIComponent(component)},`;
  return text;
}

/** Inverse of {@link encodeKey}. Accepts canonical text only: throws `actor.invalid_key`. */
export function decodeKey(text: string): ActorKey {
  if (text === "") return [];
  if (!text.endsWith(",")) throw invalidKeyText();
  const parts = text.slice(0, -1).split(",");
  let key: string[];
  try {
    key = parts.map(decodeURIComponent);
  } catch {
    throw invalidKeyText();
  }
  if (encodeKey(key) !== text) throw invalidKeyText();
  return normalizeKey(key);
}

/** Plain JavaScript may pass anything; `null` is the empty key. */
function toComponents(input: unknown): readonly unknown[] {
  if (input === undefined || input === null) return [];
  if (Array.isArray(input)) return input;
  throw notStringsError();
}

function notStringsError(): HoldfastError {
  return new HoldfastError("actor", "invalid_key", "A key must be a string or an array of strings");
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

function keyTooLong(what: string, max: number): HoldfastError {
  return new HoldfastError("actor", "key_too_long", `${what} is longer than ${max} bytes`);
}

function invalidKeyText(): HoldfastError {
  return new HoldfastError("actor", "invalid_key", "The encoded key is malformed");
}
