const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, or text such as "250ms", "30s", "5m", "2h", "7d", "1h30m". */
export type Duration = number | string;

/** Converts a duration to milliseconds. Throws a RangeError for an invalid or negative one. */
export function durationMs(duration: Duration): number {
  if (typeof duration === "number") {
    if (Number.isFinite(duration) && duration >= 0) return duration;
    throw new RangeError(`${duration} is not a duration in milliseconds`);
  }
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(duration)) {
    throw new RangeError(
      `"${duration}" is not a duration. Write it like "250ms", "30s", "5m", "2h", "7d" or "1h30m"`,
    );
  }
  let total = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  }
  if (!Number.isFinite(total)) throw new RangeError(`The duration "${duration}" is too long`);
  return total;
}
