const units: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const count = new Intl.NumberFormat("en");

/** "3 min. ago"; anything under a minute is "just now". */
export function formatAgo(at: number, now: number): string {
  for (const [unit, size] of units) {
    if (Math.abs(now - at) >= size) return relative.format(-Math.trunc((now - at) / size), unit);
  }
  return "just now";
}

export function formatDateTime(at: number): string {
  return absolute.format(at);
}

/** "14:03:07.120": events lie closer together than seconds. */
export function formatClock(at: number): string {
  return `${clock.format(at)}.${String(Math.trunc(at) % 1_000).padStart(3, "0")}`;
}

export function formatCount(value: number): string {
  return count.format(value);
}

/** Binary units, as `ls -h` has them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const names = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1_024;
  let index = 0;
  while (value >= 1_024 && index < names.length - 1) {
    value /= 1_024;
    index += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${names[index]}`;
}
