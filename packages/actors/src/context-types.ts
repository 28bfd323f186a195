import type { AnyActorDefinition } from "@holdfast/client";
import type {
  ActionContext,
  ActorContext,
  ActorShape,
  ConnContext,
  RequestContext,
  StateContext,
} from "./types.ts";

/**
 * The types of a definition. Client-side types contain no state: there, and for a parameter that accepts any
 * definition, it is unknown.
 */
type ShapeOf<D extends AnyActorDefinition> = NonNullable<D["~types"]> &
  ActorShape<unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown>;

/** The context that most hooks of a definition share: `ActorContextOf<typeof room>`. */
export type ActorContextOf<D extends AnyActorDefinition> = ActorContext<
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
export type ActionContextOf<D extends AnyActorDefinition> = ActionContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of a hook that has a connection. */
export type ConnContextOf<D extends AnyActorDefinition> = ConnContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of a hook that runs before there is a connection. */
export type ConnInitContextOf<D extends AnyActorDefinition> = ActorContext<
  ShapeOf<D>["state"],
  unknown,
  unknown,
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `onMigrate`; the state of an actor that is new is undefined there. */
export type MigrateContextOf<D extends AnyActorDefinition> = CreateContextOf<D>;

/** The context of `onCreate`. */
export type CreateContextOf<D extends AnyActorDefinition> = StateContext<
  ShapeOf<D>["state"],
  unknown,
  unknown,
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `createVars`. */
export type CreateVarsContextOf<D extends AnyActorDefinition> = StateContext<
  ShapeOf<D>["state"],
  unknown,
  unknown,
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `onRequest`. */
export type RequestContextOf<D extends AnyActorDefinition> = RequestContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  ShapeOf<D>["connState"],
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `onWebSocket`. */
export type WebSocketContextOf<D extends AnyActorDefinition> = RequestContextOf<D>;

/** The context of `onBeforeActionResponse`. */
export type BeforeActionResponseContextOf<D extends AnyActorDefinition> = ActionContextOf<D>;

/** The context of `onBeforeConnect`. */
export type BeforeConnectContextOf<D extends AnyActorDefinition> = ConnInitContextOf<D>;

/** The context of `createConnState`. */
export type CreateConnStateContextOf<D extends AnyActorDefinition> = ActorContext<
  ShapeOf<D>["state"],
  ShapeOf<D>["params"],
  unknown,
  ShapeOf<D>["vars"],
  ShapeOf<D>["input"],
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `onConnect`. */
export type ConnectContextOf<D extends AnyActorDefinition> = ConnContextOf<D>;

/** The context of `onDisconnect`. */
export type DisconnectContextOf<D extends AnyActorDefinition> = ConnContextOf<D>;

/** The context of `run`. */
export type RunContextOf<D extends AnyActorDefinition> = ActorContextOf<D>;

/** The context of `onWake`. */
export type WakeContextOf<D extends AnyActorDefinition> = ActorContextOf<D>;

/** The context of `onSleep`. */
export type SleepContextOf<D extends AnyActorDefinition> = ActorContextOf<D>;

/** The context of `onDestroy`. */
export type DestroyContextOf<D extends AnyActorDefinition> = ActorContextOf<D>;

/** The context of `onStateChange`. */
export type StateChangeContextOf<D extends AnyActorDefinition> = ActorContextOf<D>;
