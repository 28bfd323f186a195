import { parseUnambiguousJson, StrictJsonError } from "../../broker/messages/strict-json.ts";

/** Some servers may read another request from a body than this program does. */
export class AmbiguousBodyError extends Error {}

/** The body of a request to a model. */
export interface RequestBody {
  readonly bytes: Buffer;
  /** The `content-type` of the request. */
  readonly type: string | undefined;
}

/** Bounds on the work of reading one body, so that a jail cannot keep its host busy for seconds. */
export interface RequestBounds {
  readonly maxRequestDepth: number;
  /** Of keys, objects and arrays together. */
  readonly maxRequestMembers: number;
}

type Fields = ReadonlyMap<string, unknown>;

/**
 * Reads the members `names` of a request. A body that no server takes for JSON, such as a form with files, has none.
 * Throws {@link AmbiguousBodyError}, also above the bounds.
 */
export function readFields(
  { bytes, type = "application/json" }: RequestBody,
  names: readonly string[],
  { maxRequestDepth, maxRequestMembers }: RequestBounds,
): Fields {
  if (bytes.length === 0 || !(/json/i.test(type) || beginsAsObject(bytes))) return new Map();
  try {
    const value = parseUnambiguousJson(bytes, maxRequestDepth, maxRequestMembers);
    if (!isObject(value)) throw new AmbiguousBodyError("it is not a JSON object");
    return fieldsOf(value, names);
  } catch (error) {
    throw error instanceof StrictJsonError ? new AmbiguousBodyError(error.message) : error;
  }
}

/** Many servers read JSON whatever the content type says, some also in UTF-16 and UTF-32. */
function beginsAsObject(bytes: Buffer): boolean {
  const marks = new Set([0x00, 0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf, 0xfe, 0xff]);
  return bytes.find((byte) => !marks.has(byte)) === 0x7b;
}

/**
 * Reads the members `names` of an object in a request. Throws {@link AmbiguousBodyError} for a key that differs from one
 * of them in case only: servers in Go and .NET accept it, others ignore it.
 */
export function fieldsOf(value: unknown, names: readonly string[]): Fields {
  const fields = new Map<string, unknown>();
  if (!isObject(value)) return fields;
  for (const [name, member] of Object.entries(value)) {
    const meant = names.find((each) => folded(each) === folded(name));
    if (meant === undefined) continue;
    if (meant !== name)
      throw new AmbiguousBodyError(`some servers read its ${JSON.stringify(name)} as ${meant}`);
    fields.set(name, member);
  }
  return fields;
}

/** Case folding that also covers the two letters beyond ASCII that fold into it, the long s and the Kelvin sign. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/**
 * Reads a number of tokens or answers. Undefined where the request names none, for which 0 and -1 stand too. A number may
 * be written as a string. Throws {@link AmbiguousBodyError} for a form that only some servers accept.
 */
export function amountOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number") throw new AmbiguousBodyError(`its ${name} is not a number`);
  return number > 0 ? Math.ceil(number) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
