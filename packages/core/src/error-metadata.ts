import { decodeValue } from "./codec/cbor-decode.ts";
import { encodeValue } from "./codec/cbor-encode.ts";

/** The metadata of an error lies some levels deep in what carries it. */
const maxMetadataDepth = 900;

/** What becomes of the metadata of an error on its way to a caller. */
export interface SendableMetadata {
  /** A copy that can be encoded; undefined where nothing of it can. */
  readonly value: unknown;
  /** Whether it is what was given, and not only what JSON makes of that. */
  readonly whole: boolean;
}

/**
 * Metadata as callers get it. Each member is read once: what a getter gave then is what goes, whether it would
 * give it a second time or not. Never throws.
 */
export function sendableMetadata(metadata: unknown): SendableMetadata {
  if (metadata === undefined) return { value: undefined, whole: true };
  let members: unknown;
  try {
    members = membersOf(metadata, new Map());
  } catch {
    // A getter has thrown, or it is nested deeper than the stack.
    return { value: undefined, whole: false };
  }
  return copied(members) ?? { value: copied(jsonOf(members))?.value, whole: false };
}

function copied(value: unknown): SendableMetadata | undefined {
  try {
    const bytes = encodeValue(value, { maxDepth: maxMetadataDepth });
    return { value: decodeValue(bytes, { maxDepth: maxMetadataDepth }), whole: true };
  } catch {
    return undefined;
  }
}

/** Arrays and plain objects anew, with data properties only; anything else as it is. */
function membersOf(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    known.set(value, items);
    for (const item of value) items.push(membersOf(item, known));
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const members: Record<string, unknown> = Object.create(null);
  known.set(value, members);
  for (const key of Object.keys(value)) members[key] = membersOf(Reflect.get(value, key), known);
  return members;
}

/** A function or an instance in its metadata must not keep an error from its caller. */
function jsonOf(members: unknown): unknown {
  try {
    const text = JSON.stringify(members, (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    );
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // It has a cycle, or an instance of which something throws.
    return undefined;
  }
}
