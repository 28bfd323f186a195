/**
 * Contexts under the names, and with the order of type parameters, that programs written for the peer use. The types
 * of `@holdfast/actors` are the same contexts with only the parameters that each needs.
 */
import type {
  ActionContext,
  ActorContext,
  AnyDatabase,
  ConnContext,
  Conn as ConnOf,
  RequestContext as RequestContextType,
  StateContext,
} from "@holdfast/actors";

type None = Record<never, never>;

/** A connection: `Conn<State, ConnParams, ConnState>`. Apart from events, the other types have no effect. */
export type Conn<
  _State = unknown,
  ConnParams = unknown,
  ConnState = unknown,
  _Vars = unknown,
  _Input = unknown,
  _Database = AnyDatabase,
  Events = None,
  _Queues = None,
> = ConnOf<ConnState, ConnParams, Events>;

/** Any connection. */
export type AnyConn = ConnOf<unknown, unknown, None>;

/** The context of `onCreate`. */
export type CreateContext<State, _Input, Database, Events = None, Queues = None> = StateContext<
  State,
  unknown,
  unknown,
  Database,
  Events,
  Queues
>;

/** The context of `createVars`. */
export type CreateVarsContext<State, Input, Database, Events = None, Queues = None> = CreateContext<
  State,
  Input,
  Database,
  Events,
  Queues
>;

/** The context of `onBeforeConnect`. */
export type BeforeConnectContext<State, Vars, Input, Database, Events = None, Queues = None> = ActorContext<
  State,
  unknown,
  unknown,
  Vars,
  Input,
  Database,
  Events,
  Queues
>;

/** The context of `createConnState`. */
export type CreateConnStateContext<
  State,
  Vars,
  Input,
  Database,
  Events = None,
  Queues = None,
> = BeforeConnectContext<State, Vars, Input, Database, Events, Queues>;

/** The context of `onMigrate`; the state of a new actor is undefined there. */
export type MigrateContext<
  State,
  _ConnParams,
  _ConnState,
  _Vars,
  _Input,
  Database,
  Events = None,
  Queues = None,
> = StateContext<State, unknown, unknown, Database, Events, Queues>;

/** The context of `onBeforeActionResponse`. */
export type BeforeActionResponseContext<S, P, C, V, I, D, E = None, Q = None> = ActionContext<
  S,
  P,
  C,
  V,
  I,
  D,
  E,
  Q
>;

/** The context of `onConnect`. */
export type ConnectContext<S, P, C, V, I, D, E = None, Q = None> = ConnContext<S, P, C, V, I, D, E, Q>;

/** The context of `onDisconnect`. */
export type DisconnectContext<S, P, C, V, I, D, E = None, Q = None> = ConnContext<S, P, C, V, I, D, E, Q>;

/** The context of `onRequest`. */
export type RequestContext<S, P, C, V, I, D, E = None, Q = None> = RequestContextType<S, P, C, V, I, D, E, Q>;

/** The context of `onWebSocket`. */
export type WebSocketContext<S, P, C, V, I, D, E = None, Q = None> = RequestContextType<
  S,
  P,
  C,
  V,
  I,
  D,
  E,
  Q
>;

/** The context of `run`. */
export type RunContext<S, P, C, V, I, D, E = None, Q = None> = ActorContext<S, P, C, V, I, D, E, Q>;

/** The context of `onWake`. */
export type WakeContext<S, P, C, V, I, D, E = None, Q = None> = ActorContext<S, P, C, V, I, D, E, Q>;

/** The context of `onSleep`. */
export type SleepContext<S, P, C, V, I, D, E = None, Q = None> = ActorContext<S, P, C, V, I, D, E, Q>;

/** The context of `onDestroy`. */
export type DestroyContext<S, P, C, V, I, D, E = None, Q = None> = ActorContext<S, P, C, V, I, D, E, Q>;

/** The context of `onStateChange`. */
export type StateChangeContext<S, P, C, V, I, D, E = None, Q = None> = ActorContext<S, P, C, V, I, D, E, Q>;
