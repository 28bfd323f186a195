import type { AnyRegistry, ClientOf, EventArguments, EventName, UntypedRegistry } from "@holdfast/client";
import type { Logger } from "@holdfast/core";
import type { ActorBlobs } from "./blob.ts";
import type { DatabaseClient } from "./database/database.ts";
import type { ActorKv } from "./kv.ts";
import type { ActorLogger } from "./logger.ts";
import type { ActorQueue } from "./queue.ts";
import type { ActorCron, ActorSchedule } from "./schedule.ts";

/**
 * The type of `c.broadcast` and `conn.send`: those of `events` are typed by it. Others may be sent too, by
 * programs that do not declare them; a literal name that is declared never takes the second way.
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

/** Who of the subscribers of an event gets it; conditions add up. */
export interface BroadcastTarget {
  /** Only who has joined this room. */
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

/** Who is here: at most one value for each live connection, gone when it ends. */
export interface ActorPresence {
  /** Tells all who listen with `onPresence`. Throws `conn.not_connected` for a stateless call. */
  set(conn: ConnIdentity | string, value: unknown): void;
  get(conn: ConnIdentity | string): unknown;
  /** Returns false when it had none. */
  delete(conn: ConnIdentity | string): boolean;
  /** By connection id. */
  readonly all: ReadonlyMap<string, unknown>;
}

/** One live connection of the actor, or the short-lived one of a stateless call. */
export interface Conn<ConnState = unknown, ConnParams = unknown, Events = Record<never, never>> {
  readonly id: string;
  readonly params: ConnParams;
  /** Data that lives as long as the connection, also through sleep; it commits with the turn. */
  state: ConnState;
  /** What `onAuth` returned. */
  readonly auth: AuthData;
  /** Whether it outlives the actor's sleep. */
  readonly isHibernatable: boolean;
  readonly rooms: ReadonlySet<string>;
  /** Enters a room: `c.broadcast({ event, room }, ...)` reaches it. Ends with the connection. */
  join(room: string): void;
  leave(room: string): void;
  /** Sends an event to this connection only; it leaves after the commit that precedes it. */
  readonly send: SendEvent<Events>;
  /** Closes the connection, after what was sent to it. */
  disconnect(reason?: string): Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: programs of the predecessor write `c.conn.auth.userId`; the definition has no type parameter for what its own onAuth returns.
export type AuthData = any;

/** What `saveState` does for an actor whose outputs go first; see `durability` of the options. */
export interface SaveStateOptions {
  /** Saves now and resolves when it is durable. */
  readonly immediate?: boolean;
  /** Saves within so many milliseconds, if that is sooner than `stateSaveInterval`. */
  readonly maxWait?: number;
}

/** The `run` handler as the rest of the actor sees it. */
export interface RunControl {
  /**
   * Has `run` started again at this time (milliseconds since the epoch), also when the actor sleeps or
   * the process was down then; `null` takes that back. It commits with the turn. A handler that still
   * runs is not started a second time.
   */
  setWakeAt(at: number | null): Promise<void>;
}

/** What a caller is about to do. */
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
 * The first argument of `onAuth`: no actor has been looked for yet. It has the options too, because a hook
 * with one argument takes them from there.
 */
export interface AuthContext<ConnParams = unknown> extends AuthOptions<ConnParams> {
  readonly name: string;
  /** Undefined for an actor that is addressed by its id. */
  readonly key: readonly string[] | undefined;
  readonly actorId: string | undefined;
  readonly log: Logger;
}

/** What every context has, also while the actor is being created. */
export interface BaseContext {
  readonly actorId: string;
  readonly name: string;
  readonly key: string[];
  /** Where the actor runs: "local" unless the host was given a name. */
  readonly region: string;
  /** Structured logger with actorId, name and key bound. */
  readonly log: ActorLogger;
  /** Ordered key-value pairs; writes commit with the turn, reads see them at once. */
  readonly kv: ActorKv;
  /** Large objects, by the hash of their content. */
  readonly blob: ActorBlobs;
  /** Runs an action once, later; it also wakes the actor, and outlives a restart. */
  readonly schedule: ActorSchedule;
  /** Runs actions again and again, by cron expression or interval. */
  readonly cron: ActorCron;
  /**
   * Aborts when the actor begins to stop; in an action also when the call is cancelled or times out.
   */
  readonly abortSignal: AbortSignal;
  readonly aborted: boolean;
  /** The request that brought the connection or call, where there was one. */
  readonly request: Request | undefined;
  /** Keeps the actor awake until the promise settles; a sleep waits for it too. Returns the promise. */
  keepAwake<T>(promise: Promise<T>): Promise<T>;
  /** Lets a sleep or destruction wait for the promise, within `sleepGracePeriod`. */
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Resolves when everything written so far is durable; rejects with the store's error. With relaxed
   * durability it waits for that with `immediate` only.
   */
  saveState(options?: SaveStateOptions): Promise<void>;
  /** Asks the actor to sleep once what runs now has finished. Throws `actor.starting` in start hooks. */
  sleep(): void;
  /**
   * Asks the actor to destroy itself, with all its data, once what runs now has finished. Throws
   * `actor.starting` in start hooks.
   */
  destroy(): void;
  /** As the global `fetch`; the request leaves after the commit that precedes it. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * Runs `fn` alone: actions and connections wait. When it throws, everything that it changed in state,
   * kv, database, queues and schedules is taken back and its events do not leave; the error is passed
   * on. What would have to leave before the commit (`fetch`, another actor, `saveState`) throws
   * `actor.output_in_transaction`; a transaction in a transaction throws `actor.nested_transaction`.
   */
  transaction<T>(fn: () => T | Promise<T>): Promise<T>;
  /** Runs `fn` while no new action, connection or request begins. */
  blockConcurrencyWhile<T>(fn: () => T | Promise<T>): Promise<T>;
  /** @deprecated Has no effect: use `keepAwake`. */
  setPreventSleep(prevent: boolean): void;
  /** @deprecated Always false: use `keepAwake`. */
  readonly preventSleep: boolean;
  /** A client for calls to other actors; each call leaves after the commit that precedes it. */
  client<R extends AnyRegistry = UntypedRegistry>(): ClientOf<R>;
}

/** The context of `createState`: the actor's storage, before there is a state. */
export interface StorageContext<Database, Queues> extends BaseContext {
  /**
   * The actor's own SQLite database. Where the definition has no `db` it is opened at the first use:
   * `query` and `get` throw `db.not_open` before that.
   */
  readonly db: DatabaseClient<Database>;
  /** The actor's durable queues: docs/reference/queues.md. */
  readonly queue: ActorQueue<Queues>;
}

/** The context of `onCreate`, `createVars` and `onMigrate`: everything but `vars`. */
export interface StateContext<State, ConnParams, ConnState, Database, Events, Queues>
  extends StorageContext<Database, Queues> {
  /** Assign to it or to anything in it; see docs/reference/actors.md for what it may hold. */
  state: State;
  /** A `Map` by its type, as functions that take one are written; it is the runtime's, to be read. */
  readonly conns: Map<string, Conn<ConnState, ConnParams, Events>>;
  /** Sends an event to subscribed connections, after the commit that precedes it. */
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
  /** In memory only; made anew at each start. */
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
  /** @deprecated Never sleep by itself: give `sleepTimeout: Infinity`. */
  readonly noSleep?: boolean | undefined;
  /** Of actions and of `onRequest`: 60,000 */
  readonly actionTimeout?: number | undefined;
  /** Time between saves of an actor with relaxed durability: 1,000. Others commit every turn. */
  readonly stateSaveInterval?: number | undefined;
  /** A connection that does not answer for so long is closed: 2,500 */
  readonly connectionLivenessTimeout?: number | undefined;
  /** Time between questions whether a connection is alive: 5,000 */
  readonly connectionLivenessInterval?: number | undefined;
  /** Whether raw WebSockets outlive the actor's sleep. */
  readonly canHibernateWebSocket?: boolean | ((request: Request) => boolean) | undefined;
  /** Messages in all queues together: 1,000 */
  readonly maxQueueSize?: number | undefined;
  /** 65,536 */
  readonly maxQueueMessageSize?: number | undefined;
  /** One-shot and recurring ones together: 1,000 */
  readonly maxSchedules?: number | undefined;
  /**
   * "gated" (the default): nothing leaves before the commit that precedes it. "relaxed": outputs leave at
   * once and changes are saved every `stateSaveInterval`, so a crash may lose that much.
   */
  readonly durability?: "gated" | "relaxed" | undefined;
  /** "parallel" (the default): actions run side by side where they await. "serial": one at a time. */
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

/** Options that nothing is assumed for where a definition does not give them. */
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

/** The types of one definition, in one place. */
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
