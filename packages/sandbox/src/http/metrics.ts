import type { ServerResponse } from "node:http";

/** One reading of a gauge: a number, or numbers under labels. */
export type Reading =
  | number
  | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

interface Gauge {
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly read: () => Reading;
}

/** Upper bounds in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface RouteCount {
  readonly byAnswer: Map<string, { readonly labels: string; count: number }>;
  readonly buckets: Float64Array;
  seconds: number;
}

/**
 * What the server counts, in the text format of Prometheus 0.0.4. Labels are routes as they are
 * declared, methods and statuses: never paths, ids or names of callers.
 */
export class Metrics {
  readonly #routes = new Map<string, RouteCount>();
  readonly #gauges = new Map<string, Gauge>();
  inFlight = 0;

  constructor() {
    this.gauge(
      "holdfast_sandbox_requests_in_flight",
      "Requests that are not answered yet",
      () => this.inFlight,
    );
    this.gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
    this.gauge("process_start_time_seconds", "Start of the process, seconds since the epoch", () =>
      Math.round(Date.now() / 1_000 - process.uptime()),
    );
    this.counter("process_cpu_seconds_total", "Processor time, user and system", () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
  }

  /** Declares a gauge that is read when the metrics are; `name` is written once, whoever declares it last. */
  gauge(name: string, help: string, read: () => Reading): void {
    this.#gauges.set(name, { type: "gauge", help, read });
  }

  counter(name: string, help: string, read: () => Reading): void {
    this.#gauges.set(name, { type: "counter", help, read });
  }

  /** Counts an answer; `route` is the path as declared. */
  answered(route: string, method: string, response: ServerResponse, milliseconds: number): void {
    let found = this.#routes.get(route);
    if (!found) {
      found = { byAnswer: new Map(), buckets: new Float64Array(bounds.length + 1), seconds: 0 };
      this.#routes.set(route, found);
    }
    const seconds = milliseconds / 1_000;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] ?? 0)) at += 1;
    found.buckets[at] = (found.buckets[at] ?? 0) + 1;
    found.seconds += seconds;
    const { statusCode } = response;
    const key = `${method} ${statusCode}`;
    const counted = found.byAnswer.get(key);
    if (counted) {
      counted.count += 1;
      return;
    }
    const labels = labelText({ route, method, status: String(statusCode) });
    found.byAnswer.set(key, { labels, count: 1 });
  }

  text(): string {
    const lines: string[] = [];
    const name = "holdfast_sandbox_requests_total";
    lines.push(`# HELP ${name} Requests that were answered`, `# TYPE ${name} counter`);
    for (const { byAnswer } of this.#routes.values()) {
      for (const { labels, count } of byAnswer.values()) lines.push(`${name}${labels} ${count}`);
    }
    this.#durations(lines);
    for (const [gauge, { type, help, read }] of this.#gauges) {
      lines.push(`# HELP ${gauge} ${help}`, `# TYPE ${gauge} ${type}`);
      const reading = read();
      if (typeof reading === "number") lines.push(`${gauge} ${reading}`);
      else for (const { labels, value } of reading) lines.push(`${gauge}${labelText(labels)} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #durations(lines: string[]): void {
    const name = "holdfast_sandbox_request_duration_seconds";
    lines.push(`# HELP ${name} From a request to the end of its answer`, `# TYPE ${name} histogram`);
    for (const [route, { buckets, seconds }] of this.#routes) {
      let below = 0;
      for (const [index, count] of buckets.entries()) {
        below += count;
        lines.push(`${name}_bucket${labelText({ route, le: String(bounds[index] ?? "+Inf") })} ${below}`);
      }
      lines.push(`${name}_sum${labelText({ route })} ${seconds}`);
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
