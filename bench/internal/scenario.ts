/**
 * What a benchmark is made of. A scenario runs in a process of its own, asserts that what it measures
 * does its work, measures in rounds that take turns, and says what it saw beside what it is compared with.
 */

export interface Scenario {
  /** Part of the name of its samples' file, and what a filter on the command line looks into. */
  readonly name: string;
  /** Options of the process it runs in. */
  readonly execArgv?: readonly string[];
  /** After this its process is ended and the scenario has failed. 120,000 ms unless given. */
  readonly timeoutMs?: number;
  readonly run: () => Promise<Outcome>;
}

export type Unit = "/s" | "ms" | "us" | "ns" | "bytes" | "times";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** Another figure of ours: not something to compare the first with. */
  readonly own?: true;
  /** What else is known of it, such as its percentiles. */
  readonly detail?: string;
}

export interface Floor {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: Unit;
  /** Whether more is better. */
  readonly better: "more" | "less";
}

export interface Outcome {
  /** Ours first; those of others with the same unit are compared with it. */
  readonly figures: readonly Figure[];
  readonly floors: readonly Floor[];
  /** Every round, as it was measured. */
  readonly samples: unknown;
  readonly notes?: readonly string[];
}

export const roundMs = Number(process.env["BENCH_ROUND_MS"] ?? "600");
/** Many, since the best of a few is luck where a machine is at times half as quick as at others. */
export const rounds = Number(process.env["BENCH_ROUNDS"] ?? "14");

/**
 * Measures each of `targets` in turn, once more than is counted: the first round warms all up. Targets
 * that take turns meet the same moods of the machine. Each second round goes backwards: whoever comes
 * right after a heavy target meets cold caches and its last packets, and that must not always be the same.
 */
export async function interleave<Targets extends Readonly<Record<string, () => unknown>>>(
  targets: Targets,
  count: number = rounds,
): Promise<Samples<Targets>> {
  const samples = new Map<string, unknown[]>(Object.keys(targets).map((name) => [name, []]));
  const forwards = Object.entries(targets);
  const backwards = forwards.toReversed();
  for (let round = -1; round < count; round++) {
    for (const [name, target] of round % 2 === 0 ? forwards : backwards) {
      const sample = await target();
      if (round >= 0) samples.get(name)?.push(sample);
    }
  }
  return Object.fromEntries(samples) as Samples<Targets>;
}

export type Samples<Targets extends Readonly<Record<string, () => unknown>>> = {
  readonly [Name in keyof Targets]: Awaited<ReturnType<Targets[Name]>>[];
};

/** What others do on a machine can only make a round slower: the best ones compare best. */
export function most(values: readonly number[]): number {
  return Math.max(...values);
}

export function least(values: readonly number[]): number {
  return Math.min(...values);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function holds(floor: Floor): boolean {
  return floor.better === "more" ? floor.value >= floor.limit : floor.value <= floor.limit;
}
