/**
 * Ids in the format of OpenCode's client: prefixed by kind and sortable. Ids of messages and parts derive from the
 * session's log alone, so they are stable across restarts.
 */

const sessionPrefix = "ses_";

/** Returns the OpenCode id of a session. Ids that OpenCode's clients created already have the prefix. */
export function wireSessionId(id: string): string {
  return id.startsWith(sessionPrefix) ? id : sessionPrefix + id;
}

/** Returns the possible internal ids of the session that OpenCode's clients call `wireId`. */
export function candidateSessionIds(wireId: string): readonly string[] {
  return wireId.startsWith(sessionPrefix) ? [wireId, wireId.slice(sessionPrefix.length)] : [wireId];
}

/** OpenCode's ids start with a time: twelve hexadecimal digits, in ticks of 1/4096 ms. */
const ticksPerMs = 4_096n;
const maxTicks = 1n << 48n;

/** Generates the ids of one turn. */
export class TurnIds {
  readonly #base: bigint;
  readonly #first: number;

  /** `first` is the log sequence of the turn's first entry. All ids of the turn sort after the id `after`. */
  constructor(createdAt: number, first: number, after?: string) {
    const own = (BigInt(createdAt) * ticksPerMs) % maxTicks;
    const precedingTime = /^[a-z]+_([0-9a-f]{12})/.exec(after ?? "")?.[1];
    const minimum = precedingTime === undefined ? 0n : BigInt(`0x${precedingTime}`) + 1n;
    this.#base = minimum > own ? minimum : own;
    this.#first = first;
  }

  message(sequence: number, index = 0): string {
    return this.#id("msg", sequence, index);
  }

  part(sequence: number, index = 0): string {
    return this.#id("prt", sequence, index);
  }

  #id(prefix: string, sequence: number, index: number): string {
    const time = (this.#base + BigInt(sequence - this.#first)) % maxTicks;
    const suffix = `${String(sequence).padStart(10, "0")}${String(index).padStart(4, "0")}`;
    return `${prefix}_${time.toString(16).padStart(12, "0")}${suffix}`;
  }
}

/** Creates a session id. As in OpenCode, newer sessions sort first. */
export function newSessionId(now: number, random: string): string {
  const time = (maxTicks - 1n - ((BigInt(now) * ticksPerMs) % maxTicks)) % maxTicks;
  return `${sessionPrefix}${time.toString(16).padStart(12, "0")}${random}`;
}

export const permissionPrefix = "per_";
export const questionPrefix = "que_";

/** Removes the prefix of an id. Returns undefined for an id of another kind. */
export function stripPrefix(prefix: string, id: string): string | undefined {
  return id.startsWith(prefix) ? id.slice(prefix.length) : undefined;
}
