import type { EventToken } from "@holdfast/client";

const eventToken: EventToken<never> = Object.freeze({});

/**
 * Declares an event and the type of its payload: `events: { moved: event<[x: number, y: number]>() }`.
 * A tuple is spread over the listener's parameters; anything else is its only one.
 */
export function event<T>(): EventToken<T> {
  return eventToken;
}
