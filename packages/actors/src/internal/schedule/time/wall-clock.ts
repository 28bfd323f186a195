const dayMs = 86_400_000;

/**
 * The clock on the wall of a time zone. Its times are numbers too: milliseconds since 1970 as if the zone
 * were UTC. A change of the clocks leaves some of them out, or brings some of them twice.
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

  /** The latest time that the clock has shown by this moment, also where it was set back since. */
  shownBy(instant: number): number {
    const wall = this.#at(instant);
    const first = this.earliest(wall);
    // What comes for the second time has been shown up to the change between both.
    return first < instant ? this.#at(this.#change(first, instant) - 1) : wall;
  }

  /** The first moment at which the clock shows this time; of a time that is left out, the change that does so. */
  earliest(wall: number): number {
    // No zone is a day from UTC, and none changes twice in two days.
    const before = this.#offset(wall - dayMs);
    const after = this.#offset(wall + dayMs);
    const first = wall - before;
    if (before === after || this.#offset(first) === before) return first;
    const second = wall - after;
    return this.#offset(second) === after ? second : this.#change(second, first);
  }

  #at(instant: number): number {
    return instant + this.#offset(instant);
  }

  /** The first moment with another offset than `from` has, at or before `until`. */
  #change(from: number, until: number): number {
    const offset = this.#offset(from);
    let [low, high] = [from, until];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offset(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  /** How far the clock is ahead of UTC, in milliseconds. */
  #offset(instant: number): number {
    const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = value;
    const year = part.era === "BC" ? 1 - Number(part.year) : Number(part.year);
    const shown = new Date(0);
    shown.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
    shown.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    // The clock shows whole seconds.
    return shown.getTime() - Math.floor(instant / 1_000) * 1_000;
  }
}
