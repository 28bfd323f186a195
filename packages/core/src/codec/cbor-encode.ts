/** CBOR and JSON codecs for values that leave the process or are stored. */
import { nameAndMessage } from "./error-value.ts";
import { tooDeep, unsupported, unsupportedInstance } from "./errors.ts";
import { CborTag, tag, typedArrayTag } from "./tags.ts";
import { withPath } from "./unsupported-path.ts";

/**
 * CBOR (RFC 8949) encoder for the values of actors and messages: null, undefined, booleans, numbers, bigints, strings,
 * Date, RegExp, Error, ArrayBuffer, typed arrays, Map, Set, arrays and plain objects. Definite lengths only.
 * Hand-written because it is on the hot path and must survive hostile bytes: nesting and lengths are bounded, a
 * duplicate or `__proto__` key changes no prototype, and nothing is lost silently.
 */

/** Deeper than any reasonable value, and shallow enough for the stack. Also stops cycles. */
const maxEncodeDepth = 1_000;

let buffer = new Uint8Array(4096);
let view = new DataView(buffer.buffer);
let at = 0;
const retainedBufferBytes = 1_048_576;

/** Maximum depth of the value being encoded. */
let allowedDepth = maxEncodeDepth;

/** True while values are encoded for other decoders; see {@link EncodeOptions}. */
let forOthers = false;

/** True during an encoding. Getters and proxies of the value may start another one. */
let encoding = false;

/** Limits of `encodeValue`. */
export interface EncodeOptions {
  /** Levels of nesting: 1,000 by default and at most. */
  readonly maxDepth?: number;
  /**
   * For decoders other than ours: accepts a {@link CborTag}, and encodes integers from 2^32 on as floats, which
   * such decoders read as numbers and not as bigints. False by default.
   */
  readonly forOthers?: boolean;
}

/**
 * Encodes a value into a new byte array. Throws `message.unsupported_value` (with the path) for functions, symbols and
 * class instances, and `message.too_deep` beyond 1,000 levels or for a cycle.
 */
export function encodeValue(value: unknown, options?: EncodeOptions): Uint8Array {
  if (encoding) return encodeReentrantly(value, options);
  encoding = true;
  at = 0;
  allowedDepth = options?.maxDepth ?? maxEncodeDepth;
  forOthers = options?.forOthers === true;
  try {
    write(value, 0);
    return buffer.slice(0, at);
  } catch (error) {
    throw withPath(error, value, (part) => encodeReentrantly(part, options));
  } finally {
    encoding = false;
    if (buffer.length > retainedBufferBytes) renewBuffer();
  }
}

/** Encodes re-entrantly, with a buffer of its own. */
function encodeReentrantly(value: unknown, options: EncodeOptions | undefined): Uint8Array {
  const outer = { buffer, view, at, allowedDepth, others: forOthers };
  renewBuffer();
  encoding = false;
  try {
    return encodeValue(value, options);
  } finally {
    ({ buffer, view, at, allowedDepth, others: forOthers } = outer);
    encoding = true;
  }
}

function renewBuffer(): void {
  buffer = new Uint8Array(4096);
  view = new DataView(buffer.buffer);
}

function reserve(length: number): void {
  const needed = at + length;
  if (needed <= buffer.length) return;
  const grown = new Uint8Array(Math.max(needed, buffer.length * 2));
  grown.set(buffer.subarray(0, at));
  buffer = grown;
  view = new DataView(grown.buffer);
}

function write(value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      return writeNumber(value);
    case "boolean":
      return writeByte(value ? 0xf5 : 0xf4);
    case "undefined":
      return writeByte(0xf7);
    case "bigint":
      return writeBigint(value);
    case "object":
      if (value === null) return writeByte(0xf6);
      if (depth >= allowedDepth) throw tooDeep(allowedDepth);
      return writeObject(value, depth + 1);
    case "function":
    case "symbol":
      throw unsupported(typeof value);
  }
}

function writeObject(value: object, depth: number): void {
  if (Array.isArray(value)) {
    // Read once: a getter of an item may change the array after its length is written.
    const { length } = value;
    writeHead(4, length);
    for (let i = 0; i < length; i++) write(value[i], depth);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return writePlainObject(value, depth);
  if (value instanceof Date) return writeTagged(tag.date, value.getTime(), depth);
  if (ArrayBuffer.isView(value)) return writeView(value);
  if (value instanceof Map) return writeMap(value, depth);
  if (value instanceof Set) {
    return writeSet(value, depth);
  }
  if (value instanceof ArrayBuffer) {
    writeHead(6, tag.arrayBuffer);
    return writeBytes(new Uint8Array(value));
  }
  if (value instanceof RegExp) return writeTagged(tag.regExp, [value.source, value.flags], depth);
  if (value instanceof Error) return writeTagged(tag.error, nameAndMessage(value), depth);
  if (forOthers && value instanceof CborTag) return writeTagged(value.number, value.content, depth);
  throw unsupportedInstance(value);
}

function writePlainObject(value: object, depth: number): void {
  const keys = Object.keys(value);
  writeHead(5, keys.length);
  for (const key of keys) {
    writeString(key);
    write((value as Record<string, unknown>)[key], depth);
  }
}

function writeSet(value: ReadonlySet<unknown>, depth: number): void {
  const { size } = value;
  writeHead(6, tag.set);
  writeHead(4, size);
  let written = 0;
  for (const item of value) {
    if (++written > size) break;
    write(item, depth);
  }
  if (written !== size) throw unsupported("a set that changed during encoding");
}

function writeMap(value: ReadonlyMap<unknown, unknown>, depth: number): void {
  const { size } = value;
  writeHead(6, tag.map);
  writeHead(5, size);
  let written = 0;
  for (const [key, item] of value) {
    if (++written > size) break;
    write(key, depth);
    write(item, depth);
  }
  if (written !== size) throw unsupported("a map that changed during encoding");
}

function writeTagged(number: number, value: unknown, depth: number): void {
  writeHead(6, number);
  write(value, depth);
}

function writeView(value: ArrayBufferView): void {
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Uint8Array) return writeBytes(bytes);
  const number = typedArrayTag(value);
  if (number === undefined) throw unsupportedInstance(value);
  writeHead(6, number);
  writeBytes(bytes);
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(2, bytes.length);
  reserve(bytes.length);
  buffer.set(bytes, at);
  at += bytes.length;
}

function writeByte(byte: number): void {
  reserve(1);
  buffer[at++] = byte;
}

function writeHead(major: number, argument: number): void {
  reserve(9);
  const type = major << 5;
  if (argument < 24) {
    buffer[at++] = type | argument;
  } else if (argument < 0x100) {
    buffer[at++] = type | 24;
    buffer[at++] = argument;
  } else if (argument < 0x1_0000) {
    buffer[at++] = type | 25;
    view.setUint16(at, argument);
    at += 2;
  } else if (argument < 0x1_0000_0000) {
    buffer[at++] = type | 26;
    view.setUint32(at, argument);
    at += 4;
  } else {
    buffer[at++] = type | 27;
    view.setUint32(at, Math.floor(argument / 0x1_0000_0000));
    view.setUint32(at + 4, argument >>> 0);
    at += 8;
  }
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0) && !(forOthers && Math.abs(value) > 0xffff_ffff)) {
    return value >= 0 ? writeHead(0, value) : writeHead(1, -1 - value);
  }
  reserve(9);
  buffer[at++] = 0xfb;
  view.setFloat64(at, value);
  at += 8;
}

function writeBigint(value: bigint): void {
  const negative = value < 0n;
  let hex = (negative ? -1n - value : value).toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  writeHead(6, negative ? tag.negativeBigint : tag.positiveBigint);
  writeBytes(bytes);
}

const textEncoder = new TextEncoder();
/** Up to this length a loop over char codes is faster than a call of the text encoder. */
const shortString = 48;

function writeString(text: string): void {
  const length = text.length;
  if (length <= shortString && writeShortAscii(text, length)) return;
  if (!text.isWellFormed()) return writeIllFormedString(text);
  // Reserves three bytes per UTF-16 unit, and writes the head once the real length is known.
  reserve(length * 3 + 9);
  const headBytes = length * 3 < 24 ? 1 : length * 3 < 0x100 ? 2 : length * 3 < 0x1_0000 ? 3 : 5;
  const start = at;
  const { written } = textEncoder.encodeInto(text, buffer.subarray(start + headBytes));
  writeHead(3, written);
  if (at !== start + headBytes) buffer.copyWithin(at, start + headBytes, start + headBytes + written);
  at += written;
}

function writeShortAscii(text: string, length: number): boolean {
  reserve(length + 2);
  const start = at;
  if (length < 24) {
    buffer[at++] = 0x60 | length;
  } else {
    buffer[at++] = 0x78;
    buffer[at++] = length;
  }
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) {
      at = start;
      return false;
    }
    buffer[at++] = code;
  }
  return true;
}

function writeIllFormedString(text: string): void {
  const units = new Uint8Array(text.length * 2);
  const unitView = new DataView(units.buffer);
  for (let i = 0; i < text.length; i++) unitView.setUint16(i * 2, text.charCodeAt(i), true);
  writeHead(6, tag.looseString);
  writeBytes(units);
}
