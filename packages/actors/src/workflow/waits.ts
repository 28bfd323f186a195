import type { ActorKeyInput } from "@holdfast/core";

/** Options of a wait for a signal. */
export interface SignalOptions {
  /** The signal to wait for, if it differs from the name of the entry. */
  readonly signal?: string;
  /** Milliseconds to wait; without limit by default. */
  readonly timeout?: number;
}

/** The actor of a child workflow: its name in the registry and its key. */
export interface ChildReference<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly key: ActorKeyInput;
  /** Type-only: set by `childOf<typeof definition>()`. */
  readonly "~input"?: Input;
  readonly "~output"?: Output;
}
