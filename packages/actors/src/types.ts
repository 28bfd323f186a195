import type { AnyRegistry, Client, EventArguments, EventName } from "@holdfast/client";
import type { Logger } from "@holdfast/core";
import type { DatabaseClient } from "./database.ts";
import type { ActorKv } from "./kv.ts";

/** The type of `c.broadcast` and `conn.send`: typed by `events`, open when none are declared. */
export type SendEvent<Events> = <Name extends EventName<Events>>(
  name: Name,
  ...args: EventArguments<Events, Name>
) => void;

/** One live connection of the actor, or the short-lived one of a stateless call. */
export interface Conn<ConnState = unknown, ConnParams = unknown, Events = Record<never, never>> {
  readonly id: string;
  readonly params: ConnParams;
  /** Plain data that lives as long as the connection. */
  state: ConnState;
  /** Sends an event to this connection only; it leaves after the commit that precedes it. */
  readonly send: SendEvent<Events>;
  /** Closes the connection, after what was sent to it. */
  disconnect(reason?: string): Promise<void>;
}

export interface SaveStateOptions {
  /** Accepted for compatibility: every call resolves when what was written before it is durable. */
  readonly immediate?: boolean;
  readonly maxWait?: number;
}

/** What every context has, also while the actor is being created. */
export interface BaseContext {
  readonly actorId: string;
  readonly name: string;
  readonly key: string[];
  /** Structured logger with actorId, name and key bound. */
  readonly log: Logger;
  /** Ordered key-value pairs; writes commit with the turn, reads see them at once. */
  readonly kv: ActorKv;
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
  /** Resolves when everything written so far is durable. Throws the store's error. */
  saveState(options?: SaveStateOptions): Promise<void>;
  /** Asks the actor to sleep once what runs now has finished. */
  sleep(): void;
  /** Asks the actor to destroy itself, with all its data, once what runs now has finished. */
  destroy(): void;
  /** A client for calls to other actors; each call leaves after the commit that precedes it. */
  client<R extends AnyRegistry = AnyRegistry>(): Client<R>;
}

/** The context of `onMigrate` and `createState`: the actor's storage, before there is a state. */
export interface StorageContext<Database, _Queues> extends BaseContext {
  /** The actor's own SQLite database. Throws `db.not_enabled` when the definition has none. */
  readonly db: DatabaseClient<Database>;
}

/** The context of `onCreate` and `createVars`: everything but `vars`. */
export interface StateContext<State, ConnParams, ConnState, Database, Events, Queues>
  extends StorageContext<Database, Queues> {
  /** Assign to it or to anything in it; see docs/reference/actors.md for what it may hold. */
  state: State;
  readonly conns: ReadonlyMap<string, Conn<ConnState, ConnParams, Events>>;
  /** Sends an event to every subscribed connection, after the commit that precedes it. */
  readonly broadcast: SendEvent<Events>;
}

/** The context of most hooks. */
export interface ActorContext<State, ConnParams, ConnState, Vars, _Input, Database, Events, Queues>
  extends StateContext<State, ConnParams, ConnState, Database, Events, Queues> {
  /** In memory only; made anew at each start. */
  vars: Vars;
}

/** The context of an action. */
export interface ActionContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>
  extends ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues> {
  /** The caller's connection; for a stateless call one that ends with the call. */
  readonly conn: Conn<ConnState, ConnParams, Events>;
}

/** An action: its context, then the caller's arguments. */
export type Action<Context> = (c: Context, ...args: never[]) => unknown;

/** Actions by name; a nested object is a group: `users.add`. */
export interface ActionTree<Context> {
  readonly [name: string]: Action<Context> | ActionTree<Context>;
}

/** Durations in milliseconds. */
export interface ActorOptions {
  /** Display name and icon. */
  readonly name?: string;
  readonly icon?: string;
  /** 5,000 */
  readonly createVarsTimeout?: number;
  /** 5,000 */
  readonly createConnStateTimeout?: number;
  /** 5,000 */
  readonly onBeforeConnectTimeout?: number;
  /** 5,000 */
  readonly onConnectTimeout?: number;
  /** Budget of a sleep, a destruction or a shutdown: 15,000 */
  readonly sleepGracePeriod?: number;
  /** Idle time before sleep: 30,000 */
  readonly sleepTimeout?: number;
  /** Never sleep by itself. */
  readonly noSleep?: boolean;
  /** 60,000 */
  readonly actionTimeout?: number;
  /** Accepted for compatibility: every turn is committed. */
  readonly stateSaveInterval?: number;
}

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

/** Anything from which the types of a definition can be read. */
interface Shaped {
  readonly "~types"?: ActorShape<
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown
  >;
}

type ShapeOf<D extends Shaped> = NonNullable<D["~types"]>;

/** The context of the hooks of a definition: `ActorContextOf<typeof room>`. */
export type ActorContextOf<D extends Shaped> = ActorContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of the actions of a definition. */
export type ActionContextOf<D extends Shaped> = ActionContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;
