/** Types of definitions by the names, and with the parameters, that programs of the peer give. */
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

/** `definition.config`: what `actor()` was given, with every option. */
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

/** What `actor()` takes. */
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

/** Any definition, as the functions see it that take any. */
export interface AnyStaticActorDefinition extends AnyDefinition, AnyActorDefinition {
  readonly config: { readonly options: ParsedActorOptions; readonly actions?: unknown };
}

/** A `run` with what the inspector shows of it. */
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

/** The options that say how an actor is shown and reached. */
type GlobalOption = "name" | "icon" | "enableActorRuntimeSocket" | "canHibernateWebSocket";

export type GlobalActorOptions = Pick<ParsedActorOptions, GlobalOption>;

/** Those options as a definition gives them. */
export type GlobalActorOptionsInput = Pick<ActorOptions, GlobalOption>;
/** The options that say how one actor runs. */
export type InstanceActorOptions = Omit<ParsedActorOptions, GlobalOption>;

/** Those options as a definition gives them. */
export type InstanceActorOptionsInput = Omit<ActorOptions, GlobalOption>;

/** The key `inspector` of a definition. */
export interface ActorInspectorConfig {
  readonly tabs?: readonly InspectorTabConfig[] | undefined;
}

/** A client of any registry. */
export type AnyClient = Client<AnyRegistry>;
