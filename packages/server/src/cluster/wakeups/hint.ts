/** Wake-ups between nodes: hints to look again, and the transports that carry them. */

/** What another node should look at again. A hint is never the truth about it. */
export type Hint =
  /** The leases, if the node does not know this revision yet. */
  | { readonly kind: "leases"; readonly revision: number }
  /** Its due actors, at this time in milliseconds since the epoch. */
  | { readonly kind: "due"; readonly at: number }
  /** That no node takes actors with this name and place, of which the receiver may start one. */
  | { readonly kind: "start"; readonly name: string; readonly place?: string | undefined };

const version = 1;
/** Names and places are bounded; transports carry 1,000 characters. */
const maxLength = 1_000;

export function encodeHint(hint: Hint): string {
  return JSON.stringify({ v: version, ...hint });
}

/** Undefined for anything that is not a hint of a known version. */
export function decodeHint(message: string): Hint | undefined {
  if (message.length > maxLength) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { v, kind, revision, at, name, place } = value as Readonly<Record<string, unknown>>;
  if (v !== version) return undefined;
  if (kind === "leases" && isTime(revision)) return { kind, revision };
  if (kind === "due" && isTime(at)) return { kind, at };
  if (kind === "start" && typeof name === "string") {
    return { kind, name, ...(typeof place === "string" ? { place } : {}) };
  }
  return undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
