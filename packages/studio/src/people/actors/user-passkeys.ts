import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";
import type { RowDatabase, Rows, Tables } from "./rows.ts";
import type { Condition, Row } from "./where.ts";

/** The tables of a person's passkeys. */
export const passkeyTables = {
  passkey: [
    ...["id", "name", "rp_id", "credential_id", "public_key", "counter", "transports", "is_synced"],
    ...["created_at", "last_used_at"],
  ],
  used_challenge: ["hash", "expires_at"],
} as const satisfies Tables;

export const passkeySchema = `
  CREATE TABLE passkey (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, rp_id TEXT NOT NULL, credential_id TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL, counter INTEGER NOT NULL, transports TEXT NOT NULL, is_synced INTEGER NOT NULL,
    created_at INTEGER NOT NULL, last_used_at INTEGER
  ) STRICT;
  CREATE TABLE used_challenge (hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT;
`;

/** A challenge that a passkey has answered; kept until nobody accepts it any more. */
export interface UsedChallenge {
  readonly hash: string;
  readonly expiresAt: number;
}

async function noteChallenge(
  rows: Rows,
  database: RowDatabase,
  { hash, expiresAt }: UsedChallenge,
  now: number,
): Promise<void> {
  await rows.remove(database, "used_challenge", [{ column: "expires_at", operator: "lte", value: now }]);
  await rows.insert(database, "used_challenge", { hash, expires_at: expiresAt });
}

export interface Context {
  readonly db: RowDatabase;
}

/** Internal actions of a person's passkeys. */
export function passkeyActions(rows: Rows, now: () => number) {
  return {
    /**
     * Adds a passkey that answered a challenge. Throws `people.too_many_passkeys`, `people.already_exists` for one
     * that is there, and for a challenge that was used.
     */
    async addPasskey(c: Context, passkey: Row, challenge: UsedChallenge): Promise<void> {
      if ((await rows.find(c.db, "passkey", [])).length >= studioLimits.maxPasskeysPerPerson)
        throw tooManyPasskeys();
      await noteChallenge(rows, c.db, challenge, now());
      await rows.insert(c.db, "passkey", passkey);
    },

    /** Notes that a passkey answered a challenge. Returns false if the challenge was used already. */
    async passkeyUsed(
      c: Context,
      { id, counter }: { readonly id: string; readonly counter: number },
      challenge: UsedChallenge,
    ): Promise<boolean> {
      const known: Condition = { column: "hash", operator: "eq", value: challenge.hash };
      if ((await rows.find(c.db, "used_challenge", [known])).length > 0) return false;
      await noteChallenge(rows, c.db, challenge, now());
      const where: Condition = { column: "id", operator: "eq", value: id };
      await rows.update(c.db, "passkey", [where], { counter, last_used_at: now() });
      return true;
    },
  };
}

export function tooManyPasskeys(): HoldfastError {
  const message = `A person has at most ${studioLimits.maxPasskeysPerPerson} passkeys. Remove one first.`;
  return new HoldfastError("people", "too_many_passkeys", message, { statusCode: 409 });
}
