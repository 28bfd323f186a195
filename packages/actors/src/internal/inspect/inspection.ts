import { encodeValue, HoldfastError, validate } from "@holdfast/core";
import type {
  ActorInspection,
  InspectedConnection,
  InspectedTab,
  InspectionWatcher,
  KvInspection,
  QueueInspection,
  ScheduleInspection,
  WorkflowInspector,
} from "../../ports/inspection.ts";
import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import { DatabaseView } from "./database.ts";
import type { InspectionDependencies, Turn } from "./dependencies.ts";
import { KvView } from "./kv.ts";
import { ScheduleView } from "./schedules.ts";
import { ensureInspectorToken } from "./token.ts";
import { WatcherRegistry } from "./watching.ts";
import { WorkflowView } from "./workflow.ts";

/** Implements {@link ActorInspection} for one running actor. */
export class Inspection implements ActorInspection {
  readonly schedules: ScheduleInspection;
  readonly workflow: WorkflowInspector;
  readonly database: DatabaseView;
  readonly kv: KvInspection;
  readonly watching = new WatcherRegistry();
  readonly #actor: InspectionDependencies;

  constructor(actor: InspectionDependencies) {
    this.#actor = actor;
    const turn: Turn = (work) => inTurn(actor, work);
    this.schedules = new ScheduleView(actor, turn);
    this.workflow = new WorkflowView(actor);
    this.database = new DatabaseView(actor, turn);
    this.kv = new KvView(actor, turn);
  }

  get isStateEnabled(): boolean {
    return this.#actor.state.exists;
  }

  get isDatabaseEnabled(): boolean {
    return this.#actor.existingParts?.existingDatabase?.access !== undefined;
  }

  get isWorkflowEnabled(): boolean {
    return this.#actor.parts.workflow !== undefined;
  }

  get rpcs(): readonly string[] {
    return [...this.#actor.definition.actions.keys()];
  }

  get events(): readonly string[] {
    return [...this.#actor.definition.events.keys()];
  }

  get tabs(): readonly InspectedTab[] {
    return this.#actor.definition.inspectorTabs.map((tab) => {
      if (tab.type === "hidden") return { id: tab.id, hidden: true };
      const { id, label, source, icon } = tab;
      return { id, label, source, hidden: false, ...(icon === undefined ? {} : { icon }) };
    });
  }

  get queues(): QueueInspection {
    return this.#actor.parts.queues.inspector;
  }

  state(): Uint8Array | undefined {
    if (!this.isStateEnabled) return undefined;
    return encodeValue(this.#actor.state.unwrap(this.#actor.state.value));
  }

  async setState(value: unknown): Promise<void> {
    const actor = this.#actor;
    if (!this.isStateEnabled) {
      throw new HoldfastError("actor", "state_not_enabled", `The actor "${actor.name}" has no state`);
    }
    const { stateSchema } = actor.definition;
    const refusal = { group: "actor", code: "invalid_state", what: "The state" };
    const checked = stateSchema === undefined ? value : await validate(stateSchema, value, refusal);
    await inTurn(actor, () => {
      actor.state.value = checked;
    });
  }

  connections(): readonly InspectedConnection[] {
    const stateEnabled =
      this.#actor.definition.connState !== undefined ||
      this.#actor.definition.hooks.createConnState !== undefined;
    return [...this.#actor.connections.all.values()].map((connection) => {
      const { params, state, subscriptions, rooms } = connection.record();
      const type = connection.sink === undefined ? "request" : "websocket";
      return {
        type,
        id: connection.id,
        details: {
          type,
          params,
          stateEnabled,
          state: this.#actor.state.unwrap(state),
          subscriptions: subscriptions.length,
          events: subscriptions,
          rooms,
          isHibernatable: connection.isHibernatable,
        },
      };
    });
  }

  async disconnect(id: string): Promise<boolean> {
    const connection = this.#actor.connections.all.get(id);
    if (connection === undefined) return false;
    await connection.disconnect("inspector.disconnected");
    return true;
  }

  token(): Promise<string> {
    return inTurn(this.#actor, () => ensureInspectorToken(this.#actor));
  }

  watch(watcher: InspectionWatcher): () => void {
    return this.watching.add(watcher);
  }

  broadcast(event: OutgoingEvent): void {
    this.watching.broadcast(event);
  }
}

async function inTurn<T>(actor: InspectionDependencies, work: () => T | Promise<T>): Promise<T> {
  if (actor.phase.status === "stopped" || actor.phase.sealed) throw actor.errors.stopping();
  // Counts as an action: keeps the actor awake, and waits wherever actions have to wait.
  actor.activity.begin();
  try {
    await actor.transactionLock.enter();
    try {
      const result = (await actor.turn.enter(work)) as T;
      await actor.queue.gate();
      return result;
    } finally {
      actor.transactionLock.leave();
    }
  } finally {
    actor.activity.end();
  }
}
