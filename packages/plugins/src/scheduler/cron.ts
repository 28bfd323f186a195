/** Scheduler plugin: prompts at a later time. */

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names of its values, starting at `from`. */
  readonly words?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fields: readonly Field[] = [
  { name: "minute", from: 0, to: 59 },
  { name: "hour", from: 0, to: 23 },
  { name: "day", from: 1, to: 31 },
  { name: "month", from: 1, to: 12, words: months },
  { name: "weekday", from: 0, to: 7, words: weekdays },
];

/**
 * Parsed cron expression of five fields, in UTC: numbers, `*`, lists, ranges and steps, and English names of months
 * and weekdays.
 */
export class Cron {
  readonly #sets: readonly ReadonlySet<number>[];
  /**
   * Cron's rule: when both day and weekday are restricted, either may match. A field that begins with `*` is not
   * restricted.
   */
  readonly #matchesEitherDay: boolean;

  /** Throws an `Error` that names the invalid field. */
  constructor(line: string) {
    const parts = line.trim().split(/\s+/);
    if (parts.length !== fields.length) throw new Error("A cron expression has five fields");
    this.#sets = fields.map((field, index) => parseField(parts[index] ?? "", field));
    this.#matchesEitherDay = ![parts[2], parts[4]].some((part) => part?.startsWith("*"));
  }

  /** First matching minute after `after` (milliseconds), or undefined when none of the next five years matches. */
  next(after: number): number | undefined {
    const minute = 60_000;
    let at = (Math.floor(after / minute) + 1) * minute;
    const end = after + 5 * 366 * 24 * 60 * minute;
    while (at < end) {
      const date = new Date(at);
      if (!this.#matchesDay(date)) {
        at = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
      } else if (this.#sets[1]?.has(date.getUTCHours()) !== true) {
        at = (Math.floor(at / (60 * minute)) + 1) * 60 * minute;
      } else if (this.#sets[0]?.has(date.getUTCMinutes()) !== true) {
        at += minute;
      } else {
        return at;
      }
    }
    return undefined;
  }

  #matchesDay(date: Date): boolean {
    if (this.#sets[3]?.has(date.getUTCMonth() + 1) !== true) return false;
    const day = this.#sets[2]?.has(date.getUTCDate()) === true;
    const weekday = this.#sets[4]?.has(date.getUTCDay()) === true;
    return this.#matchesEitherDay ? day || weekday : day && weekday;
  }
}

/** Replaces names by numbers. */
function replaceNames(item: string, { from, words = [] }: Field): string {
  return item.replace(/[a-z]+/gi, (word) => {
    const at = words.indexOf(word.toLowerCase());
    return at < 0 ? word : String(at + from);
  });
}

function parseField(text: string, field: Field): ReadonlySet<number> {
  const { name, from, to } = field;
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const match = /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(replaceNames(item, field));
    if (match === null) throw new Error(`The ${name} ${JSON.stringify(item)} is invalid`);
    const [, star, first, last, step] = match;
    const low = star === undefined ? Number(first) : from;
    const end = star === undefined ? Number(last ?? (step === undefined ? first : to)) : to;
    // "FRI-SUN": at the end of a range Sunday is day 7.
    const high = name === "weekday" && last !== undefined && end === 0 ? 7 : end;
    const by = Number(step ?? 1);
    if (low < from || high > to || low > high || by < 1) {
      throw new Error(`The ${name} ${JSON.stringify(item)} is outside ${from} to ${to}`);
    }
    // Sunday is 0 and 7.
    for (let value = low; value <= high; value += by) values.add(name === "weekday" ? value % 7 : value);
  }
  return values;
}
