import { Runtime } from "../internal/lifecycle/runtime.ts";
import type { ActorInstance } from "./instance.ts";
import type { InstanceOptions } from "./instance-options.ts";

/** Starts an actor that is not in memory. A host creates at most one instance of an actor at a time. */
export function createInstance(options: InstanceOptions): ActorInstance {
  return new Runtime(options);
}
