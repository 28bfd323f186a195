import type { InspectedMessage, InspectedQueue } from "../internal/queue/inspected.ts";
import type { InspectedSchedule } from "../internal/schedule/inspected.ts";
import type { WorkflowInspection } from "../internal/workflow/history/inspected.ts";
import type { CronFire, DeadSchedule } from "../schedule.ts";
import type { OutgoingEvent } from "./outgoing-event.ts";

export type { InspectedMessage, InspectedQueue } from "../internal/queue/inspected.ts";
export type { InspectedSchedule } from "../internal/schedule/inspected.ts";
export type { WorkflowInspection } from "../internal/workflow/history/inspected.ts";

/**
 * Inspection of one running actor. Reads see the same as user code; each change is a separate turn and durable when
 * its promise resolves. Returned values are copies.
 */
export interface ActorInspection {
  readonly isStateEnabled: boolean;
  readonly isDatabaseEnabled: boolean;
  readonly isWorkflowEnabled: boolean;
  /** Actions by dotted name. */
  readonly rpcs: readonly string[];
  readonly events: readonly string[];
  readonly tabs: readonly InspectedTab[];
  /** `encodeValue` of the state; undefined if there is none. */
  state(): Uint8Array | undefined;
  /** Replaces the state. Throws `actor.state_not_enabled`, `actor.invalid_state`, `actor.invalid_state_value`. */
  setState(value: unknown): Promise<void>;
  connections(): readonly InspectedConnection[];
  /** Returns false if no connection has this id. */
  disconnect(id: string): Promise<boolean>;
  readonly queues: QueueInspection;
  readonly schedules: ScheduleInspection;
  readonly workflow: WorkflowInspector;
  readonly database: DatabaseInspection;
  readonly kv: KvInspection;
  /** The secret that gives access to the inspector of this actor; created on first use. */
  token(): Promise<string>;
  /** Calls back after changes are durable. The returned function unsubscribes. */
  watch(watcher: InspectionWatcher): () => void;
}

/** A part of an actor that has changed. */
export type InspectionTopic =
  | "state"
  | "connections"
  | "queue"
  | "workflow"
  | "schedules"
  | "kv"
  | "database";

/** A watcher of an actor, notified of its changes and broadcasts. */
export interface InspectionWatcher {
  changed(topics: ReadonlySet<InspectionTopic>): void;
  /** A broadcast that was sent. */
  broadcast(event: OutgoingEvent): void;
}

/** A tab of the inspector, built in or from the definition. */
export interface InspectedTab {
  readonly id: string;
  readonly label?: string;
  readonly icon?: string;
  /** The directory of a custom tab. */
  readonly source?: string;
  /** A built-in tab that the definition hides. */
  readonly hidden: boolean;
}

/** A connection as the inspector shows it. */
export interface InspectedConnection {
  readonly type: string;
  readonly id: string;
  readonly details: {
    readonly type: string;
    readonly params: unknown;
    readonly stateEnabled: boolean;
    readonly state: unknown;
    readonly subscriptions: number;
    readonly events: readonly string[];
    readonly rooms: readonly string[];
    readonly isHibernatable: boolean;
  };
}

/** The queues of an actor, for the inspector. Each change commits as a separate turn. */
export interface QueueInspection {
  readonly size: number;
  readonly names: readonly string[];
  list(limit: number): Promise<InspectedQueue>;
  send(
    name: string,
    body: unknown,
    options?: unknown,
  ): Promise<{ readonly id: number; readonly name: string; readonly createdAt: number }>;
  clear(): Promise<number>;
  delete(id: number): Promise<boolean>;
  deadLetters(limit: number): Promise<readonly InspectedMessage[]>;
  retry(id: number): Promise<void>;
  deleteDeadLetter(id: number): Promise<void>;
}

/** The schedules of an actor, for the inspector. Each change commits as a separate turn. */
export interface ScheduleInspection {
  list(): Promise<{
    readonly schedules: readonly InspectedSchedule[];
    readonly deadLetters: readonly DeadSchedule[];
  }>;
  history(name: string, limit: number): Promise<readonly CronFire[]>;
  /** Identified by the name of a recurring schedule, or the id of a one-shot. */
  delete(nameOrId: string): Promise<boolean>;
  /**
   * Runs a schedule now; the times of a recurring one do not change. Returns false while it runs, or if it does not
   * exist.
   */
  run(nameOrId: string): Promise<boolean>;
  pause(name: string): Promise<boolean>;
  resume(name: string): Promise<boolean>;
  /** Runs a failed one-shot schedule again. */
  retry(id: string): Promise<boolean>;
}

/** A workflow as the inspector shows it, with its input and output. */
export interface WorkflowDetails extends WorkflowInspection {
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** The workflow of an actor, for the inspector. */
export interface WorkflowInspector {
  history(): Promise<WorkflowDetails>;
  /** Throws `workflow.not_enabled`, `actor.workflow_in_flight`, `workflow.entry_not_found`. */
  replay(entryId?: string): Promise<void>;
  /** Returns false if it had ended. Throws `workflow.not_enabled`. */
  cancel(reason?: string): Promise<boolean>;
}

/** A table or view of an actor's database, as the inspector shows it. */
export interface InspectedTable {
  /** SQLite's error for a view that cannot be read because its table was dropped; such a view has no columns. */
  readonly error?: string;
  readonly table: { readonly schema: string; readonly name: string; readonly type: string };
  readonly columns: readonly {
    readonly cid: number;
    readonly name: string;
    readonly type: string;
    readonly notNull: boolean;
    readonly defaultValue: unknown;
    /** Position in the primary key; 0 if it is not part of it. */
    readonly primaryKey: number;
  }[];
  readonly foreignKeys: readonly {
    readonly id: number;
    readonly table: string;
    readonly from: string;
    readonly to: string | null;
  }[];
  /** Number of rows. */
  readonly records: number;
}

/** Throws `db.not_enabled` if the definition has no `db`. */
export interface DatabaseInspection {
  schema(): Promise<readonly InspectedTable[]>;
  /** Throws `db.table_not_found`. */
  rows(table: string, limit: number, offset: number): Promise<readonly Record<string, unknown>[]>;
  /** Runs SQL in a separate turn; with `readOnly`, only a single statement that reads. */
  execute(
    sql: string,
    args: readonly unknown[] | Readonly<Record<string, unknown>>,
    readOnly?: boolean,
  ): Promise<readonly Record<string, unknown>[]>;
}

/** The key-value entries of user code, for the inspector: as bytes, without the types of `c.kv`. */
export interface KvInspection {
  list(query: {
    readonly prefix: Uint8Array;
    /** The last key of the previous page. */
    readonly after?: Uint8Array | undefined;
    readonly limit: number;
    readonly reverse?: boolean;
  }): Promise<readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]>;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  put(key: Uint8Array, value: Uint8Array): Promise<void>;
  delete(key: Uint8Array): Promise<void>;
}
