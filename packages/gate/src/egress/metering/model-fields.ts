import { parseUnambiguousJson, StrictJsonError } from "../../broker/strict-json.ts";

/** Where some server may read another request in a body than the one that is read here. */
export class AmbiguousBodyError extends Error {}

/** The body of a request to a model. */
export interface RequestBody {
  readonly bytes: Buffer;
  /** The `content-type` of the request. */
  readonly type: string | undefined;
}

/** What is more is not read: a jail would have its host read for seconds. */
export interface RequestBounds {
  readonly maxRequestDepth: number;
  /** Keys, objects and arrays. */
  readonly maxRequestMembers: number;
}

type Fields = ReadonlyMap<string, unknown>;

/**
 * The members `names` of a request. What is no JSON for any server, as a form with files, has none of them.
 * Throws {@link AmbiguousBodyError}, also beyond the bounds.
 */
export function readFields(
  { bytes, type = "application/json" }: RequestBody,
  names: readonly string[],
  { maxRequestDepth, maxRequestMembers }: RequestBounds,
): Fields {
  if (bytes.length === 0 || !(/json/i.test(type) || beginsAsObject(bytes))) return new Map();
  try {
    const value = parseUnambiguousJson(bytes, maxRequestDepth, maxRequestMembers);
    if (!isObject(value)) throw new AmbiguousBodyError("it is no JSON object");
    return fieldsOf(value, names);
  } catch (error) {
    throw error instanceof StrictJsonError ? new AmbiguousBodyError(error.message) : error;
  }
}

/** Many a server reads JSON whatever the type says, by itself in UTF-16 and UTF-32 too. */
function beginsAsObject(bytes: Buffer): boolean {
  const marks = new Set([0x00, 0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf, 0xfe, 0xff]);
  return bytes.find((byte) => !marks.has(byte)) === 0x7b;
}

/**
 * The members `names` of a part of a request. Throws {@link AmbiguousBodyError} for one that is spelled as one of them
 * but for its case: servers in Go and .NET take it for that one, others pass it over.
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

/** Also for the two letters beyond ASCII that become one of it, the long s and the sign of Kelvin. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/**
 * A number of tokens or answers; undefined where a request says none, which servers say with 0 and -1 too. Some take
 * it as a text. Throws {@link AmbiguousBodyError} for what only some would take.
 */
export function amountOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number") throw new AmbiguousBodyError(`its ${name} is no number`);
  return number > 0 ? Math.ceil(number) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
