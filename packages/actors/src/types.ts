import type { AnyRegistry, ClientOf, EventArguments, EventName, UntypedRegistry } from "@holdfast/client";
import type { Logger } from "@holdfast/core";
import type { ActorBlobs } from "./blob.ts";
import type { DatabaseClient } from "./database/database.ts";
import type { ActorKv } from "./kv.ts";
import type { ActorLogger } from "./logger.ts";
import type { ActorQueue } from "./queue.ts";
import type { ActorCron, ActorSchedule } from "./schedule.ts";

/**
 * The type of `c.broadcast` and `conn.send`, with the types of `events`. Undeclared events can be sent too; a literal
 * name that is declared never matches that overload.
 */
export type SendEvent<Events> = (<Name extends EventName<Events>>(
  name: Name,
  ...args: EventArguments<Events, Name>
) => void) &
  (<Name extends string>(name: Name extends keyof Events ? never : Name, ...args: unknown[]) => void);

/** A connection, its id, or several of them. */
export type ConnSelection = ConnIdentity | string | readonly (ConnIdentity | string)[];

interface ConnIdentity {
  readonly id: string;
}

/** Restricts the receivers among the subscribers of an event; conditions are combined. */
export interface BroadcastTarget {
  /** Only connections in this room. */
  readonly room?: string | undefined;
  readonly to?: ConnSelection | undefined;
  readonly except?: ConnSelection | undefined;
}

/** The type of `c.broadcast`: an event by name, or by name and target. */
export type Broadcast<Events> = SendEvent<Events> &
  (<Name extends EventName<Events>>(
    target: BroadcastTarget & { readonly event: Name },
    ...args: EventArguments<Events, Name>
  ) => void);

/** Presence: at most one value per live connection, removed when it ends. */
export interface ActorPresence {
  /** Notifies all listeners of `onPresence`. Throws `conn.not_connected` for a stateless call. */
  set(conn: ConnIdentity | string, value: unknown): void;
  get(conn: ConnIdentity | string): unknown;
  /** Returns false if there was none. */
  delete(conn: ConnIdentity | string): boolean;
  /** Values by connection id. */
  readonly all: ReadonlyMap<string, unknown>;
}

/** One live connection of the actor, or the short-lived one of a stateless call. */
export interface Conn<ConnState = unknown, ConnParams = unknown, Events = Record<never, never>> {
  readonly id: string;
  readonly params: ConnParams;
  /** Data that lives as long as the connection, also across sleeps; commits with the turn. */
  state: ConnState;
  /** The result of `onAuth`. */
  readonly auth: AuthData;
  /** True if the connection outlives the actor's sleep. */
  readonly isHibernatable: boolean;
  readonly rooms: ReadonlySet<string>;
  /** Joins a room: `c.broadcast({ event, room }, ...)` reaches it. Ends with the connection. */
  join(room: string): void;
  leave(room: string): void;
  /** Sends an event to this connection only, after the preceding commit. */
  readonly send: SendEvent<Events>;
  /** Closes the connection, after everything sent to it. */
  disconnect(reason?: string): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: programs of the predecessor write `c.conn.auth.userId`; the definition has no type parameter for what its own onAuth returns.
export type AuthData = any;

/** How `saveState` saves for an actor with relaxed durability; see `durability` of the options. */
export interface SaveStateOptions {
  /** Saves now and resolves once durable. */
  readonly immediate?: boolean;
  /** Saves within this number of milliseconds, if that is sooner than `stateSaveInterval`. */
  readonly maxWait?: number;
}

/** Controls the `run` handler from the rest of the actor. */
export interface RunControl {
  /**
   * Starts `run` again at this time (milliseconds since the epoch), even if the actor sleeps or the process is down
   * then; `null` cancels it. Commits with the turn. A handler that is still running is not started a second time.
   */
  setWakeAt(at: number | null): Promise<void>;
}

/** The operation that a caller requests. */
export type AuthIntent = "get" | "create" | "connect" | "action" | "message";

/** The second argument of `onAuth`. */
export interface AuthOptions<ConnParams = unknown> {
  /** The head of the request; its body belongs to the actor. */
  readonly req: Request;
  /** The same as `req`. */
  readonly request: Request;
  readonly params: ConnParams;
  readonly intents: ReadonlySet<AuthIntent>;
}

/**
 * The first argument of `onAuth`; no actor has been looked up yet. It includes the options, because a hook with one
 * argument reads them here.
 */
export interface AuthContext<ConnParams = unknown> extends AuthOptions<ConnParams> {
  readonly name: string;
  /** Undefined for an actor that is addressed by its id. */
  readonly key: readonly string[] | undefined;
  readonly actorId: string | undefined;
  readonly log: Logger;
}

/** Members of every context, also while the actor is being created. */
export interface BaseContext {
  readonly actorId: string;
  readonly name: string;
  readonly key: string[];
  /** Where the actor runs: "local" unless the host sets a region. */
  readonly region: string;
  /** Structured logger with actorId, name and key bound. */
  readonly log: ActorLogger;
  /** Ordered key-value pairs; writes commit with the turn, reads see them immediately. */
  readonly kv: ActorKv;
  /** Large objects, by the hash of their content. */
  readonly blob: ActorBlobs;
  /** Runs an action once, later; wakes the actor, and survives restarts. */
  readonly schedule: ActorSchedule;
  /** Runs actions repeatedly, by cron expression or interval. */
  readonly cron: ActorCron;
  /** Aborts when the actor starts to stop; in an action also when the call is cancelled or times out. */
  readonly abortSignal: AbortSignal;
  readonly aborted: boolean;
  /** The request of the connection or call, if there was one. */
  readonly request: Request | undefined;
  /** Keeps the actor awake until the promise settles; a sleep waits for it too. Returns the promise. */
  keepAwake<T>(promise: Promise<T>): Promise<T>;
  /** Lets a sleep or destruction wait for the promise, within `sleepGracePeriod`. */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Resolves when all preceding writes are durable; rejects with the store's error. With relaxed durability, it waits
   * only with `immediate`.
   */
  saveState(options?: SaveStateOptions): Promise<void>;
  /** Requests a sleep after the current work. Throws `actor.starting` in start hooks. */
  sleep(): void;
  /**
   * Requests the destruction of the actor and all its data after the current work. Throws `actor.starting` in start
   * hooks.
   */
  destroy(): void;
  /** As the global `fetch`; the request is sent after the preceding commit. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Runs `fn` exclusively: actions and connections wait. If it throws, its changes of state, kv, database, queues and
   * schedules are rolled back, its events are not sent, and the error is passed on. Output that needs an earlier
   * commit (`fetch`, another actor, `saveState`) throws `actor.output_in_transaction`; a nested transaction throws
   * `actor.nested_transaction`.
   */
  transaction<T>(fn: () => T | Promise<T>): Promise<T>;
  /** Runs `fn` while no new action, connection or request starts. */
  blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T>;
  /** @deprecated Has no effect: use `keepAwake`. */
  setPreventSleep(prevent: boolean): void;
  /** @deprecated Always false: use `keepAwake`. */
  readonly preventSleep: boolean;
  /** A client for calls to other actors; each call is sent after the preceding commit. */
  client<R extends AnyRegistry = UntypedRegistry>(): ClientOf<R>;
}

/** The context of `createState`: the actor's storage, before there is a state. */
export interface StorageContext<Database, Queues> extends BaseContext {
  /**
   * The actor's own SQLite database. Without `db` in the definition it is opened on first use: before that, `query`
   * and `get` throw `db.not_open`.
   */
  readonly db: DatabaseClient<Database>;
  /** The actor's durable queues: docs/reference/queues.md. */
  readonly queue: ActorQueue<Queues>;
}

/** The context of `onCreate`, `createVars` and `onMigrate`: everything except `vars`. */
export interface StateContext<State, ConnParams, ConnState, Database, Events, Queues>
  extends StorageContext<Database, Queues> {
  /** Assign to it or to anything within it; see docs/reference/actors.md for the supported values. */
  state: State;
  /** A read-only `Map`, typed as `Map` for functions that accept one. */
  readonly conns: Map<string, Conn<ConnState, ConnParams, Events>>;
  /** Sends an event to subscribed connections, after the preceding commit. */
  readonly broadcast: Broadcast<Events>;
  readonly presence: ActorPresence;
}

/** The context of most hooks. */
export interface ActorContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  _Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends StateContext<State, ConnParams, ConnState, Database, Events, Queues> {
  /** In memory only; created at each start. */
  vars: Vars;
  readonly run: RunControl;
}

/** The context of `onConnect` and `onDisconnect`. */
export interface ConnContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> {
  readonly conn: Conn<ConnState, ConnParams, Events>;
}

/** The context of an action; `conn` of a stateless call ends with it, and a scheduled one has none. */
export interface ActionContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends ConnContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> {}

/** The context of `onRequest` and `onWebSocket`. */
export interface RequestContext<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
> extends ConnContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> {
  readonly request: Request;
}

/** An action: its context, then the caller's arguments. */
// biome-ignore lint/suspicious/noExplicitAny: with `any`, and with nothing else, TypeScript need not know what an action returns to accept it: an action may call others by the type of the registry that it is part of.
export type Action<Context> = (c: Context, ...args: never[]) => any;

/** Actions by name; a nested object is a group: `users.add`. */
export interface ActionTree<Context> {
  readonly [name: string]: Action<Context> | ActionTree<Context>;
}

/** Durations in milliseconds, sizes in bytes. `Infinity` turns a timeout off. */
export interface ActorOptions {
  /** Display name, and an emoji or the name of an icon. */
  readonly name?: string | undefined;
  readonly icon?: string | undefined;
  /** 5,000 */
  readonly createVarsTimeout?: number | undefined;
  /** 5,000 */
  readonly createConnStateTimeout?: number | undefined;
  /** 5,000 */
  readonly onBeforeConnectTimeout?: number | undefined;
  /** 5,000 */
  readonly onConnectTimeout?: number | undefined;
  /** 30,000 */
  readonly onMigrateTimeout?: number | undefined;
  /** Budget of a sleep, a destruction or a shutdown: 15,000 */
  readonly sleepGracePeriod?: number | undefined;
  /** Idle time before sleep: 30,000 */
  readonly sleepTimeout?: number | undefined;
  /** @deprecated Never sleep automatically: use `sleepTimeout: Infinity`. */
  readonly noSleep?: boolean | undefined;
  /** Of actions and of `onRequest`: 60,000 */
  readonly actionTimeout?: number | undefined;
  /** Time between saves of an actor with relaxed durability: 1,000. Others commit every turn. */
  readonly stateSaveInterval?: number | undefined;
  /** A connection that does not answer within this time is closed: 2,500 */
  readonly connectionLivenessTimeout?: number | undefined;
  /** Interval of liveness checks of connections: 5,000 */
  readonly connectionLivenessInterval?: number | undefined;
  /** Whether raw WebSockets outlive the actor's sleep. */
  readonly canHibernateWebSocket?: boolean | ((request: Request) => boolean) | undefined;
  /** Maximum number of messages in all queues together: 1,000 */
  readonly maxQueueSize?: number | undefined;
  /** 65,536 */
  readonly maxQueueMessageSize?: number | undefined;
  /** Maximum number of one-shot and recurring schedules together: 1,000 */
  readonly maxSchedules?: number | undefined;
  /**
   * "gated" (default): outputs wait for the preceding commit. "relaxed": outputs are sent immediately and changes are
   * saved every `stateSaveInterval`, so a crash may lose that much.
   */
  readonly durability?: "gated" | "relaxed" | undefined;
  /** "parallel" (default): actions run concurrently where they await. "serial": one at a time. */
  readonly concurrency?: "parallel" | "serial" | undefined;
  /** @deprecated Has no effect. */
  readonly onDestroyTimeout?: number | undefined;
  /** @deprecated Has no effect. */
  readonly onSleepTimeout?: number | undefined;
  /** @deprecated Has no effect. */
  readonly waitUntilTimeout?: number | undefined;
  /** @deprecated Has no effect. */
  readonly runStopTimeout?: number | undefined;
  /** @deprecated Has no effect. */
  readonly preloadMaxWorkflowBytes?: number | undefined;
  /** @deprecated Has no effect. */
  readonly preloadMaxConnectionsBytes?: number | undefined;
  /** @deprecated Has no effect. */
  readonly enableActorRuntimeSocket?: boolean | undefined;
}

/** Options without a default. */
type OptionWithoutDefault =
  | "name"
  | "icon"
  | "onDestroyTimeout"
  | "onSleepTimeout"
  | "waitUntilTimeout"
  | "runStopTimeout"
  | "preloadMaxWorkflowBytes"
  | "preloadMaxConnectionsBytes"
  | "enableActorRuntimeSocket";

/** The options of a definition with every default. */
export type ParsedActorOptions = Pick<ActorOptions, OptionWithoutDefault> & {
  readonly [Name in Exclude<keyof ActorOptions, OptionWithoutDefault>]-?: NonNullable<ActorOptions[Name]>;
};

/** The types of one definition, combined. */
export interface ActorShape<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions> {
  readonly state: State;
  readonly connState: ConnState;
  readonly vars: Vars;
  readonly params: ConnParams;
  readonly input: Input;
  readonly database: Database;
  readonly events: Events;
  readonly queues: Queues;
  readonly actions: Actions;
}
