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
import type { InspectedActor, Turn } from "./inspected-actor.ts";
import { KvView } from "./kv.ts";
import { ScheduleView } from "./schedules.ts";
import { inspectorToken } from "./token.ts";
import { Watching } from "./watching.ts";
import { WorkflowView } from "./workflow.ts";

/** {@link ActorInspection} of one running actor. */
export class Inspection implements ActorInspection {
  readonly schedules: ScheduleInspection;
  readonly workflow: WorkflowInspector;
  readonly database: DatabaseView;
  readonly kv: KvInspection;
  readonly watching = new Watching();
  readonly #runtime: InspectedActor;

  constructor(runtime: InspectedActor) {
    this.#runtime = runtime;
    const turn: Turn = (work) => inTurn(runtime, work);
    this.schedules = new ScheduleView(runtime, turn);
    this.workflow = new WorkflowView(runtime);
    this.database = new DatabaseView(runtime, turn);
    this.kv = new KvView(runtime, turn);
  }

  get isStateEnabled(): boolean {
    return this.#runtime.stateHolder.exists;
  }

  get isDatabaseEnabled(): boolean {
    return this.#runtime.existingParts?.existingDatabase?.access !== undefined;
  }

  get isWorkflowEnabled(): boolean {
    return this.#runtime.parts.workflow !== undefined;
  }

  get rpcs(): readonly string[] {
    return [...this.#runtime.definition.actions.keys()];
  }

  get events(): readonly string[] {
    return [...this.#runtime.definition.events.keys()];
  }

  get tabs(): readonly InspectedTab[] {
    return this.#runtime.definition.inspectorTabs.map((tab) => {
      if (tab.type === "hidden") return { id: tab.id, hidden: true };
      const { id, label, source, icon } = tab;
      return { id, label, source, hidden: false, ...(icon === undefined ? {} : { icon }) };
    });
  }

  get queues(): QueueInspection {
    return this.#runtime.parts.queues.inspector;
  }

  state(): Uint8Array | undefined {
    if (!this.isStateEnabled) return undefined;
    return encodeValue(this.#runtime.unwrap(this.#runtime.state));
  }

  async setState(value: unknown): Promise<void> {
    const runtime = this.#runtime;
    if (!this.isStateEnabled) {
      throw new HoldfastError("actor", "state_not_enabled", `The actor "${runtime.name}" has no state`);
    }
    const { stateSchema } = runtime.definition;
    const refusal = { group: "actor", code: "invalid_state", what: "The state" };
    const checked = stateSchema === undefined ? value : await validate(stateSchema, value, refusal);
    await inTurn(runtime, () => {
      runtime.state = checked;
    });
  }

  connections(): readonly InspectedConnection[] {
    const stateEnabled =
      this.#runtime.definition.connState !== undefined ||
      this.#runtime.definition.hooks.createConnState !== undefined;
    return [...this.#runtime.conns.values()].map((connection) => {
      const { params, state, subscriptions, rooms } = connection.record();
      const type = connection.sink === undefined ? "request" : "websocket";
      return {
        type,
        id: connection.id,
        details: {
          type,
          params,
          stateEnabled,
          state: this.#runtime.unwrap(state),
          subscriptions: subscriptions.length,
          events: subscriptions,
          rooms,
          isHibernatable: connection.isHibernatable,
        },
      };
    });
  }

  async disconnect(id: string): Promise<boolean> {
    const connection = this.#runtime.conns.get(id);
    if (connection === undefined) return false;
    await connection.disconnect("inspector.disconnected");
    return true;
  }

  token(): Promise<string> {
    return inTurn(this.#runtime, () => inspectorToken(this.#runtime));
  }

  watch(watcher: InspectionWatcher): () => void {
    return this.watching.add(watcher);
  }

  broadcast(event: OutgoingEvent): void {
    this.watching.broadcast(event);
  }
}

async function inTurn<T>(runtime: InspectedActor, work: () => T | Promise<T>): Promise<T> {
  if (runtime.status === "stopped" || runtime.sealed) throw runtime.errors.stopping();
  // As an action: it keeps the actor awake, and waits where actions have to wait.
  runtime.activity.begin();
  try {
    await runtime.transactionLock.enter();
    try {
      const result = (await runtime.enter(work)) as T;
      await runtime.queue.gate();
      return result;
    } finally {
      runtime.transactionLock.leave();
    }
  } finally {
    runtime.activity.end();
  }
}
