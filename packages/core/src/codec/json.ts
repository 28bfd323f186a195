import { HoldfastError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { EncodeOptions } from "./cbor-encode.ts";
import { errorFrom, nameAndMessage } from "./error-value.ts";
import { tooDeep, unsupported, unsupportedInstance } from "./errors.ts";
import { typedArrayTag, typedArrayTags } from "./tags.ts";
import { withPath } from "./unsupported-path.ts";

/**
 * JSON encoding of the values in cbor-encode.ts. A type that JSON lacks is a pair whose first item starts with "$"
 * (`["$BigInt","1"]`, `["$Date",0]`); a user's array that starts with such a string has its "$" doubled.
 */

const maxEncodeDepth = 1_000;

/** Maximum depth of the value being encoded. */
let allowedDepth = maxEncodeDepth;
/** True when instances are encoded as by `JSON.stringify`. */
let allowsInstances = false;

export interface EncodeJsonOptions extends EncodeOptions {
  /**
   * "plain" encodes a class instance as `JSON.stringify` does: the result of its `toJSON`, or its own members without
   * functions. Instances that would become empty (a promise, a `Headers`) are refused.
   */
  readonly instances?: "plain";
}

/** Encodes a value as JSON text. Throws the same errors as `encodeValue`. */
export function encodeJson(value: unknown, options?: EncodeJsonOptions): string {
  // Getters of the value may have encoded others.
  const outer = { allowedDepth, takesInstances: allowsInstances };
  allowedDepth = options?.maxDepth ?? maxEncodeDepth;
  allowsInstances = options?.instances === "plain";
  try {
    return JSON.stringify(toJson(value, 0));
  } catch (error) {
    throw withPath(error, value, (part) => encodeJson(part, options));
  } finally {
    ({ allowedDepth, takesInstances: allowsInstances } = outer);
  }
}

/** Decodes JSON text. Throws `message.malformed_json` or `message.too_deep`. */
export function decodeJson(text: string, maxDepth: number = limits.maxDepth): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw malformed("it is not JSON");
  }
  return fromJson(parsed, 0, maxDepth);
}

function toJson(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return ["$Number", Object.is(value, -0) ? "-0" : String(value)];
    case "undefined":
      return ["$Undefined", 0];
    case "bigint":
      return ["$BigInt", value.toString()];
    case "object":
      if (value === null) return null;
      if (depth >= allowedDepth) throw tooDeep(allowedDepth);
      return objectToJson(value, depth + 1);
    default:
      throw unsupported(typeof value);
  }
}

function objectToJson(value: object, depth: number): unknown {
  if (Array.isArray(value)) return arrayToJson(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    const object: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) setOwn(object, key, toJson(item, depth));
    return object;
  }
  if (value instanceof Date) return ["$Date", Number.isNaN(value.getTime()) ? null : value.getTime()];
  if (value instanceof Uint8Array) return ["$Uint8Array", toBase64(value)];
  if (ArrayBuffer.isView(value)) {
    const number = typedArrayTag(value);
    if (number === undefined) throw unsupportedInstance(value);
    return [
      "$TypedArray",
      [number, toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))],
    ];
  }
  if (value instanceof ArrayBuffer) return ["$ArrayBuffer", toBase64(new Uint8Array(value))];
  if (value instanceof Map) {
    return ["$Map", Array.from(value, ([key, item]) => [toJson(key, depth), toJson(item, depth)])];
  }
  if (value instanceof Set) return ["$Set", Array.from(value, (item) => toJson(item, depth))];
  if (value instanceof RegExp) return ["$RegExp", [value.source, value.flags]];
  if (value instanceof Error) return ["$Error", nameAndMessage(value)];
  if (allowsInstances) return instanceToJson(value, depth);
  throw unsupportedInstance(value);
}

/**
 * Encodes an instance as plain data. `toJSON` is user code that may encode other values: it must not change this
 * encoding's options.
 */
function instanceToJson(value: object, depth: number): unknown {
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const allowed = allowedDepth;
    const plain: unknown = value.toJSON();
    allowedDepth = allowed;
    allowsInstances = true;
    return toJson(plain, depth);
  }
  if (value instanceof String) throw unsupportedInstance(value);
  const object: Record<string, unknown> = {};
  let members = 0;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === "function") continue;
    setOwn(object, key, toJson(item, depth));
    members += 1;
  }
  if (members === 0) throw unsupportedInstance(value);
  return object;
}

function arrayToJson(value: readonly unknown[], depth: number): unknown[] {
  const items: unknown[] = [];
  for (let i = 0; i < value.length; i++) items.push(toJson(value[i], depth));
  const first = items[0];
  if (typeof first === "string" && first.startsWith("$")) items[0] = `$${first}`;
  return items;
}

function fromJson(value: unknown, depth: number, maxDepth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) throw tooDeep(maxDepth);
  if (!Array.isArray(value)) {
    const object: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) setOwn(object, key, fromJson(item, depth + 1, maxDepth));
    return object;
  }
  const items: readonly unknown[] = value;
  const first = items[0];
  if (typeof first !== "string" || !first.startsWith("$")) {
    return items.map((item) => fromJson(item, depth + 1, maxDepth));
  }
  if (first.startsWith("$$")) {
    return [first.slice(1), ...items.slice(1).map((item) => fromJson(item, depth + 1, maxDepth))];
  }
  if (items.length !== 2) throw malformed("a tagged value is not a pair");
  return untag(first, items[1], (item) => fromJson(item, depth + 1, maxDepth));
}

function untag(name: string, content: unknown, revive: (item: unknown) => unknown): unknown {
  switch (name) {
    case "$Undefined":
      return undefined;
    case "$BigInt":
      if (typeof content !== "string" || !/^-?\d{1,10000}$/.test(content))
        throw malformed("a bigint is not digits");
      return BigInt(content);
    case "$Number":
      return specialNumber(content);
    case "$Date":
      if (content !== null && typeof content !== "number") throw malformed("a date is not a number");
      return new Date(content ?? Number.NaN);
    case "$Uint8Array":
      return fromBase64(content);
    case "$ArrayBuffer":
      return fromBase64(content).buffer;
    case "$TypedArray":
      return typedArray(content);
    case "$Map":
      return new Map(toList(content).map((entry) => toPair(toList(entry).map(revive))));
    case "$Set":
      return new Set(toList(content).map(revive));
    case "$RegExp":
      return regExp(content);
    case "$Error":
      return errorFrom(...stringPair(content));
    default:
      throw malformed("a tag is unknown");
  }
}

function specialNumber(content: unknown): number {
  if (content === "-0") return -0;
  if (content === "NaN") return Number.NaN;
  if (content === "Infinity") return Number.POSITIVE_INFINITY;
  if (content === "-Infinity") return Number.NEGATIVE_INFINITY;
  throw malformed("a number is unknown");
}

function toList(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  throw malformed("a tag is not followed by a list");
}

function toPair(items: readonly unknown[]): [unknown, unknown] {
  if (items.length !== 2) throw malformed("a map entry is not a pair");
  return [items[0], items[1]];
}

function stringPair(content: unknown): [string, string] {
  const [first, second] = toPair(toList(content));
  if (typeof first !== "string" || typeof second !== "string") throw malformed("a pair is not of strings");
  return [first, second];
}

function regExp(content: unknown): RegExp {
  const [source, flags] = stringPair(content);
  try {
    return new RegExp(source, flags);
  } catch {
    throw malformed("a regular expression is invalid");
  }
}

function typedArray(content: unknown): ArrayBufferView {
  const [number, text] = toPair(toList(content));
  const Type = typeof number === "number" ? typedArrayTags.get(number) : undefined;
  if (Type === undefined) throw malformed("a typed array is unknown");
  const bytes = fromBase64(text);
  if (bytes.length % Type.BYTES_PER_ELEMENT !== 0) throw malformed("a typed array has half an element");
  return new Type(bytes.buffer, 0, bytes.length / Type.BYTES_PER_ELEMENT);
}

/** Assigns an own property, even for the key `__proto__`. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(binary);
}

function fromBase64(content: unknown): Uint8Array<ArrayBuffer> {
  if (typeof content !== "string") throw malformed("bytes are not base64");
  let binary: string;
  try {
    binary = atob(content);
  } catch {
    throw malformed("bytes are not base64");
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_json", `The JSON input is malformed: ${why}`);
}
