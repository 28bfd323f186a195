import { actor } from "@holdfast/actors";
import { studioLimits } from "../../limits.ts";
import type { PeopleHost } from "./host.ts";

export interface IndexState {
  version: 1;
  owner: string | null;
  /** Until when the owner has the value only reserved; 0 once it is confirmed. */
  reservedUntil: number;
}

/** Who has a value. */
export interface IndexEntry {
  readonly owner: string;
  /** False while its owner has not yet written what the value belongs to, or stopped before it. */
  readonly isConfirmed: boolean;
}

/** Which values are unique among all people. */
export type IndexKind = "email" | "account";

/**
 * The owner of one value that is unique among all people (an e-mail address, an account at a provider), keyed by the
 * kind and the hash of the value. Reserve it, write what it belongs to, confirm it: of two who want the same value, one
 * gets it, and a process that dies in between loses only its reservation. Clients cannot reach it.
 */
export function createUniqueIndexActor(host: PeopleHost) {
  const now = () => host.ports.clock.now();
  return actor({
    createState: (): IndexState => ({ version: 1, owner: null, reservedUntil: 0 }),
    options: { name: "Unique index", concurrency: "serial" },
    actions: {
      internal: {
        /**
         * Reserves the value for a minute and returns true, if nobody has it, or `owner` already does. `replaces` is the
         * owner of an expired reservation, who has been found not to have written anything.
         */
        reserve(c, owner: string, replaces?: string): boolean {
          const { state } = c;
          const isExpired = state.reservedUntil !== 0 && state.reservedUntil <= now();
          const isFree = state.owner === null || (isExpired && state.owner === replaces);
          if (state.owner === owner && !isExpired) return true;
          if (!isFree && state.owner !== owner) return false;
          state.owner = owner;
          state.reservedUntil = now() + studioLimits.reservationMs;
          return true;
        },

        /** Keeps the value for its owner. Returns false if another one has got it since. */
        confirm(c, owner: string): boolean {
          if (c.state.owner !== owner) return false;
          c.state.reservedUntil = 0;
          return true;
        },

        /** Gives the value up, if it is this owner's. */
        release(c, owner: string): void {
          if (c.state.owner !== owner) return;
          c.state.owner = null;
          c.state.reservedUntil = 0;
        },

        /** Who has the value; null if nobody does. */
        entry: (c): IndexEntry | null =>
          c.state.owner === null ? null : { owner: c.state.owner, isConfirmed: c.state.reservedUntil === 0 },

        /** The owner of a reservation that has expired; null if there is none. */
        expiredOwner: (c): string | null =>
          c.state.reservedUntil !== 0 && c.state.reservedUntil <= now() ? c.state.owner : null,
      },
    },
  });
}
