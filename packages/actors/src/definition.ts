import type { AnyDatabase } from "./database.ts";
import type { EventTokens } from "./event.ts";
import { parseDefinition, type RuntimeDefinition } from "./internal/runtime-definition.ts";
import type { QueueTokens } from "./queue.ts";
import type {
  ActionContext,
  ActionTree,
  ActorContext,
  ActorOptions,
  ActorShape,
  Conn,
  StateContext,
  StorageContext,
} from "./types.ts";

/** What `actor()` takes. `state` and `createState` exclude each other, as do the other two pairs. */
export interface ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions> {
  /** The first state; each actor gets its own copy. */
  readonly state?: State;
  /** Makes the first state, once. When it throws, the actor does not come to exist. */
  readonly createState?: (c: StorageContext<Database, Queues>, input: Input) => State | Promise<State>;
  readonly connState?: ConnState;
  readonly createConnState?: (
    c: ActorContext<State, ConnParams, undefined, Vars, Input, Database, Events, Queues>,
    params: ConnParams,
  ) => ConnState | Promise<ConnState>;
  readonly vars?: Vars;
  /** Makes `c.vars`, at each start. */
  readonly createVars?: (
    c: StateContext<State, ConnParams, ConnState, Database, Events, Queues>,
  ) => Vars | Promise<Vars>;
  /** The actor's own SQLite database: `db()`. */
  readonly db?: Database;
  /** Events by name: `{ moved: event<Position>() }`. */
  readonly events?: Events;
  /** Queues by name: `{ jobs: queue<Job>() }`. */
  readonly queues?: Queues;
  /** At each start, before everything else but the migrations of `db`. */
  readonly onMigrate?: (c: StorageContext<Database, Queues>, isNew: boolean) => void | Promise<void>;
  /** Once, after `createState`. When it throws, the actor does not come to exist. */
  readonly onCreate?: (
    c: StateContext<State, ConnParams, ConnState, Database, Events, Queues>,
    input: Input,
  ) => void | Promise<void>;
  /** At each start, before anything reaches the actor. */
  readonly onWake?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /** Before the actor leaves memory; not after a crash. */
  readonly onSleep?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /** Before its data is deleted; everything still works in it. */
  readonly onDestroy?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /** After changes of `c.state`, once a macrotask; it must not change the state itself. */
  readonly onStateChange?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    state: State,
  ) => void | Promise<void>;
  /** Throws to refuse a connection or call. */
  readonly onBeforeConnect?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    params: ConnParams,
  ) => void | Promise<void>;
  readonly onConnect?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    conn: Conn<ConnState, ConnParams, Events>,
  ) => void | Promise<void>;
  readonly onDisconnect?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    conn: Conn<ConnState, ConnParams, Events>,
  ) => void | Promise<void>;
  /** Sees each result on its way out and returns what the caller gets. */
  readonly onBeforeActionResponse?: <Output>(
    c: ActionContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    name: string,
    args: readonly unknown[],
    output: Output,
  ) => Output | Promise<Output>;
  readonly actions?: Actions &
    ActionTree<ActionContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>>;
  readonly options?: ActorOptions;
}

/** What `actor()` returns. The types are phantom: clients infer from them, nothing is there at run time. */
export interface ActorDefinition<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events,
  Queues,
  Actions,
> {
  readonly "~types"?: ActorShape<
    State,
    ConnParams,
    ConnState,
    Vars,
    Input,
    Database,
    Events,
    Queues,
    Actions
  >;
  readonly "~definition": RuntimeDefinition;
}

/** Any definition, as a host handles it. */
export interface AnyDefinition {
  readonly "~definition": RuntimeDefinition;
}

/**
 * Defines an actor. Throws `actor.invalid_definition` for unknown keys, for pairs that exclude each
 * other, and for hooks or actions that are not functions.
 */
export function actor<
  State = undefined,
  ConnParams = unknown,
  ConnState = undefined,
  Vars = undefined,
  Input = unknown,
  Database extends AnyDatabase = undefined,
  const Events extends EventTokens = Record<never, never>,
  const Queues extends QueueTokens = Record<never, never>,
  Actions = unknown,
>(
  config: ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions>,
): ActorDefinition<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions> {
  return { "~definition": parseDefinition(config) };
}
