/**
 * Building blocks of benchmarks. A scenario runs in its own process, asserts that the work was really done, measures
 * ours and its references in alternating rounds, and reports both.
 */

export interface Scenario {
  /** Part of the file name of its samples, and what filters on the command line match. */
  readonly name: string;
  /** Node options of its process. */
  readonly execArgv?: readonly string[];
  /** Time after which its process is killed and the scenario fails. Default: 120,000 ms. */
  readonly timeoutMs?: number;
  readonly run: () => Promise<Outcome>;
}

export type Unit = "/s" | "ms" | "us" | "ns" | "bytes" | "times";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: Unit;
  /** True for another figure of ours, which is not compared with the first. */
  readonly own?: true;
  /** Further results, such as percentiles. */
  readonly detail?: string;
}

export interface Floor {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: Unit;
  /** Whether higher or lower values are better. */
  readonly better: "more" | "less";
}

export interface Outcome {
  /** Ours comes first and is compared with all others of the same unit. */
  readonly figures: readonly Figure[];
  readonly floors: readonly Floor[];
  /** Every measured round. */
  readonly samples: unknown;
  readonly notes?: readonly string[];
}

export const roundMs = Number(process.env["BENCH_ROUND_MS"] ?? "600");
/** Many, because the best of a few rounds is luck on a machine whose speed varies by a factor of two. */
export const rounds = Number(process.env["BENCH_ROUNDS"] ?? "14");

/**
 * Measures all `targets` in alternation, with one uncounted warm-up round. Alternating targets meet the same
 * conditions of the machine. Every second round runs in reverse order, because a target that follows a heavy one meets
 * cold caches and late packets.
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

/** Other load on a machine can only make a round slower, so the best rounds are compared. */
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
