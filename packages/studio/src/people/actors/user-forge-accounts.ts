import { uuidv4 } from "@holdfast/core";
import type { ForgeKind } from "../../forges/forge.ts";
import { studioLimits } from "../../limits.ts";
import type { PeopleHost } from "./host.ts";
import type { RowDatabase, Tables } from "./rows.ts";

/** The tables of a person's accounts at forges, and of what their organizations are still to hear of them. */
export const forgeAccountTables = {
  forge_account: ["server", "forge", "login"],
  untold: ["organization", "server", "note"],
} as const satisfies Tables;

/** Accounts at forges that sign-ins have proven, by the server. */
export const forgeSchema = `
  CREATE TABLE forge_account (server TEXT PRIMARY KEY, forge TEXT NOT NULL, login TEXT NOT NULL) STRICT;
`;

/** `told`: 0 until each of their organizations has heard of the account. */
export const toldSchema = "ALTER TABLE forge_account ADD COLUMN told INTEGER NOT NULL DEFAULT 1;";

/**
 * An organization that is still to hear what has become of the account at a server; of all accounts of a person who is no
 * member any more, where the server is "". `note` is another one after each change.
 */
export const untoldSchema = `
  CREATE TABLE untold (
    organization TEXT NOT NULL, server TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (organization, server)
  ) STRICT;
  INSERT INTO untold SELECT organization.id, server, '' FROM organization, forge_account WHERE told = 0;
  ALTER TABLE forge_account DROP COLUMN told;
`;

/** An account at a forge that a person has signed in with. */
export interface SignedInAccount {
  readonly forge: ForgeKind;
  /** Base of the forge's API. */
  readonly server: string;
  readonly login: string;
}

/** A row of `untold`, with the account that the person has there now. */
export interface UntoldAccount {
  readonly organization: string;
  readonly server: string;
  readonly note: string;
  readonly forge: ForgeKind | null;
  readonly login: string | null;
}

/** The part of the state of a person that is about telling. */
export interface TellingState {
  /** Set while a schedule tells organizations. */
  telling?: true;
}

export interface TellingVars {
  isTelling: boolean;
}

export interface Context {
  readonly key: readonly string[];
  readonly db: RowDatabase;
  readonly state: TellingState;
  readonly vars: TellingVars;
  readonly schedule: { after(ms: number, action: string, ...args: unknown[]): Promise<string> };
  transaction<Result>(work: () => Promise<Result>): Promise<Result>;
  waitUntil(promise: Promise<unknown>): void;
}

const tellAction = "internal.tellOrganizations";

/** Internal actions: each change and what is to be told of it are one commit. */
export function forgeAccountActions(host: PeopleHost) {
  const schedule = async (c: Context, attempt: number): Promise<void> => {
    const { forgeAccountPauseMs: firstMs, maxForgeAccountPauseMs: mostMs } = studioLimits;
    const pauseMs = Math.min((host.forgeAccountPauseMs ?? firstMs) * 4 ** (attempt - 1), mostMs);
    await c.schedule.after(pauseMs, tellAction, attempt);
  };
  const note = async (c: Context, organizations: readonly string[], server: string): Promise<void> => {
    for (const organization of organizations)
      await c.db.execute(
        "INSERT OR REPLACE INTO untold (organization, server, note) VALUES (?, ?, ?)",
        ...[organization, server, uuidv4(host.ports.random)],
      );
    if (organizations.length === 0 || c.state.telling === true) return;
    c.state.telling = true;
    await schedule(c, 1);
  };
  const organizationsOf = async (c: Context): Promise<readonly string[]> =>
    (await c.db.execute<{ id: string }>("SELECT id FROM organization")).map(({ id }) => id);
  return {
    /** Keeps the account of a server, which may have another login than the last time. */
    proveForgeAccount: (c: Context, { forge, server, login }: SignedInAccount): Promise<void> =>
      c.transaction(async () => {
        const known = "SELECT 1 FROM forge_account WHERE server = ? AND login = ?";
        if ((await c.db.execute(known, server, login)).length > 0) return;
        await c.db.execute(
          "INSERT OR REPLACE INTO forge_account (server, forge, login) VALUES (?, ?, ?)",
          ...[server, forge, login],
        );
        await note(c, await organizationsOf(c), server);
      }),

    /** Forgets the accounts at all servers of a kind. */
    endForgeAccounts: (c: Context, forge: string): Promise<void> =>
      c.transaction(async () => {
        const ended = await c.db.execute<{ server: string }>(
          "DELETE FROM forge_account WHERE forge = ? RETURNING server",
          forge,
        );
        for (const { server } of ended) await note(c, await organizationsOf(c), server);
      }),

    /** An organization is to hear of all accounts. */
    noteForgeAccounts: (c: Context, organization: string): Promise<void> =>
      c.transaction(async () => {
        const accounts = await c.db.execute<{ server: string }>("SELECT server FROM forge_account");
        for (const { server } of accounts) await note(c, [organization], server);
      }),

    /** An organization is to hear that the person is no member, if that is so when it is told. */
    noteForgeEnd: (c: Context, organization: string): Promise<void> =>
      c.transaction(async () => {
        await c.db.execute("DELETE FROM untold WHERE organization = ?", organization);
        await note(c, [organization], "");
      }),

    untoldAccounts: (c: Context): Promise<readonly UntoldAccount[]> =>
      c.db.execute<UntoldAccount>(
        `SELECT organization, untold.server, note, forge, login
         FROM untold LEFT JOIN forge_account ON forge_account.server = untold.server ORDER BY organization, untold.server`,
      ),

    /** An organization has heard. If there was a change meanwhile, it may have heard in the wrong order: it hears again. */
    toldOrganization: (c: Context, { organization, server, note: told }: UntoldAccount): Promise<void> =>
      c.transaction(async () => {
        const same = "DELETE FROM untold WHERE organization = ? AND server = ? AND note = ? RETURNING note";
        const removed = await c.db.execute(same, organization, server, told);
        if (removed.length === 0) await note(c, [organization], server);
      }),

    /** Tells those who could not hear before, until they have. */
    async tellOrganizations(c: Context, attempt: number): Promise<void> {
      const [person = ""] = c.key;
      const left = await c.db.execute("SELECT 1 FROM untold LIMIT 1");
      if (left.length === 0) {
        delete c.state.telling;
        return;
      }
      await schedule(c, attempt + 1);
      if (c.vars.isTelling || host.tellAccounts === undefined) return;
      c.vars.isTelling = true;
      // It asks this actor, which runs one action after another.
      const telling = host
        .tellAccounts(person)
        .catch((error: unknown) =>
          host.ports.log.error("could not tell organizations of accounts at forges", { person, error }),
        )
        .finally(() => {
          c.vars.isTelling = false;
        });
      c.waitUntil(telling);
    },
  };
}
