/** What `/metrics` of a server says, as far as `holdfast top` shows it. */

/** Counters and values of the actors of one name. Counters begin with the process of the server. */
export interface ActorReading {
  calls: number;
  errors: number;
  /** Calls by duration: upper bounds in seconds, each with the number of calls up to it. */
  readonly durations: Map<number, number>;
  active: number;
  connections: number;
  queued: number;
}

export interface Reading {
  /** When it was read, by a monotonic clock in milliseconds. */
  readonly at: number;
  readonly actors: ReadonlyMap<string, ActorReading>;
  readonly commits: number;
  /** CPU time of the process, in seconds. */
  readonly cpu: number;
  readonly residentBytes: number;
  readonly uptimeSeconds: number;
  /** 99th percentile of the delay of the event loop, in seconds. */
  readonly lagSeconds: number;
  /** Nodes of its cluster that serve, and shards that it holds; undefined for a server without one. */
  readonly cluster: { readonly nodes: number; readonly shards: number } | undefined;
}

const sample = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/;
const label = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text format of Prometheus as our servers write it. What is unknown is left out. */
export function readMetrics(text: string, at: number): Reading {
  const actors = new Map<string, ActorReading>();
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", number] = sample.exec(line) ?? [];
    if (name === undefined || number === undefined) continue;
    const value = Number(number.replace("+Inf", "Infinity"));
    const { actor, ...rest } = labelsOf(labels);
    if (actor !== undefined) addToActor(actors, actor, name, rest, value);
    else if (name !== "holdfast_cluster_nodes" || rest["state"] === "serving") values.set(name, value);
  }
  const of = (name: string): number => values.get(name) ?? 0;
  const shards = values.get("holdfast_cluster_shards");
  return {
    at,
    actors,
    commits: of("holdfast_commits_total"),
    cpu: of("process_cpu_user_seconds_total") + of("process_cpu_system_seconds_total"),
    residentBytes: of("process_resident_memory_bytes"),
    uptimeSeconds: of("process_uptime_seconds"),
    lagSeconds: of("nodejs_eventloop_lag_p99_seconds"),
    cluster: shards === undefined ? undefined : { nodes: of("holdfast_cluster_nodes"), shards },
  };
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(label)].map(([, name = "", value = ""]) => [name, unescaped(value)]);
  return Object.fromEntries(pairs);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

function addToActor(
  actors: Map<string, ActorReading>,
  actor: string,
  metric: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): void {
  const known = actors.get(actor);
  const of = known ?? {
    ...{ calls: 0, errors: 0, active: 0, connections: 0, queued: 0 },
    durations: new Map(),
  };
  if (known === undefined) actors.set(actor, of);
  switch (metric) {
    case "holdfast_actions_total":
      of.calls += value;
      if (labels["result"] === "error") of.errors += value;
      break;
    case "holdfast_action_duration_seconds_bucket":
      of.durations.set(Number((labels["le"] ?? "").replace("+Inf", "Infinity")), value);
      break;
    case "holdfast_actors_active":
      of.active = value;
      break;
    case "holdfast_connections":
      of.connections = value;
      break;
    case "holdfast_queue_messages":
      of.queued = value;
      break;
    default:
  }
}
