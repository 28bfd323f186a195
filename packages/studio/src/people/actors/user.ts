import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { HoldfastError } from "@holdfast/core";
import { type ApiToken, type TokenScope, tokenScopes } from "../../contract/people.ts";
import { studioLimits } from "../../limits.ts";
import { announceSoon, announcing, type PeopleHost } from "./host.ts";
import { Rows, type Tables } from "./rows.ts";
import {
  forgeAccountActions,
  forgeAccountTables,
  forgeSchema,
  type TellingState,
  type TellingVars,
  toldSchema,
  untoldSchema,
} from "./user-forge-accounts.ts";
import { passkeyActions, passkeySchema, passkeyTables } from "./user-passkeys.ts";
import type { Condition, Page, Row, Value } from "./where.ts";

/** The tables of a person. Everything about them is in their own actor. */
export const userTables = {
  user: ["id", "name", "email", "email_verified", "image", "created_at", "updated_at"],
  session: [
    ...["id", "user_id", "token_hash", "expires_at", "ip_address", "user_agent", "created_at", "updated_at"],
  ],
  account: [
    ...["id", "user_id", "provider_id", "account_id", "access_token", "refresh_token", "id_token"],
    ...["access_token_expires_at", "refresh_token_expires_at", "scope", "password"],
    ...["created_at", "updated_at"],
  ],
  api_token: ["id", "name", "hash", "scope", "created_at", "expires_at"],
  organization: ["id"],
  ...forgeAccountTables,
  ...passkeyTables,
} as const satisfies Tables;

export type UserTable = keyof typeof userTables;

const schema = `
  CREATE TABLE user (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, email_verified INTEGER NOT NULL, image TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE session (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE, expires_at INTEGER NOT NULL,
    ip_address TEXT, user_agent TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE account (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL, provider_id TEXT NOT NULL, account_id TEXT NOT NULL,
    access_token TEXT, refresh_token TEXT, id_token TEXT, access_token_expires_at INTEGER,
    refresh_token_expires_at INTEGER, scope TEXT, password TEXT,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (provider_id, account_id)
  ) STRICT;
  CREATE TABLE api_token (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scope TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE organization (id TEXT PRIMARY KEY) STRICT;
`;

export interface NewApiToken extends ApiToken {
  /** SHA-256 of the token. */
  readonly hash: string;
}

/** What an API token says about its owner. */
export interface TokenOwner {
  readonly scope: TokenScope;
  readonly name: string;
}

/** Where rows of a person are changed, and whose rights may have changed by it. */
const affectsAccess: readonly UserTable[] = ["user", "session", "api_token"];

/** A person, keyed by their id: profile, sessions, accounts at providers, API tokens. Clients cannot reach it. */
export function createUserActor(host: PeopleHost) {
  const rows = new Rows(userTables);
  const now = () => host.ports.clock.now();
  const forgeAccounts = forgeAccountActions(host);
  return actor({
    createState: (): { version: 1 } & TellingState => ({ version: 1 }),
    createVars: (): TellingVars => ({ isTelling: false }),
    db: db({
      onMigrate: migrations({
        migrations: [
          { version: 1, sql: schema },
          { version: 2, sql: passkeySchema },
          { version: 3, sql: forgeSchema },
          { version: 4, sql: toldSchema },
          { version: 5, sql: untoldSchema },
        ],
      }),
    }),
    options: { name: "User", concurrency: "serial" },
    actions: {
      internal: {
        ...announcing(host),
        ...passkeyActions(rows, now),
        ...forgeAccounts,

        /** Adds a row. Old sessions make room for a new one. Throws `people.already_exists`. */
        async insert(c, table: UserTable, row: Row): Promise<void> {
          if (table === "session") {
            await rows.remove(c.db, table, [{ column: "expires_at", operator: "lte", value: now() }]);
            const kept = await rows.find(c.db, table, [], {
              sortBy: { column: "created_at", descending: true },
            });
            const surplus = kept.slice(studioLimits.maxSessionsPerPerson - 1).map(({ id }) => id ?? null);
            if (surplus.length > 0)
              await rows.remove(c.db, table, [{ column: "id", operator: "in", value: surplus }]);
          }
          await rows.insert(c.db, table, row);
        },

        find: (c, table: UserTable, where: readonly Condition[], page?: Page): Promise<readonly Row[]> =>
          rows.find(c.db, table, where, page),

        async update(
          c,
          table: UserTable,
          where: readonly Condition[],
          changes: Readonly<Record<string, Value>>,
        ): Promise<readonly Row[]> {
          return await rows.update(c.db, table, where, changes);
        },

        /** Deletes rows, at most `limit`, and returns them. The person's connections are checked again. */
        async remove(
          c,
          table: UserTable,
          where: readonly Condition[],
          limit?: number,
        ): Promise<readonly Row[]> {
          if (!affectsAccess.includes(table)) return await rows.remove(c.db, table, where, limit);
          const [person = ""] = c.key;
          await announceSoon(host, c, person);
          const removed = await rows.remove(c.db, table, where, limit);
          if (removed.length > 0) host.accessChanged(person);
          return removed;
        },

        /** Throws `token.too_many`. */
        async addToken(c, token: NewApiToken): Promise<void> {
          await rows.remove(c.db, "api_token", [{ column: "expires_at", operator: "lte", value: now() }]);
          if ((await rows.find(c.db, "api_token", [])).length >= studioLimits.maxTokensPerPerson) {
            const message = `A person has at most ${studioLimits.maxTokensPerPerson} API tokens. Delete one first.`;
            throw new HoldfastError("token", "too_many", message, { statusCode: 409 });
          }
          const { id, name, hash, scope, createdAt, expiresAt } = token;
          await rows.insert(c.db, "api_token", {
            ...{ id, name, hash, scope },
            created_at: createdAt,
            expires_at: expiresAt,
          });
        },

        /** Scope and owner of an unexpired token; null if there is none with this hash. */
        async tokenOwner(c, hash: string): Promise<TokenOwner | null> {
          const [row] = await rows.find(c.db, "api_token", [{ column: "hash", operator: "eq", value: hash }]);
          if (row === undefined || Number(row["expires_at"]) <= now()) return null;
          const scope = tokenScopes.find((each) => each === row["scope"]);
          const [user] = await rows.find(c.db, "user", []);
          return scope === undefined || user === undefined ? null : { scope, name: String(user["name"]) };
        },

        async listTokens(c): Promise<readonly ApiToken[]> {
          const found = await rows.find(c.db, "api_token", [], {
            sortBy: { column: "created_at", descending: true },
          });
          return found.map((row) => ({
            id: String(row["id"]),
            name: String(row["name"]),
            scope: tokenScopes.find((scope) => scope === row["scope"]) ?? "read",
            createdAt: Number(row["created_at"]),
            expiresAt: Number(row["expires_at"]),
          }));
        },

        /**
         * Notes that the person may be a member, before they become one. Only the organization knows whether they are.
         */
        async noteOrganization(c, organization: string): Promise<void> {
          const id: Condition = { column: "id", operator: "eq", value: organization };
          if ((await rows.find(c.db, "organization", [id])).length === 0)
            await rows.insert(c.db, "organization", { id: organization });
          await forgeAccounts.noteForgeAccounts(c, organization);
        },

        async forgetOrganization(c, organization: string): Promise<void> {
          await rows.remove(c.db, "organization", [{ column: "id", operator: "eq", value: organization }]);
        },
      },
    },
  });
}
