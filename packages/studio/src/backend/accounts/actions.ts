/** Actions of `attention` about accounts of people at forges. */
import { HoldfastError } from "@holdfast/core";
import { organizationOfId, organizationOfKey } from "../../access/organization-ids.ts";
import { operator } from "../../access/person.ts";
import type { AccountActions, AccountLink, ForgeAccount } from "../../contract/people.ts";
import type { BackendHost } from "../host.ts";
import type { InboxDatabase } from "../inbox/schema.ts";
import type { PersonConnState } from "../tasks/actions.ts";
import { linkAccount, listAccounts, requireFree, unlinkAccounts } from "./accounts.ts";
import { type BegunLink, beginLink, begunLink, endLink, notProven, type RepositoryForge } from "./links.ts";
import type { PersonChange } from "./news.ts";
import { settleServer } from "./requests.ts";

/** The part of the context of `attention` that is used. */
export interface AccountContext {
  readonly key: readonly string[];
  readonly db: InboxDatabase;
  readonly conn: { readonly state: PersonConnState };
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(call: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

type InternalContext = Omit<AccountContext, "conn">;

const loginPattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;

/** `tell` sends changes to the inboxes of people. */
export function accountActions<Context extends InternalContext>(
  host: Pick<BackendHost, "ports" | "notifications">,
  tell: (c: Context, changes: readonly PersonChange[]) => void,
) {
  const now = () => host.ports.clock.now();
  const changed = async (c: Context, server: string): Promise<void> => {
    tell(c, await settleServer(c.db, server));
    await tellPages(c);
  };
  type PersonContext = Context & Pick<AccountContext, "conn">;
  return {
    forgeAccounts: (c: Context): readonly ForgeAccount[] => listAccounts(c.db),

    async beginAccountLink(c: PersonContext, input: unknown): Promise<AccountLink> {
      const { person } = c.conn.state;
      const { repository, login } = readInput(c, input);
      const forge = await forgeOf(c, repository);
      requireFree(c.db, { person, login, proof: "comment", server: forge.server });
      return beginLink(c.db, { person, server: forge.server }, { repository, login, ...forge }, now());
    },

    async confirmAccountLink(c: PersonContext): Promise<ForgeAccount> {
      const { person } = c.conn.state;
      const begun = begunLink(c.db, person, now());
      if (!(await hasWritten(c, begun))) throw notProven(begun);
      // The code may have been used meanwhile, or replaced by another one.
      const { server, forge, login, code } = begunLink(c.db, person, now());
      if (code !== begun.code) throw notProven({ login, code });
      const account: ForgeAccount = { person, server, forge, login, proof: "comment", linkedAt: now() };
      await linkAccount(c.db, account);
      await endLink(c.db, person);
      await changed(c, server);
      return account;
    },

    async unlinkForgeAccount(c: PersonContext, server: unknown): Promise<void> {
      const known = String(server);
      if ((await unlinkAccounts(c.db, c.conn.state.person, known)).length > 0) await changed(c, known);
    },

    async setForgeAccount(c: PersonContext, input: unknown): Promise<void> {
      const { person } = Object(input) as { readonly person?: unknown };
      const isNone = (Object(input) as { readonly login?: unknown }).login === null;
      const { repository, login } = readInput(c, isNone ? { ...Object(input), login: "none" } : input);
      if (typeof person !== "string" || person === "") throw invalid("`person` must be the id of a member");
      await requireMember(host, c, person);
      const { server, forge } = await forgeOf(c, repository);
      if (isNone) {
        requireFree(c.db, { person, login: "", proof: "admin", server });
        await unlinkAccounts(c.db, person, server);
      } else await linkAccount(c.db, { person, server, forge, login, proof: "admin", linkedAt: now() });
      await changed(c, server);
    },
  } satisfies Record<keyof AccountActions, unknown>;
}

/** The internal actions, for the process that signs people in. */
export function accountInternals<Context extends InternalContext>(
  host: Pick<BackendHost, "ports">,
  tell: (c: Context, changes: readonly PersonChange[]) => void,
) {
  return {
    /** Links an account with which a person has signed in. */
    async accountProven(c: Context, account: Omit<ForgeAccount, "proof" | "linkedAt">): Promise<void> {
      await linkAccount(c.db, { ...account, proof: "sign-in", linkedAt: host.ports.clock.now() });
      tell(c, await settleServer(c.db, account.server));
      await tellPages(c);
    },

    /** Forgets the account of a person at a server, or all of somebody who has left. */
    async accountsEnded(c: Context, person: string, server?: string): Promise<void> {
      for (const each of await unlinkAccounts(c.db, person, server)) tell(c, await settleServer(c.db, each));
      await tellPages(c);
    },
  };
}

/** Pages that show people show their accounts. */
async function tellPages(c: InternalContext): Promise<void> {
  await c
    .client()
    .get("organization", [organizationOfKey(c.key)])
    .action({ name: "internal.peopleChanged", args: [] })
    // Nobody has opened it yet.
    .catch(() => undefined);
}

/** Whether the account has written the code, as a comment of its own that nobody has changed since. */
function hasWritten(
  c: InternalContext,
  { repository, login, code, begun_at: since }: BegunLink,
): Promise<boolean> {
  const call = { name: "internal.hasComment", args: [{ login, text: code, since }] };
  return c.client().get("repository", [repository]).action<boolean>(call);
}

/** Throws `account.no_forge`. */
async function forgeOf(c: InternalContext, repository: string): Promise<RepositoryForge> {
  const call = { name: "internal.forge", args: [] };
  const found = await c.client().get("repository", [repository]).action<RepositoryForge | null>(call);
  if (found !== null) return found;
  const message = "This repository is at no forge. Choose one of GitHub, GitLab or Gitea.";
  throw new HoldfastError("account", "no_forge", message, { statusCode: 409 });
}

function readInput(
  c: InternalContext,
  input: unknown,
): { readonly repository: string; readonly login: string } {
  const { repository, login } = Object(input) as { readonly repository?: unknown; readonly login?: unknown };
  if (typeof login !== "string" || !loginPattern.test(login))
    throw invalid("`login` must be the name of an account at the forge, without an @");
  // An id says whose the repository is: another organization's is out of reach.
  const isOurs = typeof repository === "string" && organizationOfId(repository) === organizationOfKey(c.key);
  if (!isOurs || repository === "") throw invalid("`repository` must be the id of a connected repository");
  return { repository, login };
}

/** Throws `account.no_member`. */
async function requireMember(
  { notifications }: Pick<BackendHost, "notifications">,
  { key }: InternalContext,
  person: string,
): Promise<void> {
  if (person === operator.id) return;
  if ((await notifications.standing(person, organizationOfKey(key))).mayRead) return;
  const message = "There is no such member in this organization.";
  throw new HoldfastError("account", "no_member", message, { statusCode: 404 });
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("account", "invalid_input", message, { statusCode: 400 });
}
