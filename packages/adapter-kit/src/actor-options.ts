import type { ActorOptions, AuthContext, AuthOptions } from "@holdfast/actors";

/** Options of the actors of an adapter. */
export interface AdapterActorOptions {
  /** As in `actor()`: throws to refuse a caller. Without it, whoever reaches the server reaches these actors. */
  readonly onAuth?: (c: AuthContext<unknown>, options: AuthOptions<unknown>) => unknown;
  /** As in `actor()`. */
  readonly options?: ActorOptions;
}
