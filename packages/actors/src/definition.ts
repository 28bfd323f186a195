import type { StandardSchema } from "@holdfast/core";
import type { AnyDatabase } from "./database/database.ts";
import type { EventTokens } from "./event.ts";
import { parseDefinition } from "./internal/definition/parse-definition.ts";
import type { RuntimeDefinition } from "./internal/definition/runtime-definition.ts";
import type { QueueTokens } from "./queue.ts";
import type {
  ActionContext,
  ActionTree,
  ActorContext,
  ActorOptions,
  ActorShape,
  AuthContext,
  AuthOptions,
  Conn,
  ConnContext,
  ParsedActorOptions,
  RequestContext,
  StateContext,
} from "./types.ts";

/** Schemas of the arguments of actions, in the shape of `actions` or by dotted name. */
export interface ActionSchemas {
  readonly [name: string]: StandardSchema | ActionSchemas;
}

/** Migrates a stored state to the next version: returns the new state, or changes it in place. */
export type StateMigration = {
  // A method, so that a migration may declare the type of its parameter: stored states have no static type.
  migrate(stored: unknown): unknown;
}["migrate"];

/** `run` with what the inspector shows of it. */
export interface RunHandler<Context> {
  readonly name?: string;
  readonly icon?: string;
  // biome-ignore lint/suspicious/noExplicitAny: as with actions, a handler may be typed by the definition that it is part of.
  readonly run: (c: Context) => any;
  readonly inspector?: unknown;
}

/** A custom tab in the inspector of these actors, or a built-in one to hide. */
export type InspectorTabConfig =
  | {
      /** Letters, digits, "_" and "-". */
      readonly id: string;
      readonly label: string;
      /** A directory with an index.html. */
      readonly source: string;
      readonly icon?: string | undefined;
      readonly hidden?: false | undefined;
    }
  | {
      readonly id: "workflow" | "database" | "state" | "queue" | "schedules" | "connections" | "console";
      readonly hidden: true;
    };

/**
 * While the compiler infers the context of an `action()`, uninferred parameters are `never`, which would make the
 * complete context unknown.
 */
type Known<T, Default> = [T] extends [never] ? Default : T;

// biome-ignore lint/suspicious/noExplicitAny: what `createState` and its like return is not known yet when an action() comes before every other function that takes `c`; it must fit whatever that will be.
type NotYetKnown = any;

/** Options of `actor()`. `state` and `createState` exclude each other, as do the other two pairs. */
export interface ActorConfig<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
  Actions = unknown,
> {
  /** The initial state; each actor gets a copy. */
  readonly state?: State;
  /** Creates the initial state, once. If it throws, the actor is not created. */
  readonly createState?: (
    // There is no state yet. Typed as never, so that it fits a function for the context of `onCreate`, too.
    c: StateContext<never, unknown, unknown, Database, Events, Queues>,
    input: Input,
  ) => State | Promise<State>;
  /**
   * Validates and types the state: the initial one, each loaded one, and each one that a turn or a transaction has
   * changed. An invalid state is not committed: `actor.invalid_state`.
   */
  readonly stateSchema?: StandardSchema<unknown, State>;
  /**
   * Migrate a stored state at its next wake, in order. The version of a state is the number of migrations it has been
   * through; if the list is shorter than that, `actor.state_version_too_new` is thrown.
   */
  readonly migrateState?: readonly StateMigration[];
  readonly connState?: ConnState;
  readonly createConnState?: (
    c: ActorContext<State, ConnParams, unknown, Vars, Input, Database, Events, Queues>,
    params: ConnParams,
  ) => ConnState | Promise<ConnState>;
  readonly vars?: Vars;
  /** Creates `c.vars`, at each start. */
  readonly createVars?: (
    // Here and below, connections without their types: these may be inferred from later properties.
    c: StateContext<State, unknown, unknown, Database, Events, Queues>,
    driverContext: undefined,
  ) => Vars | Promise<Vars>;
  /** The actor's own SQLite database: `db()`. */
  readonly db?: Database;
  /** Events by name: `{ moved: event<Position>() }`. */
  readonly events?: Events;
  /** Queues by name: `{ jobs: queue<Job>() }`. */
  readonly queues?: Queues;
  /**
   * Runs at each start, before every other hook except the migrations of `db`. `c.state` of a new actor is undefined
   * then.
   */
  readonly onMigrate?: (
    // Most definitions declare it before `createState`, so its parameter must not determine the state type.
    c: StateContext<NotYetKnown, unknown, unknown, Database, Events, Queues>,
    isNew: boolean,
  ) => void | Promise<void>;
  /** Runs once, after `createState`. If it throws, the actor is not created. */
  readonly onCreate?: (
    c: StateContext<State, unknown, unknown, Database, Events, Queues>,
    input: Input,
  ) => void | Promise<void>;
  /** Runs at each start, before any call reaches the actor. */
  readonly onWake?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /**
   * Runs in the background from each start on. While it runs and does not wait for a queue, the actor does not fall
   * asleep; a sleep waits for it within the grace period. The actor continues after it returns or throws.
   */
  readonly run?:
    | ((
        c: ActorContext<
          NoInfer<State>,
          NoInfer<ConnParams>,
          NoInfer<ConnState>,
          NoInfer<Vars>,
          NoInfer<Input>,
          NoInfer<Database>,
          NoInfer<Events>,
          NoInfer<Queues>
        >,
        // biome-ignore lint/suspicious/noExplicitAny: as with actions, a handler may be typed by the definition that it is part of.
      ) => any)
    | RunHandler<
        ActorContext<
          NoInfer<State>,
          NoInfer<ConnParams>,
          NoInfer<ConnState>,
          NoInfer<Vars>,
          NoInfer<Input>,
          NoInfer<Database>,
          NoInfer<Events>,
          NoInfer<Queues>
        >
      >;
  /** Runs before the actor leaves memory, but not after a crash. */
  readonly onSleep?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /** Runs before the data of the actor is deleted; all operations still work. */
  readonly onDestroy?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
  ) => void | Promise<void>;
  /** Runs after changes of `c.state`, once per macrotask; must not change the state itself. */
  readonly onStateChange?: (
    c: ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    state: State,
  ) => void | Promise<void>;
  /**
   * Throws to reject a caller; its return value becomes `c.conn.auth`. Runs at the gateway, before an actor is looked
   * up, woken or created. Not called for callers in the same process.
   */
  readonly onAuth?: (c: AuthContext<ConnParams>, options: AuthOptions<ConnParams>) => unknown;
  /** Throws to reject a connection or call. */
  readonly onBeforeConnect?: (
    c: ActorContext<State, unknown, unknown, Vars, Input, Database, Events, Queues>,
    params: ConnParams,
  ) => void | Promise<void>;
  readonly onConnect?: (
    c: ConnContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    conn: Conn<ConnState, ConnParams, Events>,
  ) => void | Promise<void>;
  readonly onDisconnect?: (
    c: ConnContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    conn: Conn<ConnState, ConnParams, Events>,
  ) => void | Promise<void>;
  /** Receives each result and returns the value for the caller. */
  readonly onBeforeActionResponse?: <Output>(
    c: ActionContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    name: string,
    args: unknown[],
    output: Output,
  ) => Output | Promise<Output>;
  /** Answers HTTP requests. */
  readonly onRequest?: (
    c: RequestContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    request: Request,
  ) => Response | Promise<Response>;
  /** Accepts WebSockets. */
  readonly onWebSocket?: (
    c: RequestContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>,
    websocket: WebSocket,
    opts: { readonly request: Request },
  ) => void | Promise<void>;
  readonly actions?: Actions &
    ActionTree<
      ActionContext<
        Known<State, NotYetKnown>,
        Known<ConnParams, unknown>,
        Known<ConnState, NotYetKnown>,
        Known<Vars, NotYetKnown>,
        Known<Input, unknown>,
        Known<Database, undefined>,
        Known<Events, Record<never, never>>,
        Known<Queues, Record<never, never>>
      >
    >;
  /** Validate the argument lists of actions. */
  readonly actionInputSchemas?: ActionSchemas;
  /** Validates and types the parameters of connections. */
  readonly connParamsSchema?: StandardSchema<unknown, ConnParams>;
  readonly inspector?: { readonly tabs?: readonly InspectorTabConfig[] | undefined } | undefined;
  readonly options?: ActorOptions | undefined;
  /** Declares types that are not declared elsewhere; its values are ignored. */
  readonly types?: {
    readonly state?: State;
    readonly connParams?: ConnParams;
    readonly connState?: ConnState;
    readonly vars?: Vars;
    readonly input?: Input;
    readonly database?: Database;
    readonly events?: Events;
    readonly queues?: Queues;
  };
}

/** The argument of `actor()`, including every option. */
export interface ParsedActorConfig<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
  Actions = unknown,
> extends ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions> {
  readonly options: ParsedActorOptions;
}

/** The return value of `actor()`. Clients infer its types; hosts read the validated definition. */
export class ActorDefinition<
  State,
  ConnParams,
  ConnState,
  Vars,
  Input,
  Database,
  Events = Record<never, never>,
  Queues = Record<never, never>,
  Actions = unknown,
> {
  /** Type-only. */
  declare readonly "~types"?: ActorShape<
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
  /** The argument of `actor()`, including every option. */
  readonly config: ParsedActorConfig<
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

  constructor(
    config: ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions>,
  ) {
    this["~definition"] = parseDefinition(config);
    const canHibernateWebSocket = config.options?.canHibernateWebSocket ?? false;
    const options = { ...this["~definition"].options, canHibernateWebSocket, ...given(config.options) };
    // Without actions, the tree is empty, whatever type the compiler infers.
    const actions = config.actions ?? ({} as NonNullable<typeof config.actions>);
    this.config = { ...config, actions, options };
  }
}

/** The options as given, without undefined ones. */
function given(options: ActorOptions = {}): Partial<ParsedActorOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
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
  Vars = unknown,
  Input = unknown,
  Database extends AnyDatabase = undefined,
  const Events extends EventTokens = Record<never, never>,
  const Queues extends QueueTokens = Record<never, never>,
  Actions = unknown,
>(
  config: ActorConfig<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions>,
): ActorDefinition<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues, Actions> {
  return new ActorDefinition(config);
}
