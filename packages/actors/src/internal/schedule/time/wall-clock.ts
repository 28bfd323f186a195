const dayMs = 86_400_000;

/**
 * The local clock of a time zone. Its readings are numbers, too: milliseconds since 1970 as if the zone were UTC. A
 * daylight-saving change skips some readings and repeats others.
 */
export class WallClock {
  readonly #format: Intl.DateTimeFormat;

  /** Throws a `RangeError` for a zone that does not exist. */
  constructor(timezone: string) {
    this.#format = new Intl.DateTimeFormat("en", {
      timeZone: timezone,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** The latest reading shown up to this instant, even if the clock has been set back since. */
  latestReadingAt(instant: number): number {
    const wall = this.#readingAt(instant);
    const first = this.firstInstantOf(wall);
    // A repeated reading: everything up to the change has been shown before.
    return first < instant ? this.#readingAt(this.#firstChange(first, instant) - 1) : wall;
  }

  /** The first instant with this reading; for a skipped reading, the instant of the change that skips it. */
  firstInstantOf(wall: number): number {
    // No zone is a day or more from UTC, and none changes twice within two days.
    const before = this.#offset(wall - dayMs);
    const after = this.#offset(wall + dayMs);
    const first = wall - before;
    if (before === after || this.#offset(first) === before) return first;
    const second = wall - after;
    return this.#offset(second) === after ? second : this.#firstChange(second, first);
  }

  #readingAt(instant: number): number {
    return instant + this.#offset(instant);
  }

  /** The first instant after `from` with another offset, at or before `until`. */
  #firstChange(from: number, until: number): number {
    const offset = this.#offset(from);
    let [low, high] = [from, until];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offset(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  /** Offset from UTC, in milliseconds. */
  #offset(instant: number): number {
    const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = value;
    const year = part.era === "BC" ? 1 - Number(part.year) : Number(part.year);
    const reading = new Date(0);
    reading.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
    reading.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    // The format has a resolution of one second.
    return reading.getTime() - Math.floor(instant / 1_000) * 1_000;
  }
}
