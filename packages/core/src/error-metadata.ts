import { decodeValue } from "./codec/cbor-decode.ts";
import { encodeValue } from "./codec/cbor-encode.ts";

/** Leaves room for the levels of the message around the metadata. */
const maxMetadataDepth = 900;

/** Metadata of an error, made encodable for a caller. */
export interface SendableMetadata {
  /** Encodable copy; undefined when nothing could be encoded. */
  readonly value: unknown;
  /** False when the copy is only the JSON form of the original, or missing. */
  readonly isComplete: boolean;
}

/** Copies metadata for callers. Reads each member once, so that a getter cannot change it later. Never throws. */
export function sendableMetadata(metadata: unknown): SendableMetadata {
  if (metadata === undefined) return { value: undefined, isComplete: true };
  let members: unknown;
  try {
    members = copyData(metadata, new Map());
  } catch {
    // A getter threw, or the nesting exceeds the stack.
    return { value: undefined, isComplete: false };
  }
  return encodableCopy(members) ?? { value: encodableCopy(throughJson(members))?.value, isComplete: false };
}

function encodableCopy(value: unknown): SendableMetadata | undefined {
  try {
    const bytes = encodeValue(value, { maxDepth: maxMetadataDepth });
    return { value: decodeValue(bytes, { maxDepth: maxMetadataDepth }), isComplete: true };
  } catch {
    return undefined;
  }
}

/** Copies arrays and plain objects as data properties. Other values are not copied. */
function copyData(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const existing = copies.get(value);
  if (existing !== undefined) return existing;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    copies.set(value, items);
    for (const item of value) items.push(copyData(item, copies));
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members: Record<string, unknown> = Object.create(null);
  copies.set(value, members);
  for (const key of Object.keys(value)) members[key] = copyData(Reflect.get(value, key), copies);
  return members;
}

/** Fallback: a function or instance in the metadata must not keep the error from its caller. */
function throughJson(members: unknown): unknown {
  try {
    const text = JSON.stringify(members, (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    );
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // Cyclic, or an instance threw.
    return undefined;
  }
}
