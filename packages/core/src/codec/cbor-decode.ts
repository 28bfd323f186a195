import { HoldfastError } from "../errors.ts";
import { limits } from "../limits.ts";
import { errorFrom } from "./error-value.ts";
import { tooDeep } from "./errors.ts";
import { tag, typedArrayTags } from "./tags.ts";

/** Limits of `decodeValue`. */
export interface DecodeLimits {
  /** Nesting of arrays, objects, maps and tags. Default: `limits.maxDepth`. */
  readonly maxDepth?: number;
  /** Decoders of tags that our own values do not have, by number. */
  readonly tags?: TagDecoders;
}

export type TagDecoders = ReadonlyMap<number, (content: unknown) => unknown>;

/** Up to this length a loop over bytes is faster than a call of the text decoder. */
const shortString = 48;

/**
 * Decodes exactly one value. Byte strings and typed arrays are copies, so that they do not retain `bytes`. Throws
 * `message.malformed_cbor` or `message.too_deep`.
 */
export function decodeValue(bytes: Uint8Array, options: DecodeLimits = {}): unknown {
  const reader = new Reader(bytes, options.maxDepth ?? limits.maxDepth, options.tags);
  const value = reader.read(0);
  if (reader.at !== bytes.length) throw malformed("bytes follow the value");
  return value;
}

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  #view: DataView | undefined;
  readonly #maxDepth: number;
  readonly #tags: TagDecoders | undefined;

  constructor(bytes: Uint8Array, maxDepth: number, tags: TagDecoders | undefined) {
    this.#bytes = bytes;
    this.#maxDepth = maxDepth;
    this.#tags = tags;
  }

  /**
   * Created lazily, for the first eight-byte or fractional number. A DataView makes the runtime allocate an
   * ArrayBuffer for small byte arrays, which costs more than decoding them.
   */
  get #numbers(): DataView {
    this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    return this.#view;
  }

  read(depth: number): unknown {
    const initial = this.#take(1);
    const byte = this.#bytes[initial] ?? 0;
    const major = byte >> 5;
    const info = byte & 0x1f;
    if (major === 7) return this.#simple(info);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return typeof argument === "bigint" ? -1n - argument : this.#negative(argument);
      case 2:
        return this.#slice(this.#length(argument));
      case 3:
        return this.#text(this.#length(argument));
      case 4:
        return this.#array(this.#length(argument), this.#nestedDepth(depth));
      case 5:
        return this.#object(this.#length(argument), this.#nestedDepth(depth));
      default:
        return this.#tagged(this.#length(argument, false), this.#nestedDepth(depth));
    }
  }

  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.length) throw malformed("it ends too early");
    this.at = start + length;
    return start;
  }

  #nestedDepth(depth: number): number {
    if (depth >= this.#maxDepth) throw tooDeep(this.#maxDepth);
    return depth + 1;
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    if (info === 24) return this.#unsigned(1);
    if (info === 25) return this.#unsigned(2);
    if (info === 26) return this.#unsigned(4);
    if (info !== 27) throw malformed("a length is indefinite or reserved");
    const value = this.#numbers.getBigUint64(this.#take(8));
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  #unsigned(length: number): number {
    let value = 0;
    for (let at = this.#take(length); at < this.at; at++) value = value * 256 + (this.#bytes[at] ?? 0);
    return value;
  }

  #negative(argument: number): number | bigint {
    const value = -1 - argument;
    return Number.isSafeInteger(value) ? value : -1n - BigInt(argument);
  }

  /** Reads a count or length. Every item takes at least one byte, so a forged length fails here. */
  #length(argument: number | bigint, bounded = true): number {
    if (typeof argument === "bigint" || (bounded && argument > this.#bytes.length - this.at)) {
      throw malformed("a length exceeds the input");
    }
    return argument;
  }

  #slice(length: number): Uint8Array<ArrayBuffer> {
    const start = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(start, start + length));
  }

  #text(length: number): string {
    const start = this.#take(length);
    if (length <= shortString) {
      const text = this.#shortAscii(start, length);
      if (text !== undefined) return text;
    }
    try {
      return textDecoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw malformed("a string is not UTF-8");
    }
  }

  #shortAscii(start: number, length: number): string | undefined {
    let text = "";
    for (let i = start; i < start + length; i++) {
      const byte = this.#bytes[i] ?? 0;
      if (byte > 0x7f) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #array(count: number, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.push(this.read(depth));
    return items;
  }

  #object(count: number, depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const key = this.read(depth);
      if (typeof key !== "string") throw malformed("an object key is not a string");
      if (Object.hasOwn(object, key)) throw malformed("an object key appears twice");
      const value = this.read(depth);
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        object[key] = value;
      }
    }
    return object;
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        return undefined;
      case 25:
        return halfToNumber(this.#unsigned(2));
      case 26:
        return this.#numbers.getFloat32(this.#take(4));
      case 27:
        return this.#numbers.getFloat64(this.#take(8));
      default:
        throw malformed("a simple value is unknown");
    }
  }

  #tagged(number: number, depth: number): unknown {
    if (number === tag.map) return this.#map(depth);
    const content = this.read(depth);
    switch (number) {
      case tag.positiveBigint:
        return bigintOf(content);
      case tag.negativeBigint:
        return -1n - bigintOf(content);
      case tag.set:
        return setOf(content);
      case tag.regExp:
        return regExpOf(content);
      case tag.arrayBuffer:
        return bytesOf(content).buffer;
      case tag.looseString:
        return illFormedString(bytesOf(content));
      case tag.date:
        if (typeof content !== "number") throw malformed("a date is not a number");
        return new Date(content);
      case tag.error:
        return errorFrom(...stringPair(content, "an error"));
      default: {
        const decodeTag = this.#tags?.get(number);
        return decodeTag === undefined ? typedArrayOf(number, content) : decodeTag(content);
      }
    }
  }

  #map(depth: number): Map<unknown, unknown> {
    const byte = this.#bytes[this.#take(1)] ?? 0;
    if (byte >> 5 !== 5) throw malformed("a map tag is not followed by a map");
    const count = this.#length(this.#argument(byte & 0x1f));
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < count; i++) {
      const key = this.read(depth);
      if (map.has(key)) throw malformed("a map key appears twice");
      map.set(key, this.read(depth));
    }
    return map;
  }
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bytesOf(content: unknown): Uint8Array<ArrayBuffer> {
  if (content instanceof Uint8Array) return content as Uint8Array<ArrayBuffer>;
  throw malformed("a tag is not followed by bytes");
}

function bigintOf(content: unknown): bigint {
  const bytes = bytesOf(content);
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex === "" ? 0n : BigInt(`0x${hex}`);
}

function setOf(content: unknown): Set<unknown> {
  if (!Array.isArray(content)) throw malformed("a set is not an array");
  const set = new Set<unknown>(content);
  if (set.size !== content.length) throw malformed("a set item appears twice");
  return set;
}

function stringPair(content: unknown, what: string): readonly [string, string] {
  if (Array.isArray(content) && content.length === 2) {
    const [first, second]: unknown[] = content;
    if (typeof first === "string" && typeof second === "string") return [first, second];
  }
  throw malformed(`${what} is not a pair of strings`);
}

function regExpOf(content: unknown): RegExp {
  const [source, flags] = stringPair(content, "a regular expression");
  try {
    return new RegExp(source, flags);
  } catch {
    throw malformed("a regular expression is invalid");
  }
}

function illFormedString(bytes: Uint8Array): string {
  if (bytes.length % 2 === 1) throw malformed("a string has half a code unit");
  const unitView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 2) text += String.fromCharCode(unitView.getUint16(i, true));
  return text;
}

function typedArrayOf(number: number, content: unknown): ArrayBufferView {
  const Type = typedArrayTags.get(number);
  if (Type === undefined) throw malformed("a tag is unknown");
  const bytes = bytesOf(content);
  if (bytes.length % Type.BYTES_PER_ELEMENT !== 0) throw malformed("a typed array has half an element");
  return new Type(bytes.buffer, bytes.byteOffset, bytes.length / Type.BYTES_PER_ELEMENT);
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_cbor", `The CBOR input is malformed: ${why}`);
}
