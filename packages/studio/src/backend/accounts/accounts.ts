/** Whose the accounts at forges are, in one organization. */
import { HoldfastError } from "@holdfast/core";
import type { AccountProof, ForgeAccount } from "../../contract/people.ts";
import type { ForgeKind } from "../../forges/forge.ts";
import type { InboxDatabase } from "../inbox/schema.ts";

interface StoredAccount {
  readonly server: string;
  readonly login: string;
  readonly person: string;
  readonly forge: ForgeKind;
  readonly proof: AccountProof;
  readonly linked_at: number;
}

/** From the weakest to the strongest. */
const proofs: readonly AccountProof[] = ["admin", "comment", "sign-in"];
const strengthOf = (proof: AccountProof): number => proofs.indexOf(proof);

function toAccount({
  linked_at: linkedAt,
  server,
  login,
  person,
  forge,
  proof,
}: StoredAccount): ForgeAccount {
  return { server, login, person, forge, proof, linkedAt };
}

export function listAccounts(db: InboxDatabase): readonly ForgeAccount[] {
  return db
    .query<StoredAccount>("SELECT * FROM forge_account ORDER BY server, login")
    .map((row) => toAccount(row));
}

/**
 * Throws `account.taken` for an account that somebody else has with as good a proof, and `account.proven` for a person who has
 * another one with a better proof: nobody takes an account from whoever has shown that it is theirs.
 */
export function requireFree(
  db: InboxDatabase,
  { server, login, person, proof }: Pick<ForgeAccount, "server" | "login" | "person" | "proof">,
): void {
  const present = ownerOf(db, server, login);
  if (present !== undefined && present.person !== person) {
    // An admin may change their mind, and a sign-in is the newest word of the provider.
    const isFinal =
      strengthOf(present.proof) > strengthOf(proof) || (proof === "comment" && present.proof === "comment");
    if (isFinal) {
      const message = `The account ${login} belongs to another member, who has proven it. They can remove it in their settings.`;
      throw new HoldfastError("account", "taken", message, { statusCode: 409 });
    }
  }
  const own = accountOf(db, server, person);
  if (own === undefined || strengthOf(own.proof) <= strengthOf(proof)) return;
  const message = `This member has proven to be ${own.login} there. Only they can remove that account, in their settings.`;
  throw new HoldfastError("account", "proven", message, { statusCode: 409 });
}

/** Links an account. Throws as {@link requireFree}. */
export async function linkAccount(db: InboxDatabase, account: ForgeAccount): Promise<void> {
  requireFree(db, account);
  const { server, login, person, forge, proof, linkedAt } = account;
  await db.execute(
    "DELETE FROM forge_account WHERE server = ? AND (login = ? OR person = ?)",
    ...[server, login, person],
  );
  await db.execute(
    "INSERT INTO forge_account (server, login, person, forge, proof, linked_at) VALUES (?, ?, ?, ?, ?, ?)",
    ...[server, login, person, forge, proof, linkedAt],
  );
}

/** Removes the account of a person at a server; those at all of them without one. Returns the servers. */
export async function unlinkAccounts(
  db: InboxDatabase,
  person: string,
  server?: string,
): Promise<readonly string[]> {
  const rows = await db.execute<{ server: string }>(
    "DELETE FROM forge_account WHERE person = ? AND server = coalesce(?, server) RETURNING server",
    ...[person, server ?? null],
  );
  return rows.map((row) => row.server);
}

export function accountOf(db: InboxDatabase, server: string, person: string): ForgeAccount | undefined {
  const read = "SELECT * FROM forge_account WHERE server = ? AND person = ?";
  const row = db.get<StoredAccount>(read, server, person);
  return row === undefined ? undefined : toAccount(row);
}

function ownerOf(db: InboxDatabase, server: string, login: string): ForgeAccount | undefined {
  const row = db.get<StoredAccount>(
    "SELECT * FROM forge_account WHERE server = ? AND login = ?",
    server,
    login,
  );
  return row === undefined ? undefined : toAccount(row);
}
