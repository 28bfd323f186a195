import type { ActorStore, CommitBatch } from "@holdfast/actors";
import { type Clock, isHoldfastError } from "@holdfast/core";
import type { Metrics } from "./metrics.ts";
import { tracing } from "./tracing.ts";

/** A store whose commits are counted and timed; everything else is delegated. */
export function measuredStore(store: ActorStore, metrics: Metrics, clock: Clock): ActorStore {
  const failed = (error: unknown): void => {
    metrics.commitsInFlight--;
    metrics.storeFailed(isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error");
  };
  const commit = (batch: CommitBatch): Promise<void> => {
    const startMs = clock.now();
    metrics.commitsInFlight++;
    const done = tracing.enabled
      ? tracing.around("actor.commit", { "actor.id": batch.actorId, "actor.version": batch.version }, () =>
          store.commit(batch),
        )
      : store.commit(batch);
    done.then(() => {
      metrics.commits++;
      metrics.commitsInFlight--;
      metrics.commitDuration.observe(clock.now() - startMs);
    }, failed);
    return done;
  };
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(store, {
    get(target, property) {
      if (property === "commit") return commit;
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      let method = methods.get(property);
      if (method === undefined) {
        method = value.bind(target) as unknown;
        methods.set(property, method);
      }
      return method;
    },
  });
}
