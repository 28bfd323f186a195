import type { QuietHours } from "../../contract.ts";

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

/** When quiet hours that hold now end; undefined outside of them. The times are those of clocks in their zone. */
export function quietUntil({ from, to, timeZone }: QuietHours, now: number): number | undefined {
  const [start, end, local] = [minutesOf(from), minutesOf(to), localMinutes(now, timeZone)];
  const isQuiet = start < end ? local >= start && local < end : local >= start || local < end;
  if (!isQuiet) return undefined;
  const wholeMinute = now - (now % minuteMs);
  const at = wholeMinute + modulo(end - local) * minuteMs;
  // Where clocks change in between, the local time there is off by the change.
  const off = end - localMinutes(at, timeZone);
  const change = off > dayMinutes / 2 ? off - dayMinutes : off < -dayMinutes / 2 ? off + dayMinutes : off;
  const changed = at + change * minuteMs;
  // A time that clocks skip: the hours end where they would have without the change.
  return changed > now ? changed : at;
}

/** "22:30" in minutes after midnight; undefined if it is no time. */
export function readTime(text: unknown): number | undefined {
  const found = typeof text === "string" ? /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) : null;
  return found === null ? undefined : Number(found[1]) * 60 + Number(found[2]);
}

export function isTimeZone(name: unknown): name is string {
  if (typeof name !== "string" || name.length > 64) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function minutesOf(time: string): number {
  return readTime(time) ?? 0;
}

function modulo(minutes: number): number {
  return minutes <= 0 ? minutes + dayMinutes : minutes;
}

function localMinutes(at: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return minutesOf(format.format(at));
}
