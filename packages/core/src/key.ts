import { HoldfastError } from "./errors.ts";
import { limits } from "./limits.ts";

/** An actor's compound key. `"a"` and `["a"]` are the same key; no key is `[]`. */
export type ActorKey = readonly string[];

/** A key as callers may give it: its components, the only one, or none. */
export type ActorKeyInput = string | ActorKey | undefined;

/** Normalises and checks a key. Throws `actor.invalid_key` or `actor.key_too_long`. */
export function normalizeKey(input: ActorKeyInput): ActorKey {
  const key: string[] = [];
  let total = 0;
  for (const component of typeof input === "string" ? [input] : listOf(input)) {
    if (typeof component !== "string") throw notStrings();
    if (!component.isWellFormed()) {
      throw new HoldfastError("actor", "invalid_key", "A key component is not well-formed Unicode");
    }
    const bytes = byteLength(component);
    if (bytes > limits.maxKeyComponentBytes) throw tooLong("A key component", limits.maxKeyComponentBytes);
    total += bytes;
    key.push(component);
  }
  if (total > limits.maxKeyBytes) throw tooLong("A key", limits.maxKeyBytes);
  return key;
}

/**
 * The canonical text of a key: each component percent-encoded and ended by a comma.
 * It is injective (`[]` is "", `[""]` is ",", `["a,b"]` is "a%2Cb,") and safe in a path segment
 * or a header.
 */
export function encodeKey(key: ActorKey): string {
  let text = "";
  for (const component of key) text += `${encodeURIComponent(component)},`;
  return text;
}

/** The inverse of {@link encodeKey}. Only canonical text is accepted: throws `actor.invalid_key`. */
export function decodeKey(text: string): ActorKey {
  if (text === "") return [];
  if (!text.endsWith(",")) throw invalidText();
  const parts = text.slice(0, -1).split(",");
  let key: string[];
  try {
    key = parts.map(decodeURIComponent);
  } catch {
    throw invalidText();
  }
  if (encodeKey(key) !== text) throw invalidText();
  return normalizeKey(key);
}

/** From plain JavaScript anything may come; `null` is no key. */
function listOf(input: unknown): readonly unknown[] {
  if (input === undefined || input === null) return [];
  if (Array.isArray(input)) return input;
  throw notStrings();
}

function notStrings(): HoldfastError {
  return new HoldfastError("actor", "invalid_key", "A key is a string or an array of strings");
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

function tooLong(what: string, max: number): HoldfastError {
  return new HoldfastError("actor", "key_too_long", `${what} is longer than ${max} bytes`);
}

function invalidText(): HoldfastError {
  return new HoldfastError("actor", "invalid_key", "The encoded key is malformed");
}
