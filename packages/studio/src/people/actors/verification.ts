import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { migrations } from "@holdfast/actors/unstable/migrations";
import type { PeopleHost } from "./host.ts";
import { Rows, type Tables } from "./rows.ts";
import type { Condition, Page, Row, Value } from "./where.ts";

export const verificationTables = {
  verification: ["id", "identifier", "value", "expires_at", "created_at", "updated_at"],
} as const satisfies Tables;

const table = "verification";
const schema = `
  CREATE TABLE verification (
    id TEXT PRIMARY KEY, identifier TEXT NOT NULL, value TEXT NOT NULL, expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT;
`;

/**
 * What has to be proven once before it expires (an e-mail address, the state of a sign-in at a provider), keyed by the
 * hash of its identifier. Expired rows are never returned, and go with the next write. Clients cannot reach it.
 */
export function createVerificationActor(host: PeopleHost) {
  const rows = new Rows(verificationTables);
  const expired = (): Condition => ({
    column: "expires_at",
    operator: "lte",
    value: host.ports.clock.now(),
  });
  /** The condition comes last, so that it holds for all alternatives before it. */
  const unexpired = (where: readonly Condition[]): readonly Condition[] => [
    ...where,
    { column: "expires_at", operator: "gt", value: host.ports.clock.now() },
  ];
  return actor({
    createState: (): { version: 1 } => ({ version: 1 }),
    db: db({ onMigrate: migrations({ migrations: [{ version: 1, sql: schema }] }) }),
    options: { name: "Verification", concurrency: "serial" },
    actions: {
      internal: {
        async insert(c, row: Row): Promise<void> {
          await rows.remove(c.db, table, [expired()]);
          await rows.insert(c.db, table, row);
        },

        find: (c, where: readonly Condition[], page?: Page): Promise<readonly Row[]> =>
          rows.find(c.db, table, unexpired(where), page),

        update: (
          c,
          where: readonly Condition[],
          changes: Readonly<Record<string, Value>>,
        ): Promise<readonly Row[]> => rows.update(c.db, table, unexpired(where), changes),

        /** Deletes rows, at most `limit`, and returns those that had not expired: each to one caller only. */
        async remove(c, where: readonly Condition[], limit?: number): Promise<readonly Row[]> {
          await rows.remove(c.db, table, [expired()]);
          return await rows.remove(c.db, table, where, limit);
        },
      },
    },
  });
}
