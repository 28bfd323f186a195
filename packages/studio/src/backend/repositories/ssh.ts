/** Repositories over SSH before they are connected: a key in the vault, and the key of the server to confirm. */
import { HoldfastError } from "@holdfast/core";
import { addressProblem } from "../../forges/repository-address.ts";
import { readSshAddress, type SshAddress } from "../../forges/ssh-address.ts";
import { studioLimits } from "../../limits.ts";
import { secretPrefix } from "../../remotes/connections.ts";
import type { BackendHost } from "../host.ts";
import type { GitSource, SshConnection } from "./contract.ts";
import type { RowDatabase } from "./rows.ts";

interface Pending {
  readonly url: string;
  readonly publicKey: string;
  readonly knownHosts: string;
  readonly fingerprint: string;
}

type SshHost = Pick<BackendHost, "ports" | "connections">;

const table =
  "CREATE TABLE IF NOT EXISTS ssh_pending (id TEXT PRIMARY KEY, at INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID";

/** Keeps a key for the repository with this id, until it is connected. Forgets the oldest ones that never were. */
export async function beginSsh(
  { connections, ports }: SshHost,
  db: RowDatabase,
  id: string,
  input: unknown,
): Promise<SshConnection> {
  const given = { ...Object(input) } as { readonly url?: unknown; readonly privateKey?: unknown };
  const address = requireSsh(given.url);
  const { privateKey } = given;
  if (privateKey !== undefined && (typeof privateKey !== "string" || privateKey.length > 16_384)) {
    const message = "`privateKey` must be the file of a private key";
    throw new HoldfastError("repository", "invalid_key", message, { statusCode: 400 });
  }
  const { publicKey, hostKeys } = await connections.beginSsh(address, `${secretPrefix(id)}ssh`, privateKey);
  const row: Pending = { url: address.url, publicKey, ...hostKeys };
  await db.execute(table);
  const insert = "INSERT INTO ssh_pending (id, at, row) VALUES (?, ?, ?)";
  await db.execute(insert, id, ports.clock.now(), JSON.stringify(row));
  const old = "SELECT id FROM ssh_pending ORDER BY at DESC LIMIT -1 OFFSET ?";
  for (const { id: forgotten } of await db.execute(old, studioLimits.maxPendingSshKeys)) {
    await connections.forget(String(forgotten));
    await db.execute("DELETE FROM ssh_pending WHERE id = ?", String(forgotten));
  }
  return { id, publicKey, host: address.host, fingerprint: hostKeys.fingerprint };
}

/** The source for a key that a person has confirmed. Throws `repository.ssh_expired`, `.fingerprint_mismatch`. */
export async function sshSource(
  db: RowDatabase,
  url: unknown,
  given: unknown,
): Promise<{ readonly id: string; readonly source: GitSource }> {
  const { id, fingerprint } = { ...Object(given) } as {
    readonly id?: unknown;
    readonly fingerprint?: unknown;
  };
  await db.execute(table);
  const [found] = await db.execute("SELECT row FROM ssh_pending WHERE id = ?", String(id));
  const pending = found === undefined ? undefined : (JSON.parse(String(found["row"])) as Pending);
  if (pending === undefined || pending.url !== requireSsh(url).url) {
    const message =
      "There is no key for this address any more. Begin again, and add the new key at the server.";
    throw new HoldfastError("repository", "ssh_expired", message, { statusCode: 409 });
  }
  if (pending.fingerprint !== fingerprint) {
    const message = `The fingerprint is not that of the server: it has shown ${pending.fingerprint}. Compare it with what the server's operator says.`;
    throw new HoldfastError("repository", "fingerprint_mismatch", message, { statusCode: 409 });
  }
  const { publicKey, knownHosts } = pending;
  const ssh = { secret: `${secretPrefix(String(id))}ssh`, publicKey, knownHosts, fingerprint };
  return { id: String(id), source: { kind: "git", url: pending.url, ssh } };
}

export async function forgetPending(db: RowDatabase, id: string): Promise<void> {
  await db.execute("DELETE FROM ssh_pending WHERE id = ?", id);
}

function requireSsh(url: unknown): SshAddress {
  const address = typeof url === "string" && url.length <= 2_000 ? readSshAddress(url) : undefined;
  if (address !== undefined) return address;
  const message = addressProblem(String(url).slice(0, 2_000)) ?? "This is no address over SSH.";
  throw new HoldfastError("repository", "invalid_address", message, { statusCode: 400 });
}
