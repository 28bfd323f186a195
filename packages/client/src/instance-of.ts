import { Connection } from "./connection/connection.ts";
import { HandleMembers } from "./handle.ts";
import type { ActorConnBase, ActorHandleBase, AnyActorDefinition } from "./types.ts";

/** Right-hand side of an `instanceof`. */
export interface InstanceTest<Instance> {
  [Symbol.hasInstance](value: unknown): value is Instance;
}

export type ActorHandleRaw<D extends AnyActorDefinition = AnyActorDefinition> = ActorHandleBase<D>;
export type ActorConnRaw<Events = unknown> = ActorConnBase<Events>;

/** `value instanceof ActorHandleRaw`: true for handles of this package. */
export const ActorHandleRaw: InstanceTest<ActorHandleBase> = class ActorHandleRaw extends HandleMembers {
  static override [Symbol.hasInstance](value: unknown): value is ActorHandleBase {
    return value instanceof HandleMembers;
  }
};

/** `value instanceof ActorConnRaw`: true for connections of this package. */
export const ActorConnRaw: InstanceTest<ActorConnBase> = class ActorConnRaw extends Connection {
  static override [Symbol.hasInstance](value: unknown): value is ActorConnBase {
    return value instanceof Connection;
  }
};
