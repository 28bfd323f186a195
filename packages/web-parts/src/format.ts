const units: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 31_536_000_000],
  ["month", 2_592_000_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** Largest valid `Date`, in milliseconds since 1970. */
const maxTime = 8.64e15;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const count = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** "3 min. ago"; below a minute "just now". */
export function formatAgo(at: number, now: number): string {
  const elapsed = now - at;
  for (const [unit, size] of units) {
    if (Math.abs(elapsed) >= size) return relative.format(-Math.trunc(elapsed / size), unit);
  }
  return "just now";
}

/** "21 Nov 2026, 14:03:07". Times beyond the range of `Date` get a fixed text instead of an exception. */
export function formatDateTime(at: number): string {
  return Math.abs(at) <= maxTime ? absolute.format(at) : "invalid date";
}

/** "14:03:07". */
export function formatClock(at: number): string {
  return clock.format(at);
}

/** "14:03:07.120", for events closer together than a second. */
export function formatPreciseClock(at: number): string {
  return `${clock.format(at)}.${String(Math.trunc(at) % 1_000).padStart(3, "0")}`;
}

/** "8 s", "3 min 08 s", "2 h 05 min". */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** "12,345". */
export function formatCount(value: number): string {
  return count.format(value);
}

/** Like {@link formatCount} below 10,000, then "12.3K". */
export function formatCompact(value: number): string {
  return value < 10_000 ? count.format(value) : compact.format(value);
}

/** Uses binary units (1,024). */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const names = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let index = 0;
  while (value >= 1024 && index < names.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${names[index]}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
