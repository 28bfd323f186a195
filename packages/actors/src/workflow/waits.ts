import type { ActorKeyInput } from "@holdfast/core";

/** How a workflow waits for a signal. */
export interface SignalOptions {
  /** The signal to wait for, where the entry has a name of its own. */
  readonly signal?: string;
  /** Milliseconds to wait; for ever unless given. */
  readonly timeout?: number;
}

/** The actor of a child workflow: its name in the registry and its key. */
export interface ChildReference<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly key: ActorKeyInput;
  /** Phantom: `childOf<typeof definition>()` sets them. */
  readonly "~input"?: Input;
  readonly "~output"?: Output;
}
