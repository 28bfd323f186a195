import type { EventToken } from "@holdfast/client";
import type { StandardSchema } from "@holdfast/core";

// biome-ignore lint/suspicious/noExplicitAny: programs of the peer write `(c) => c.conn.params.role` here, before the actor that c belongs to has a type.
type AccessContext = any;

/** Options of `event()`. */
export interface EventOptions<Payload = unknown, Context = AccessContext> {
  /** Validates and types the payload. */
  readonly schema?: StandardSchema<unknown, Payload>;
  /** Decides whether the connection may subscribe; any other value than a boolean is an internal error. */
  readonly canSubscribe?: (c: Context) => boolean | Promise<boolean>;
}

/** The events of an actor by name: tokens, Standard Schemas of the payload, or options. */
export type EventTokens = {
  readonly [name: string]: EventToken<unknown> | StandardSchema | EventOptions;
};

/**
 * Declares an event and the type of its payload: `events: { moved: event<[x: number, y: number]>() }`. A tuple is
 * spread over the listener's parameters; any other type is its only parameter.
 */
export function event<Payload, Context = AccessContext>(
  options: EventOptions<Payload, Context> = {},
): EventToken<Payload> & EventOptions<Payload, Context> {
  return { ...options };
}
