/** The proof that an account is one's own: it writes a code in a comment. */
import { randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { AccountLink, ForgeAccount } from "../../contract/people.ts";
import type { ForgeKind } from "../../forges/forge.ts";
import { studioLimits } from "../../limits.ts";
import type { InboxDatabase } from "../inbox/schema.ts";

/** What a repository says about its forge. */
export interface RepositoryForge {
  readonly forge: ForgeKind;
  readonly server: string;
  readonly name: string;
}

/** A link that was begun and not confirmed. */
export interface BegunLink {
  readonly person: string;
  readonly repository: string;
  readonly server: string;
  readonly forge: ForgeKind;
  readonly login: string;
  readonly code: string;
  readonly begun_at: number;
}

/** Begins a link of a person, instead of one before. Nobody can guess the code. */
export async function beginLink(
  db: InboxDatabase,
  { person, server }: Pick<ForgeAccount, "person" | "server">,
  {
    repository,
    login,
    forge,
    name,
  }: { readonly repository: string; readonly login: string } & RepositoryForge,
  now: number,
): Promise<AccountLink> {
  const code = `holdfast-account-${randomBytes(18).toString("base64url")}`;
  await db.execute(
    "INSERT OR REPLACE INTO account_link (person, repository, server, forge, login, code, begun_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ...[person, repository, server, forge, login, code, now],
  );
  return { code, repository: name, login, expiresAt: now + studioLimits.accountLinkMs };
}

/** Throws `account.not_begun`. */
export function begunLink(db: InboxDatabase, person: string, now: number): BegunLink {
  const row = db.get<BegunLink>("SELECT * FROM account_link WHERE person = ?", person);
  if (row !== undefined && row.begun_at + studioLimits.accountLinkMs > now) return row;
  const message = "No account waits to be confirmed, or its code has expired. Begin again for a new code.";
  throw new HoldfastError("account", "not_begun", message, { statusCode: 409 });
}

/** The code is used up. */
export async function endLink(db: InboxDatabase, person: string): Promise<void> {
  await db.execute("DELETE FROM account_link WHERE person = ?", person);
}

export function notProven({ login, code }: Pick<BegunLink, "login" | "code">): HoldfastError {
  const message = `${login} has not written the comment ${code} yet, or it has other words or was changed. Write it as a new comment of its own, then confirm again.`;
  return new HoldfastError("account", "not_proven", message, { statusCode: 409 });
}
