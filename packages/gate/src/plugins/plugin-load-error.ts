import type { StartFailure } from "./runtime/messages.ts";

/** The kinds of {@link PluginLoadError}: what the process says itself, or that it said nothing in time. */
export type LoadFailure = StartFailure | "timeout";

/** A plugin did not load. */
export class PluginLoadError extends Error {
  readonly category: LoadFailure;

  constructor(category: LoadFailure, message: string) {
    super(message);
    this.name = "PluginLoadError";
    this.category = category;
  }
}
