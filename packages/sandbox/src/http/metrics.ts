import type { ServerResponse } from "node:http";

/** Value of a metric: one number, or one number for each set of labels. */
export type MetricValue =
  | number
  | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

interface Gauge {
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly read: () => MetricValue;
}

/** Upper bounds of the histogram buckets, in seconds. */
const bucketBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface RouteStats {
  readonly requestCounts: Map<string, { readonly labels: string; count: number }>;
  readonly buckets: Float64Array;
  totalSeconds: number;
}

/**
 * Metrics of the server in the Prometheus text format 0.0.4. Labels hold declared routes, methods and statuses, never
 * paths, ids or names of callers, so that their number stays small.
 */
export class Metrics {
  readonly #routes = new Map<string, RouteStats>();
  readonly #gauges = new Map<string, Gauge>();
  inFlight = 0;

  constructor() {
    this.gauge("holdfast_sandbox_requests_in_flight", "Requests in flight", () => this.inFlight);
    this.gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
    this.gauge("process_start_time_seconds", "Start time of the process, in seconds since the epoch", () =>
      Math.round(Date.now() / 1_000 - process.uptime()),
    );
    this.counter("process_cpu_seconds_total", "User and system CPU time of the process", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
  }

  /** Registers a gauge. `read` runs at each scrape. A later gauge of the same name replaces this one. */
  gauge(name: string, help: string, read: () => MetricValue): void {
    this.#gauges.set(name, { type: "gauge", help, read });
  }

  counter(name: string, help: string, read: () => MetricValue): void {
    this.#gauges.set(name, { type: "counter", help, read });
  }

  /** Records a finished response. `route` is the path as declared, not as requested. */
  recordResponse(route: string, method: string, response: ServerResponse, milliseconds: number): void {
    let stats = this.#routes.get(route);
    if (!stats) {
      stats = {
        requestCounts: new Map(),
        buckets: new Float64Array(bucketBounds.length + 1),
        totalSeconds: 0,
      };
      this.#routes.set(route, stats);
    }
    const seconds = milliseconds / 1_000;
    let at = 0;
    while (at < bucketBounds.length && seconds > (bucketBounds[at] ?? 0)) at += 1;
    stats.buckets[at] = (stats.buckets[at] ?? 0) + 1;
    stats.totalSeconds += seconds;
    const { statusCode } = response;
    const key = `${method} ${statusCode}`;
    const existing = stats.requestCounts.get(key);
    if (existing) {
      existing.count += 1;
      return;
    }
    const labels = labelText({ route, method, status: String(statusCode) });
    stats.requestCounts.set(key, { labels, count: 1 });
  }

  render(): string {
    const lines: string[] = [];
    const name = "holdfast_sandbox_requests_total";
    lines.push(`# HELP ${name} Finished requests`, `# TYPE ${name} counter`);
    for (const { requestCounts } of this.#routes.values()) {
      for (const { labels, count } of requestCounts.values()) lines.push(`${name}${labels} ${count}`);
    }
    this.#appendDurations(lines);
    for (const [gauge, { type, help, read }] of this.#gauges) {
      lines.push(`# HELP ${gauge} ${help}`, `# TYPE ${gauge} ${type}`);
      const reading = read();
      if (typeof reading === "number") lines.push(`${gauge} ${reading}`);
      else for (const { labels, value } of reading) lines.push(`${gauge}${labelText(labels)} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #appendDurations(lines: string[]): void {
    const name = "holdfast_sandbox_request_duration_seconds";
    lines.push(`# HELP ${name} Time from the request to the end of its response`, `# TYPE ${name} histogram`);
    for (const [route, { buckets, totalSeconds }] of this.#routes) {
      let below = 0;
      for (const [index, count] of buckets.entries()) {
        below += count;
        lines.push(
          `${name}_bucket${labelText({ route, le: String(bucketBounds[index] ?? "+Inf") })} ${below}`,
        );
      }
      lines.push(`${name}_sum${labelText({ route })} ${totalSeconds}`);
      lines.push(`${name}_count${labelText({ route })} ${below}`);
    }
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",")}}`;
}
