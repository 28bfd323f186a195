import { HoldfastError } from "@holdfast/core";
import type {
  ActorConnection,
  ActorInstance,
  InstanceOptions,
  InstanceStatus,
  StopReason,
} from "../instance.ts";

/** One running actor. */
export class Runtime implements ActorInstance {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  status: InstanceStatus = "starting";
  readonly ready: Promise<void> = Promise.resolve();
  readonly stopped: Promise<StopReason> = new Promise(() => {});

  constructor(options: InstanceOptions) {
    this.id = options.id;
    this.name = options.name;
    this.key = options.key;
  }

  async invoke(): Promise<Uint8Array> {
    throw new HoldfastError("actor", "starting", "Not built yet");
  }

  async connect(): Promise<ActorConnection> {
    throw new HoldfastError("actor", "starting", "Not built yet");
  }

  sleep(): Promise<StopReason> {
    return this.stopped;
  }

  destroy(): Promise<StopReason> {
    return this.stopped;
  }

  shutdown(): Promise<StopReason> {
    return this.stopped;
  }
}
