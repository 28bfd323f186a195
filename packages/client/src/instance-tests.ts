import { Connection } from "./connection.ts";
import { HandleMembers } from "./handle.ts";
import type { ActorConnBase, ActorHandleBase, AnyActorDefinition } from "./types.ts";

/** The right-hand side of an `instanceof`. */
export interface InstanceTest<Instance> {
  [Symbol.hasInstance](value: unknown): value is Instance;
}

export type ActorHandleRaw<D extends AnyActorDefinition = AnyActorDefinition> = ActorHandleBase<D>;
export type ActorConnRaw<Events = unknown> = ActorConnBase<Events>;

/** `value instanceof ActorHandleRaw`: whether it is a handle that a client of this package made. */
export const ActorHandleRaw: InstanceTest<ActorHandleBase> = class ActorHandleRaw extends HandleMembers {
  static override [Symbol.hasInstance](value: unknown): value is ActorHandleBase {
    return value instanceof HandleMembers;
  }
};

/** `value instanceof ActorConnRaw`: whether it is a connection that a handle of this package opened. */
export const ActorConnRaw: InstanceTest<ActorConnBase> = class ActorConnRaw extends Connection {
  static override [Symbol.hasInstance](value: unknown): value is ActorConnBase {
    return value instanceof Connection;
  }
};
