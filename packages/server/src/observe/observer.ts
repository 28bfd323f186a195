import type { ActorInstance, InvokeCall, StopReason, TraceAttributes } from "@holdfast/actors";
import { type Clock, isHoldfastError } from "@holdfast/core";
import { type ActorMetrics, type LiveGauges, Metrics } from "./metrics.ts";
import type { SlowCalls } from "./slow-calls.ts";
import { SpanLog } from "./span-log.ts";
import { tracing } from "./tracing.ts";

/** Observes actors: metrics, recent spans, and tracing. */
export class Observer {
  readonly metrics = new Metrics();
  readonly spans = new SpanLog();
  readonly #clock: Clock;
  readonly #slowCalls: SlowCalls | undefined;

  constructor(clock: Clock, slowCalls?: SlowCalls) {
    this.#clock = clock;
    this.#slowCalls = slowCalls;
  }

  /** Called when an instance starts; observes it until it is out of memory. */
  started(instance: ActorInstance, isNew: boolean): void {
    const metrics = this.metrics.of(instance.name);
    metrics.active++;
    if (isNew) metrics.created++;
    else metrics.woken++;
    const { id } = instance;
    const startMs = this.#clock.now();
    const name = isNew ? "create" : "wake";
    const settled = (error: unknown): void => this.#record(id, name, startMs, error, {});
    instance.ready.then(() => settled(undefined), settled);
    if (!tracing.enabled) return;
    tracing.span(`actor.${name}`, attributesOf(instance), (span) => {
      instance.ready.then(() => span.end(), span.end);
    });
  }

  stopped(instance: ActorInstance, reason: StopReason): void {
    const metrics = this.metrics.of(instance.name);
    metrics.active--;
    metrics.stopped.set(reason, (metrics.stopped.get(reason) ?? 0) + 1);
    this.#record(instance.id, "stop", this.#clock.now(), undefined, { reason });
  }

  /** Runs a call of an action; `done` is called once. */
  call(
    instance: ActorInstance,
    call: InvokeCall,
    done: (error: unknown, result: Uint8Array | undefined) => void,
  ): void {
    const metrics = this.metrics.of(instance.name);
    const startMs = this.#clock.now();
    metrics.inFlight++;
    const result = tracing.enabled ? this.#traced(instance, call) : instance.invoke(call);
    result.then(
      (value) => {
        this.#called(metrics, instance, call.name, startMs, undefined);
        done(undefined, value);
      },
      (error: unknown) => {
        this.#called(metrics, instance, call.name, startMs, error);
        done(error, undefined);
      },
    );
  }

  #traced(instance: ActorInstance, call: InvokeCall): Promise<Uint8Array> {
    const attributes = { ...attributesOf(instance), "rpc.method": call.name };
    return tracing.around(`${instance.name}.${call.name}`, attributes, () => instance.invoke(call));
  }

  /** Runs work of an actor in a span. */
  async trace<T>(
    actorId: string,
    name: string,
    attributes: TraceAttributes,
    work: () => Promise<T>,
  ): Promise<T> {
    const startMs = this.#clock.now();
    const all = { "actor.id": actorId, ...attributes };
    try {
      const result = await (tracing.enabled ? tracing.around(name, all, work) : work());
      this.#record(actorId, name, startMs, undefined, attributes);
      return result;
    } catch (error) {
      this.#record(actorId, name, startMs, error, attributes);
      throw error;
    }
  }

  /** The metrics of the actors for `/metrics`. */
  text(instances: Iterable<ActorInstance>, store: object, admitted: LiveGauges["admitted"]): string {
    const connections = new Map<string, number>();
    const queued = new Map<string, number>();
    for (const instance of instances) {
      const load = instance.load();
      connections.set(instance.name, (connections.get(instance.name) ?? 0) + load.connections);
      queued.set(instance.name, (queued.get(instance.name) ?? 0) + load.queued);
    }
    return this.metrics.text({ connections, queued, store: statsOf(store), admitted });
  }

  #called(
    metrics: ActorMetrics,
    instance: ActorInstance,
    name: string,
    startMs: number,
    error: unknown,
  ): void {
    metrics.inFlight--;
    // A call that was refused by a stopping instance has not run: the next instance takes it.
    if (isHoldfastError(error) && error.group === "actor" && error.code === "stopping") return;
    if (error === undefined) metrics.succeeded++;
    else metrics.failed++;
    const endMs = this.#clock.now();
    metrics.duration.observe(endMs - startMs);
    const code = error === undefined ? undefined : codeOf(error);
    this.#slowCalls?.ended(instance, name, endMs - startMs, endMs, code);
    this.spans.add(instance.id, name, startMs, endMs - startMs, code, ofAction);
  }

  #record(id: string, name: string, startMs: number, error: unknown, attributes: TraceAttributes): void {
    const code = error === undefined ? undefined : codeOf(error);
    this.spans.add(id, name, startMs, this.#clock.now() - startMs, code, attributes);
  }
}

const ofAction = { kind: "action" } as const;

function attributesOf({ id, name }: ActorInstance): Record<string, string> {
  return { "actor.id": id, "actor.name": name };
}

function codeOf(error: unknown): string {
  return isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
}

/** Counters of a store, by metric name. */
const storeCounters: Readonly<Record<string, string>> = {
  transactions: "transactions_total",
  syncs: "syncs_total",
  checkpoints: "checkpoints_total",
  holds: "holds_total",
  walBytes: "wal_bytes",
  openFiles: "open_files",
  retries: "retries_total",
  settled: "settled_total",
  waitingCommits: "waiting_commits",
  waitingBytes: "waiting_bytes",
  pagesLoaded: "pages_loaded_total",
  unavailableDatabases: "unavailable_databases",
};

function statsOf(store: object): Record<string, number> {
  if (!("stats" in store) || typeof store.stats !== "function") return {};
  const stats: unknown = store.stats();
  if (typeof stats !== "object" || stats === null) return {};
  return Object.fromEntries(
    Object.entries(stats).flatMap(([name, value]: [string, unknown]) => {
      const shown = storeCounters[name];
      return shown !== undefined && typeof value === "number" ? [[shown, value]] : [];
    }),
  );
}
