import { type Clock, type Random, uuidv7 } from "@holdfast/core";

/**
 * An id that carries the hash of its actor's address: a UUID of version 8 (RFC 9562). It starts with the time, as
 * version 7 does, and ends with the hash.
 */
export function newActorId(addressHash16: number, clock: Clock, random: Random): string {
  const id = uuidv7(clock, random);
  return `${id.slice(0, 14)}8${id.slice(15, -4)}${addressHash16.toString(16).padStart(4, "0")}`;
}

/** The hash that an id carries; undefined for ids of earlier releases and of stores of one process. */
export function hashOfId(id: string): number | undefined {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)
    ? Number.parseInt(id.slice(-4), 16)
    : undefined;
}
