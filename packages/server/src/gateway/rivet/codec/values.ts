/** Values of users on this wire: CBOR or JSON, with pairs such as `["$BigInt", "1"]` for what they would lose. */
import { CborTag, decodeValue, encodeValue, HoldfastError, limits, type TagDecoders } from "@holdfast/core";

/** Encoding of a request or a connection. */
export type RivetEncoding = "json" | "cbor" | "bare";

/** `x-rivet-encoding`: JSON by default. Throws `gateway.unsupported_content_type`. */
export function encodingOf(name: string | undefined): RivetEncoding {
  if (name === undefined || name === "json") return "json";
  if (name === "cbor" || name === "bare") return name;
  const message = `The encoding "${name.slice(0, 20)}" is not served. Send json, cbor or bare`;
  throw new HoldfastError("gateway", "unsupported_content_type", message, { statusCode: 415 });
}

/** Levels around a value: a message, its body, its content, and the pair of a tag. */
const wrapperDepth = 8;
const maxDepth = limits.maxDepth + wrapperDepth;
/** Deepest value that an actor can have sent. */
const trustedDepth = 1_010;

/** Tags of the CBOR library of these clients: dates, regular expressions and errors, bytes. */
const foreignTags: TagDecoders = new Map<number, (content: unknown) => unknown>([
  [1, (content) => new Date(typeof content === "number" ? Math.round(content * 1_000) : Number.NaN)],
  [27, objectOf],
  [64, (content) => content],
]);

/** Decodes CBOR. Throws `message.malformed_cbor`, `message.too_deep`. */
export function decodeCbor(bytes: Uint8Array): unknown {
  return revive(decodeValue(bytes, { maxDepth, tags: foreignTags }), 0);
}

/** Decodes JSON. Throws `message.malformed_json`, `message.too_deep`. */
export function decodeText(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("it is not JSON");
  }
  return revive(value, 0);
}

export function encodeCbor(value: unknown): Uint8Array {
  return encodeValue(tagged(value, cborForms), { forOthers: true });
}

export function encodeText(value: unknown): string {
  return JSON.stringify(tagged(value, jsonForms));
}

/** A value that an actor has sent, in our own encoding. */
export function ownValue(bytes: Uint8Array): unknown {
  return decodeValue(bytes, { maxDepth: trustedDepth });
}

function objectOf(content: unknown): unknown {
  const [name, first, second] = Array.isArray(content) ? (content as unknown[]) : [];
  if (typeof name !== "string") throw malformed("an object has no name");
  if (name !== "RegExp") return Object.assign(new Error(String(first ?? "")), { name });
  try {
    return new RegExp(String(first), String(second ?? ""));
  } catch {
    throw malformed("a regular expression is invalid");
  }
}

function revive(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > maxDepth) {
    const message = `The value is nested deeper than ${limits.maxDepth} levels`;
    throw new HoldfastError("message", "too_deep", message);
  }
  if (Array.isArray(value)) return reviveArray(value, depth);
  if (value instanceof Map) {
    return new Map(Array.from(value, ([key, item]) => [revive(key, depth + 1), revive(item, depth + 1)]));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item, depth + 1)]));
}

function reviveArray(items: readonly unknown[], depth: number): unknown {
  const [name, content] = items;
  const isPair = items.length === 2 && typeof name === "string" && name.startsWith("$");
  if (!isPair) return items.map((item) => revive(item, depth + 1));
  if (name.startsWith("$$")) return [name.slice(1), revive(content, depth + 1)];
  switch (name) {
    case "$Undefined":
      return undefined;
    case "$BigInt":
      if (typeof content !== "string" || !/^-?\d{1,10000}$/.test(content))
        throw malformed("a bigint is not digits");
      return BigInt(content);
    case "$Uint8Array":
      return fromBase64(content);
    case "$ArrayBuffer":
      return fromBase64(content).buffer;
    case "$Set":
      if (!Array.isArray(content)) throw malformed("a set is not a list");
      return new Set(content.map((item) => revive(item, depth + 1)));
    default:
      // Clients that send CBOR escape nothing: the pair is what its user sent.
      return [name, revive(content, depth + 1)];
  }
}

/** What becomes of the values that only one of the two encodings has. */
interface Forms {
  date(value: Date): unknown;
  regExp(value: RegExp): unknown;
  error(value: Error): unknown;
  map(entries: readonly (readonly [unknown, unknown])[]): unknown;
  view(value: ArrayBufferView): unknown;
}

const cborForms: Forms = {
  date: (value) => new CborTag(1, value.getTime() / 1_000),
  regExp: (value) => new CborTag(27, ["RegExp", value.source, value.flags]),
  error: (value) => new CborTag(27, ["Error", value.message]),
  map: (entries) => new Map(entries),
  view: (value) => value,
};

/** As `JSON.stringify`, but nothing becomes an empty object. */
const jsonForms: Forms = {
  date: (value) => (Number.isNaN(value.getTime()) ? null : value.toISOString()),
  regExp: String,
  error: ({ name, message }) => ({ name, message }),
  map: (entries) =>
    entries.every(([key]) => typeof key === "string")
      ? Object.fromEntries(entries as readonly (readonly [string, unknown])[])
      : entries,
  view: (value) => tagged([...(value as unknown as Iterable<unknown>)], jsonForms),
};

function tagged(value: unknown, forms: Forms): unknown {
  if (value === undefined) return ["$Undefined", 0];
  if (typeof value === "bigint") return ["$BigInt", value.toString()];
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => tagged(item, forms));
    const [name] = items;
    const isPair = items.length === 2 && typeof name === "string" && name.startsWith("$");
    return isPair ? [`$${name}`, items[1]] : items;
  }
  if (value instanceof Uint8Array) return ["$Uint8Array", toBase64(value)];
  if (value instanceof ArrayBuffer) return ["$ArrayBuffer", toBase64(new Uint8Array(value))];
  if (value instanceof Set) return ["$Set", Array.from(value, (item) => tagged(item, forms))];
  if (value instanceof Map) {
    return forms.map(Array.from(value, ([key, item]) => [tagged(key, forms), tagged(item, forms)] as const));
  }
  if (value instanceof Date) return forms.date(value);
  if (value instanceof RegExp) return forms.regExp(value);
  if (value instanceof Error) return forms.error(value);
  if (ArrayBuffer.isView(value)) return forms.view(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tagged(item, forms)]));
}

function fromBase64(content: unknown): Uint8Array<ArrayBuffer> {
  if (typeof content !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(content))
    throw malformed("bytes are not base64");
  const bytes = Buffer.from(content, "base64");
  // A copy of its own: an ArrayBuffer of the pool would hold the bytes of others.
  return new Uint8Array(bytes);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_json", `The value is malformed: ${why}`);
}
