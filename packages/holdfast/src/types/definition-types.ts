/** Types of definitions under the names, and with the type parameters, that programs written for the peer use. */
import type {
  ActionContext,
  ActionTree,
  ActorContext,
  ActorOptions,
  AnyDatabase,
  AnyDefinition,
  ActorConfig as Config,
  InspectorTabConfig,
  ParsedActorConfig,
  ParsedActorOptions,
  RunHandler,
} from "@holdfast/actors";
import type { AnyActorDefinition, AnyRegistry, Client } from "@holdfast/client";

type None = Record<never, never>;

/** The actions of a definition with these types. */
export type Actions<S, P, C, V, I, D, E = None, Q = None> = ActionTree<ActionContext<S, P, C, V, I, D, E, Q>>;

/** `definition.config`: the argument of `actor()`, with every option. */
export type ActorConfig<
  S,
  P,
  C,
  V,
  I,
  D,
  E = None,
  Q = None,
  A = Actions<S, P, C, V, I, D, E, Q>,
> = ParsedActorConfig<S, P, C, V, I, D, E, Q, A>;

/** The argument of `actor()`. */
export type ActorConfigInput<
  S = undefined,
  P = undefined,
  C = undefined,
  V = undefined,
  I = undefined,
  D extends AnyDatabase = undefined,
  E = None,
  Q = None,
  A = None,
> = Config<S, P, C, V, I, D, E, Q, A>;

/** The key `types` of a definition. */
export interface ActorTypes<State, ConnParams, ConnState, Vars, Input, Database> {
  readonly state?: State;
  readonly connParams?: ConnParams;
  readonly connState?: ConnState;
  readonly vars?: Vars;
  readonly input?: Input;
  readonly database?: Database;
}

/** Any definition, for functions that accept all of them. */
export interface AnyStaticActorDefinition extends AnyDefinition, AnyActorDefinition {
  readonly config: { readonly options: ParsedActorOptions; readonly actions?: unknown };
}

/** A `run` handler with its display options for the inspector. */
export type RunConfig<
  State = unknown,
  ConnParams = unknown,
  ConnState = unknown,
  Vars = unknown,
  Input = unknown,
  Database = undefined,
  Events = None,
  Queues = None,
> = RunHandler<ActorContext<State, ConnParams, ConnState, Vars, Input, Database, Events, Queues>>;

/** Options for how an actor is displayed and reached. */
type GlobalOption = "name" | "icon" | "enableActorRuntimeSocket" | "canHibernateWebSocket";

/** Options of an actor that hold for all of its instances, with their defaults. */
export type GlobalActorOptions = Pick<ParsedActorOptions, GlobalOption>;

/** The same options as input of a definition. */
export type GlobalActorOptionsInput = Pick<ActorOptions, GlobalOption>;
/** Options for how one actor runs. */
export type InstanceActorOptions = Omit<ParsedActorOptions, GlobalOption>;

/** The same options as input of a definition. */
export type InstanceActorOptionsInput = Omit<ActorOptions, GlobalOption>;

/** The key `inspector` of a definition. */
export interface ActorInspectorConfig {
  readonly tabs?: readonly InspectorTabConfig[] | undefined;
}

/** A client of any registry. */
export type AnyClient = Client<AnyRegistry>;
