/** Responses of the inspector API: docs/reference/inspector.md. Times are milliseconds since the epoch. */

export interface ActorAddress {
  readonly name: string;
  readonly id: string;
}

export type ActorStatus = "running" | "sleeping";

export interface ActorSummary extends ActorAddress {
  readonly key: readonly string[];
  readonly status: ActorStatus;
  readonly createdAt: number;
  readonly wakeAt?: number;
}

export interface ActorPage {
  readonly actors: readonly ActorSummary[];
  readonly cursor?: string;
  /** Names of the nodes of a cluster that did not say which actors run there. */
  readonly unanswered?: readonly string[];
}

export interface ActorFilter {
  readonly name?: string | undefined;
  /** Prefix of the first component of the key. */
  readonly prefix?: string | undefined;
  readonly status?: ActorStatus | undefined;
}

export interface CustomTab {
  readonly id: string;
  readonly label?: string;
  readonly hidden: boolean;
}

export interface InspectedActor extends ActorAddress {
  readonly key: readonly string[];
  readonly createdAt?: number;
  readonly wakeAt?: number;
  readonly state: unknown;
  readonly isStateEnabled: boolean;
  readonly connections: readonly Connection[];
  readonly rpcs: readonly string[];
  readonly events: readonly string[];
  readonly queues: readonly string[];
  readonly queueSize: number;
  readonly isDatabaseEnabled: boolean;
  readonly isWorkflowEnabled: boolean;
  readonly tabs: readonly CustomTab[];
}

export interface Connection {
  readonly type: string;
  readonly id: string;
  readonly details: {
    readonly params: unknown;
    readonly stateEnabled: boolean;
    readonly state: unknown;
    readonly subscriptions: number;
    readonly events?: readonly string[];
    readonly rooms: readonly string[];
    readonly isHibernatable: boolean;
  };
}

export interface QueueMessage {
  readonly id: number;
  readonly name: string;
  readonly createdAtMs: number;
  readonly attempt: number;
  readonly priority: number;
  readonly status: "ready" | "delayed" | "out" | "dead";
  readonly availableAt?: number;
  readonly expiresAt?: number;
  readonly body: unknown;
  readonly death?: { readonly queue: string; readonly failedAt: number; readonly reason: string };
}

export interface QueueView {
  readonly size: number;
  readonly maxSize: number;
  readonly truncated: boolean;
  readonly messages: readonly QueueMessage[];
}

export interface FireError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
}

export interface Schedule {
  readonly id: string;
  readonly running: boolean;
  readonly kind: "at" | "cron" | "every";
  readonly action: string;
  readonly args: readonly unknown[];
  /** For a recurring schedule. */
  readonly name?: string;
  readonly nextRunAt?: number;
  readonly lastRunAt?: number;
  readonly paused?: true;
  readonly expression?: string;
  readonly timezone?: string;
  readonly interval?: number;
  /** For a schedule that runs once. */
  readonly runAt?: number;
  readonly attempts?: number;
}

export interface DeadSchedule {
  readonly id: string;
  readonly action: string;
  readonly args: readonly unknown[];
  readonly scheduledAt: number;
  readonly failedAt: number;
  readonly attempts: number;
  readonly error: FireError;
}

export interface SchedulesView {
  readonly schedules: readonly Schedule[];
  readonly deadLetters: readonly DeadSchedule[];
}

export interface CronFire {
  readonly action: string;
  readonly scheduledAt: number;
  readonly firedAt: number;
  readonly finishedAt?: number;
  readonly result: "running" | "ok" | "error" | "skipped";
  readonly error?: FireError;
}

export interface WorkflowEntry {
  readonly id: string;
  readonly location: readonly (
    | { readonly tag: "WorkflowNameIndex"; readonly val: number }
    | {
        readonly tag: "WorkflowLoopIterationMarker";
        readonly val: { readonly loop: number; readonly iteration: number };
      }
  )[];
  readonly kind: { readonly tag: string; readonly val: Readonly<Record<string, unknown>> };
}

export interface WorkflowEntryFacts {
  readonly status: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly lastAttemptAt: number;
  readonly createdAt: number;
  readonly completedAt: number | null;
  readonly rollbackCompletedAt: number | null;
  readonly rollbackError: string | null;
}

export interface WorkflowHistory {
  readonly nameRegistry: readonly string[];
  readonly entries: readonly WorkflowEntry[];
  readonly entryMetadata: Readonly<Record<string, WorkflowEntryFacts>>;
}

export interface WorkflowView {
  readonly history: WorkflowHistory | null;
  readonly workflowState: string | null;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

export interface DatabaseTable {
  readonly table: { readonly schema: string; readonly name: string; readonly type: string };
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly notNull: boolean;
    readonly primaryKey: number;
  }[];
  readonly foreignKeys: readonly {
    readonly table: string;
    readonly from: string;
    readonly to: string | null;
  }[];
  readonly records: number;
}

export type DatabaseRow = Readonly<Record<string, unknown>>;

export interface KvEntry {
  /** In base64url. */
  readonly key: string;
  /** Set if the key is text. */
  readonly keyText?: string;
  readonly size: number;
  /** Set if the value is text. */
  readonly text?: string;
  readonly value: unknown;
}

export interface KvPage {
  readonly entries: readonly KvEntry[];
  readonly cursor?: string;
}

export interface LogRecord {
  readonly seq: number;
  readonly time: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Span {
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly ok: boolean;
  readonly error?: unknown;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** An event that the actor broadcast while this page was open. */
export interface SeenEvent {
  readonly seq: number;
  readonly at: number;
  readonly name: string;
  readonly args: readonly unknown[];
}
