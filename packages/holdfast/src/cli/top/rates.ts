/** What happened between two readings. */
import type { ActorReading, Reading } from "./reading.ts";

/** The actors of one name, of all servers that were asked. */
export interface ActorRow {
  readonly actor: string;
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Durations of the calls in between, in milliseconds; null without a call. Infinity beyond the longest bound. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Actors in memory. */
  readonly active: number;
  readonly connections: number;
  readonly queued: number;
}

export interface ServerRow {
  readonly url: string;
  /** Why it was not read; the other fields are missing then. */
  readonly error?: string;
  readonly callsPerSecond?: number;
  readonly commitsPerSecond?: number;
  /** Share of one core. */
  readonly cpu?: number;
  readonly residentBytes?: number;
  readonly uptimeSeconds?: number;
  readonly lagMs?: number;
  readonly cluster?: { readonly nodes: number; readonly shards: number };
}

/** Two readings of one server, or why there is no second one. */
export interface Interval {
  readonly url: string;
  readonly before: Reading | undefined;
  readonly after: Reading | undefined;
  readonly error?: string;
}

export function serverRow({ url, before, after, error }: Interval): ServerRow {
  if (after === undefined || before === undefined) return error === undefined ? { url } : { url, error };
  const seconds = secondsBetween(before, after);
  const calls = [...after.actors].map(([name, { calls }]) => grown(before.actors.get(name)?.calls, calls));
  const { residentBytes, uptimeSeconds, lagSeconds, cluster } = after;
  return {
    url,
    callsPerSecond: sum(calls) / seconds,
    commitsPerSecond: grown(before.commits, after.commits) / seconds,
    cpu: grown(before.cpu, after.cpu) / seconds,
    ...{ residentBytes, uptimeSeconds, lagMs: lagSeconds * 1_000 },
    ...(cluster === undefined ? {} : { cluster }),
  };
}

export function actorRows(intervals: readonly Interval[]): readonly ActorRow[] {
  const names = new Set(intervals.flatMap(({ after }) => [...(after?.actors.keys() ?? [])]));
  return [...names].map((actor) => {
    const shares = intervals.flatMap(({ before, after }) => {
      const now = after?.actors.get(actor);
      if (before === undefined || after === undefined || now === undefined) return [];
      return [shareOf(before.actors.get(actor), now, secondsBetween(before, after))];
    });
    const durations = new Map<number, number>();
    for (const share of shares)
      for (const [bound, calls] of share.durations) durations.set(bound, (durations.get(bound) ?? 0) + calls);
    const of = (field: Exclude<keyof Share, "durations">) => sum(shares.map((share) => share[field]));
    return {
      actor,
      callsPerSecond: of("callsPerSecond"),
      errorsPerSecond: of("errorsPerSecond"),
      p50Ms: percentile(durations, 0.5),
      p99Ms: percentile(durations, 0.99),
      ...{ active: of("active"), connections: of("connections"), queued: of("queued") },
    };
  });
}

/** What one server adds to a row. */
interface Share extends Pick<ActorReading, "active" | "connections" | "queued" | "durations"> {
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
}

function shareOf(before: ActorReading | undefined, after: ActorReading, seconds: number): Share {
  const { active, connections, queued } = after;
  const durations = [...after.durations].map(([bound, calls]): [number, number] => [
    bound,
    grown(before?.durations.get(bound), calls),
  ]);
  return {
    callsPerSecond: grown(before?.calls, after.calls) / seconds,
    errorsPerSecond: grown(before?.errors, after.errors) / seconds,
    ...{ active, connections, queued, durations: new Map(durations) },
  };
}

function secondsBetween(before: Reading, after: Reading): number {
  return Math.max(0.001, (after.at - before.at) / 1_000);
}

/** By how much a counter has grown. One that is lower began anew with its process. */
function grown(before = 0, after = 0): number {
  return after < before ? after : after - before;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

/**
 * Within a bucket, durations count as evenly spread, as in `histogram_quantile` of Prometheus. The bounds have the
 * number of all calls up to them.
 */
export function percentile(durations: ReadonlyMap<number, number>, share: number): number | null {
  const bounds = [...durations].sort(([a], [b]) => a - b);
  const rank = (bounds.at(-1)?.[1] ?? 0) * share;
  if (rank === 0) return null;
  let below = 0;
  let lower = 0;
  for (const [bound, calls] of bounds) {
    if (calls >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return bound;
      return (lower + (bound - lower) * ((rank - below) / (calls - below))) * 1_000;
    }
    below = calls;
    lower = bound;
  }
  return Number.POSITIVE_INFINITY;
}
