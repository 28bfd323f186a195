import type {
  ActionContext,
  ActorContext,
  ActorShape,
  ConnContext,
  RequestContext,
  StateContext,
} from "./types.ts";

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

/** The context that most hooks of a definition share: `ActorContextOf<typeof room>`. */
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

/** The context of a hook that has a connection. */
export type ConnContextOf<D extends Shaped> = ConnContext<
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
export type ConnInitContextOf<D extends Shaped> = ActorContext<
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
export type MigrateContextOf<D extends Shaped> = CreateContextOf<D>;

/** The context of `onCreate`. */
export type CreateContextOf<D extends Shaped> = StateContext<
  ShapeOf<D>["state"],
  unknown,
  unknown,
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `createVars`. */
export type CreateVarsContextOf<D extends Shaped> = StateContext<
  ShapeOf<D>["state"],
  unknown,
  unknown,
  ShapeOf<D>["database"],
  ShapeOf<D>["events"],
  ShapeOf<D>["queues"]
>;

/** The context of `onRequest`. */
export type RequestContextOf<D extends Shaped> = RequestContext<
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
export type WebSocketContextOf<D extends Shaped> = RequestContextOf<D>;

/** The context of `onBeforeActionResponse`. */
export type BeforeActionResponseContextOf<D extends Shaped> = ActionContextOf<D>;

/** The context of `onBeforeConnect`. */
export type BeforeConnectContextOf<D extends Shaped> = ConnInitContextOf<D>;

/** The context of `createConnState`. */
export type CreateConnStateContextOf<D extends Shaped> = ActorContext<
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
export type ConnectContextOf<D extends Shaped> = ConnContextOf<D>;

/** The context of `onDisconnect`. */
export type DisconnectContextOf<D extends Shaped> = ConnContextOf<D>;

/** The context of `run`. */
export type RunContextOf<D extends Shaped> = ActorContextOf<D>;

/** The context of `onWake`. */
export type WakeContextOf<D extends Shaped> = ActorContextOf<D>;

/** The context of `onSleep`. */
export type SleepContextOf<D extends Shaped> = ActorContextOf<D>;

/** The context of `onDestroy`. */
export type DestroyContextOf<D extends Shaped> = ActorContextOf<D>;

/** The context of `onStateChange`. */
export type StateChangeContextOf<D extends Shaped> = ActorContextOf<D>;
