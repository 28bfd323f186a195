import type { StopReason } from "@holdfast/actors";
import { Histogram, type Sample, writeMetric } from "./prometheus.ts";

const stopReasons: readonly StopReason[] = ["slept", "destroyed", "fenced", "failed", "shutdown"];

/** Counters of all actors of one name: plain numbers, so that counting costs next to nothing. */
export class ActorMetrics {
  /** In memory now. */
  active = 0;
  created = 0;
  woken = 0;
  readonly stopped = new Map<StopReason, number>(stopReasons.map((reason) => [reason, 0]));
  inFlight = 0;
  succeeded = 0;
  failed = 0;
  readonly duration = new Histogram();
}

/** Metrics of one server in the text format of Prometheus. Labels are few: names, never keys or ids. */
export class Metrics {
  readonly #actors = new Map<string, ActorMetrics>();
  readonly commitDuration = new Histogram();
  /** From the time at which a sleeping actor was due until it was in memory. */
  readonly alarmDelay = new Histogram();
  readonly #storeErrors = new Map<string, number>();
  commits = 0;
  commitsInFlight = 0;

  of(name: string): ActorMetrics {
    let metrics = this.#actors.get(name);
    if (metrics === undefined) {
      metrics = new ActorMetrics();
      this.#actors.set(name, metrics);
    }
    return metrics;
  }

  storeFailed(code: string): void {
    this.#storeErrors.set(code, (this.#storeErrors.get(code) ?? 0) + 1);
  }

  /** `gauges` are read at the time of the call. */
  text(gauges: LiveGauges): string {
    const actors = [...this.#actors];
    const each = (value: (metrics: ActorMetrics) => number): Sample[] =>
      actors.map(([name, metrics]) => ({ labels: { actor: name }, value: value(metrics) }));
    const lines = [
      ...writeMetric(
        "holdfast_actors_active",
        "gauge",
        "Actors in memory",
        each((m) => m.active),
      ),
      ...writeMetric(
        "holdfast_actors_created_total",
        "counter",
        "Actors made",
        each((m) => m.created),
      ),
      ...writeMetric(
        "holdfast_actors_woken_total",
        "counter",
        "Wake-ups of actors",
        each((m) => m.woken),
      ),
      ...writeMetric(
        "holdfast_actors_started_total",
        "counter",
        "Starts: creations and wake-ups",
        each((m) => m.created + m.woken),
      ),
      ...writeMetric(
        "holdfast_actors_stopped_total",
        "counter",
        "Actors that left memory, by reason",
        actors.flatMap(([name, metrics]) =>
          [...metrics.stopped].map(([reason, value]) => ({ labels: { actor: name, reason }, value })),
        ),
      ),
      ...writeMetric(
        "holdfast_actions_total",
        "counter",
        "Calls of actions that have ended",
        actors.flatMap(([name, { succeeded, failed }]) => [
          { labels: { actor: name, result: "ok" }, value: succeeded },
          { labels: { actor: name, result: "error" }, value: failed },
        ]),
      ),
      ...writeMetric(
        "holdfast_actions_in_flight",
        "gauge",
        "Calls of actions that run",
        each((m) => m.inFlight),
      ),
      ...actors.flatMap(([name, { duration }], at) =>
        duration.write(
          "holdfast_action_duration_seconds",
          at === 0 ? "From a call to its answer, with the commit before it" : undefined,
          { actor: name },
        ),
      ),
      ...byActor("holdfast_connections", "Open connections", gauges.connections),
      ...byActor("holdfast_queue_messages", "Messages in queues of actors in memory", gauges.queued),
      ...writeMetric("holdfast_commits_total", "counter", "Commits that are durable", [
        { labels: {}, value: this.commits },
      ]),
      ...admitted("holdfast_calls_in_progress", "gauge", "Calls of clients", gauges.admitted?.calls),
      ...admitted("holdfast_calls_refused_total", "counter", "Calls refused", gauges.admitted?.refused),
      ...writeMetric("holdfast_commits_in_flight", "gauge", "Commits that are not durable yet", [
        { labels: {}, value: this.commitsInFlight },
      ]),
      ...this.alarmDelay.write("holdfast_alarm_delay_seconds", "From due to in memory", {}),
      ...this.commitDuration.write("holdfast_commit_duration_seconds", "From hand-over to durable", {}),
      ...writeMetric(
        "holdfast_store_errors_total",
        "counter",
        "Failures of the store, by code",
        [...this.#storeErrors].map(([code, value]) => ({ labels: { code }, value })),
      ),
      ...Object.entries(gauges.store).flatMap(([name, value]) =>
        writeMetric(`holdfast_store_${name}`, name.endsWith("_total") ? "counter" : "gauge", "Of the store", [
          { labels: {}, value },
        ]),
      ),
    ];
    return `${lines.join("\n")}\n`;
  }
}

/** Values that are read on demand instead of counted. */
export interface LiveGauges {
  readonly connections: ReadonlyMap<string, number>;
  readonly queued: ReadonlyMap<string, number>;
  /** Calls of clients that are in progress, and those that were refused; undefined where they are not bounded. */
  readonly admitted: { readonly calls: number; readonly refused: number } | undefined;
  /** By the suffix of the metric's name: `syncs_total`, `wal_bytes`. */
  readonly store: Readonly<Record<string, number>>;
}

function admitted(
  name: string,
  type: "counter" | "gauge",
  help: string,
  value: number | undefined,
): string[] {
  return writeMetric(name, type, help, value === undefined ? [] : [{ labels: {}, value }]);
}

function byActor(name: string, help: string, values: ReadonlyMap<string, number>): string[] {
  return writeMetric(
    name,
    "gauge",
    help,
    [...values].map(([actor, value]) => ({ labels: { actor }, value })),
  );
}
