/** The text format of Prometheus, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** One metric with its samples; empty without samples. */
export function writeMetric(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly Sample[],
): string[] {
  if (samples.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, value }) => `${name}${labelText(labels)} ${number(value)}`),
  ];
}

/** Upper bounds in seconds. */
const bounds = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Histogram of durations. */
export class Histogram {
  /** Per bucket, not cumulative; the last one counts values beyond all bounds. */
  readonly #counts = new Float64Array(bounds.length + 1);
  #sum = 0;

  observe(milliseconds: number): void {
    const seconds = milliseconds / 1_000;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] ?? 0)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** With the header if `help` is given: several histograms of one name share it. */
  write(name: string, help: string | undefined, labels: Labels): string[] {
    const header = help === undefined ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    let below = 0;
    const buckets = bounds.map((bound, at) => {
      below += this.#counts[at] ?? 0;
      return `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}`;
    });
    const { count } = this;
    return [
      ...header,
      ...buckets,
      `${name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`,
      `${name}_sum${labelText(labels)} ${number(this.#sum)}`,
      `${name}_count${labelText(labels)} ${count}`,
    ];
  }
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
