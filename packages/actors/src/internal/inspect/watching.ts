import type { InspectionTopic, InspectionWatcher } from "../../ports/inspection.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import { space } from "../kv/entry-buffer.ts";
import { recordPrefix } from "../lifecycle/part.ts";
import type { Changes } from "../turn/commit-queue.ts";

const topicOf: ReadonlyMap<number, InspectionTopic> = new Map([
  [recordPrefix.schedule, "schedules"],
  [recordPrefix.scheduleHistory, "schedules"],
  [recordPrefix.connection, "connections"],
  [recordPrefix.queue, "queue"],
  [recordPrefix.queueMessage, "queue"],
  [recordPrefix.queueDead, "queue"],
  [recordPrefix.workflow, "workflow"],
  [recordPrefix.workflowHistory, "workflow"],
]);

/** Watchers of an actor and their pending notifications. Without watchers, changes are not inspected. */
export class WatcherRegistry {
  readonly #watchers = new Set<InspectionWatcher>();
  /** Topics changed by each pending commit, by version. */
  readonly #pending = new Map<number, Set<InspectionTopic>>();

  get hasWatchers(): boolean {
    return this.#watchers.size > 0;
  }

  add(watcher: InspectionWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Called when a turn is sent to the store. */
  collected(version: number, changes: Changes): void {
    if (!this.hasWatchers) return;
    const topics = new Set<InspectionTopic>();
    if (changes.state !== undefined) topics.add("state");
    if (changes.database === true) topics.add("database");
    for (const operation of changes.kv ?? []) {
      const key = operation.type === "delete-range" ? operation.start : operation.key;
      if (key[0] === space.user) topics.add("kv");
      const topic = key[0] === space.records ? topicOf.get(key[1] ?? 0) : undefined;
      if (topic !== undefined) topics.add(topic);
    }
    if (topics.size > 0) this.#pending.set(version, topics);
  }

  landed(version: number): void {
    const topics = this.#pending.get(version);
    if (topics === undefined) return;
    this.#pending.delete(version);
    this.#notify(topics);
  }

  connectionsChanged(): void {
    if (this.hasWatchers) this.#notify(new Set<InspectionTopic>(["connections"]));
  }

  broadcast(event: OutgoingEvent): void {
    for (const watcher of this.#watchers) watcher.broadcast(event);
  }

  #notify(topics: ReadonlySet<InspectionTopic>): void {
    for (const watcher of this.#watchers) watcher.changed(topics);
  }
}
