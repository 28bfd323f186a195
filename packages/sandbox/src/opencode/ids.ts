/**
 * Ids as OpenCode's client wants them: with a prefix by kind, and in the order of what they name. Those
 * of messages and parts follow from the session's log alone, so that whoever reads it later, or after a
 * restart, finds the same ones.
 */

const sessionPrefix = "ses_";

/** The id of a session for OpenCode's clients; one that was made by them is that already. */
export function wireSessionId(id: string): string {
  return id.startsWith(sessionPrefix) ? id : sessionPrefix + id;
}

/** The ids that a session may have here which OpenCode's clients call `wireId`. */
export function sessionIdsOf(wireId: string): readonly string[] {
  return wireId.startsWith(sessionPrefix) ? [wireId, wireId.slice(sessionPrefix.length)] : [wireId];
}

/** The time of a turn as OpenCode's ids begin with it: twelve hexadecimal digits that go on from it. */
const ticksPerMs = 4_096n;
const wrap = 1n << 48n;

/** Where the ids of one turn start. */
export class TurnIds {
  readonly #base: bigint;
  readonly #first: number;

  /** `first` is the sequence of the turn's first entry; `after` is an id that those of the turn come behind. */
  constructor(createdAt: number, first: number, after?: string) {
    const own = (BigInt(createdAt) * ticksPerMs) % wrap;
    const given = /^[a-z]+_([0-9a-f]{12})/.exec(after ?? "")?.[1];
    const behind = given === undefined ? 0n : BigInt(`0x${given}`) + 1n;
    this.#base = behind > own ? behind : own;
    this.#first = first;
  }

  message(sequence: number, index = 0): string {
    return this.#id("msg", sequence, index);
  }

  part(sequence: number, index = 0): string {
    return this.#id("prt", sequence, index);
  }

  #id(prefix: string, sequence: number, index: number): string {
    const time = (this.#base + BigInt(sequence - this.#first)) % wrap;
    const place = `${String(sequence).padStart(10, "0")}${String(index).padStart(4, "0")}`;
    return `${prefix}_${time.toString(16).padStart(12, "0")}${place}`;
  }
}

/** A new id of a session, of which later ones come first, as OpenCode makes them. */
export function newSessionId(now: number, random: string): string {
  const time = (wrap - 1n - ((BigInt(now) * ticksPerMs) % wrap)) % wrap;
  return `${sessionPrefix}${time.toString(16).padStart(12, "0")}${random}`;
}

export const permissionPrefix = "per_";
export const questionPrefix = "que_";

/** The id without its prefix; undefined for one of another kind. */
export function without(prefix: string, id: string): string | undefined {
  return id.startsWith(prefix) ? id.slice(prefix.length) : undefined;
}
