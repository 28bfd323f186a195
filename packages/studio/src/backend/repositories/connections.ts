/** Repositories in the organization: one small row each, changed by patches of the repositories themselves. */
import { HoldfastError, isErrorCode, uuidv7 } from "@holdfast/core";
import { inOrganization, organizationOfKey } from "../../access/organization-ids.ts";
import { studioLimits } from "../../limits.ts";
import { secretPrefix } from "../../remotes/connections.ts";
import type { BackendHost } from "../host.ts";
import type {
  AddRepositoryInput,
  RepositoryPatch,
  RepositorySource,
  RepositorySummary,
  SshConnection,
} from "./contract.ts";
import type { RowDatabase } from "./rows.ts";
import { newSource, requireSource } from "./source.ts";
import { beginSsh, forgetPending, sshSource } from "./ssh.ts";
import { newRepositoryState, type RepositoryInput, summaryOf } from "./state.ts";

interface RepositoryRow {
  readonly summary: RepositorySummary;
  readonly revision: number;
  /** Dropped with the first report: until then, the actor may not exist. */
  readonly input?: RepositoryInput;
}

/** The part of the organization's context that is used. */
export interface ConnectionsContext {
  readonly key: readonly string[];
  readonly db: RowDatabase;
  readonly broadcast: {
    (name: "repositoryChanged", summary: RepositorySummary): void;
    (name: "repositoryRemoved", id: string): void;
  };
  client(): {
    getOrCreate(
      name: string,
      key: string[],
      options: { readonly createWithInput: unknown },
    ): { resolve(): Promise<unknown> };
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(call: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

type Transaction = Pick<RowDatabase, "execute">;

const table = "CREATE TABLE IF NOT EXISTS repository (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID";

/** Connects a repository, and starts its first sync. Throws `repository.invalid_source`, `.too_many`. */
export async function connectRepository(
  host: Pick<BackendHost, "ports" | "valueTokens">,
  c: ConnectionsContext,
  source: unknown,
): Promise<RepositorySummary> {
  return connect(host, c, newId(host, c), requireSource(source));
}

/**
 * Connects a repository with what a person has entered: tries it, stores the secrets, and starts the first sync. Throws
 * `repository.*`, `forge.*`, and keeps nothing then.
 */
export async function addRepository(
  host: Pick<BackendHost, "ports" | "valueTokens" | "connections">,
  c: ConnectionsContext,
  input: AddRepositoryInput,
): Promise<RepositorySummary> {
  if (typeof input === "object" && input !== null && "ssh" in input && input.ssh !== undefined)
    return addOverSsh(host, c, input);
  const id = newId(host, c);
  const { source, secrets } = newSource(input, secretPrefix(id));
  try {
    for (const { name, value } of secrets) await host.connections.storeSecret(name, value);
    return await connect(host, c, id, await host.connections.try(source));
  } catch (error) {
    await host.connections.forget(id);
    throw error;
  }
}

/** What was tried in vain can be tried again: the server may not have the key yet. */
async function addOverSsh(
  host: Pick<BackendHost, "valueTokens" | "connections">,
  c: ConnectionsContext,
  input: { readonly url: string; readonly ssh?: unknown },
): Promise<RepositorySummary> {
  const { id, source } = await sshSource(c.db, input.url, input.ssh);
  const summary = await connect(host, c, id, await host.connections.try(source));
  await forgetPending(c.db, id);
  return summary;
}

/** Prepares a connection over SSH; see `RepositoryListActions`. */
export function beginSshConnection(
  host: Pick<BackendHost, "ports" | "connections">,
  c: ConnectionsContext,
  input: unknown,
): Promise<SshConnection> {
  return beginSsh(host, c.db, newId(host, c), input);
}

/** Connects a repository of an import under an id of its own, without trying it: its secrets are not there yet. */
export function restoreRepository(
  host: Pick<BackendHost, "valueTokens">,
  c: ConnectionsContext,
  id: string,
  source: unknown,
): Promise<RepositorySummary> {
  return connect(host, c, id, requireSource(source));
}

function newId({ ports }: Pick<BackendHost, "ports">, { key }: ConnectionsContext): string {
  return inOrganization(organizationOfKey(key), uuidv7(ports.clock, ports.random));
}

async function connect(
  host: Pick<BackendHost, "valueTokens">,
  c: ConnectionsContext,
  id: string,
  source: RepositorySource,
): Promise<RepositorySummary> {
  const organization = organizationOfKey(c.key);
  const input: RepositoryInput = { id, organization, source };
  const none = { branches: 0, pullRequests: 0, openPullRequests: 0 };
  const summary = summaryOf(newRepositoryState(input), none);
  await change(c, async (tx) => {
    const [row] = await tx.execute("SELECT count(*) AS n FROM repository");
    if (Number(row?.["n"]) >= studioLimits.maxRepositories) throw tooMany();
    await write(tx, { summary, revision: 0, input });
  });
  c.broadcast("repositoryChanged", summary);
  await create(host, c, input);
  return summary;
}

export async function listRepositories(c: ConnectionsContext): Promise<readonly RepositorySummary[]> {
  return (await change(c, readAll)).map(({ summary }) => summary);
}

/**
 * The connected repository that a new task names by its id; undefined for a path. Throws `repository.not_connected` for what
 * is neither.
 */
export async function findConnected(
  c: ConnectionsContext,
  repository: unknown,
): Promise<RepositorySummary | undefined> {
  if (typeof repository !== "string" || !/^(?:\w+_)?[0-9a-f]{8}-[0-9a-f-]{27}$/.test(repository))
    return undefined;
  const found = await change(c, (tx) => read(tx, repository));
  if (found !== undefined) return found.summary;
  const message = "This repository is not connected any more. Connect it again, or choose another.";
  throw new HoldfastError("repository", "not_connected", message, { statusCode: 404 });
}

/** Creates the actors of connections that a crash has interrupted. */
export async function recoverRepositories(
  host: Pick<BackendHost, "valueTokens">,
  c: ConnectionsContext,
): Promise<void> {
  for (const { input } of await change(c, readAll)) if (input !== undefined) await create(host, c, input);
}

/** Removes a repository with everything that is kept of it. An unknown one is not an error. */
export async function disconnectRepository(c: ConnectionsContext, given: unknown): Promise<void> {
  const id = String(given);
  if ((await change(c, (tx) => read(tx, id))) === undefined) return;
  try {
    await c.client().get("repository", [id]).action({ name: "internal.remove", args: [] });
  } catch (error) {
    // An earlier attempt has removed it.
    if (!isErrorCode(error, "actor", "not_found")) throw error;
  }
  await change(c, (tx) => tx.execute("DELETE FROM repository WHERE id = ?", id));
  c.broadcast("repositoryRemoved", id);
}

/**
 * Applies a patch. Returns the revision of the row when it is not the patch's base, so that the repository sends all of its
 * summary; true when the patch is applied, and for a repository that was disconnected meanwhile.
 */
export async function applyRepositoryPatch(
  c: ConnectionsContext,
  { id, base, revision, changes }: RepositoryPatch,
): Promise<true | number> {
  const outcome = await change(c, async (tx) => {
    const row = await read(tx, id);
    if (row === undefined) return true;
    const isApplicable = base === 0 ? row.revision < revision : row.revision === base;
    if (!isApplicable) return row.revision;
    const summary = { ...row.summary, ...changes };
    await write(tx, { summary, revision });
    return summary;
  });
  if (typeof outcome !== "object") return outcome;
  c.broadcast("repositoryChanged", outcome);
  return true;
}

/** One change of the rows at a time. */
function change<Result>(c: ConnectionsContext, run: (tx: Transaction) => Promise<Result>): Promise<Result> {
  return c.db.transaction(async (tx) => {
    await tx.execute(table);
    return await run(tx);
  });
}

async function readAll(tx: Transaction): Promise<readonly RepositoryRow[]> {
  const rows = await tx.execute("SELECT row FROM repository ORDER BY id");
  return rows.map(({ row }) => JSON.parse(String(row)) as RepositoryRow);
}

async function read(tx: Transaction, id: string): Promise<RepositoryRow | undefined> {
  const [found] = await tx.execute("SELECT row FROM repository WHERE id = ?", id);
  return found === undefined ? undefined : (JSON.parse(String(found["row"])) as RepositoryRow);
}

async function write(tx: Transaction, row: RepositoryRow): Promise<void> {
  const put = "INSERT OR REPLACE INTO repository (id, row) VALUES (?, ?)";
  await tx.execute(put, row.summary.id, JSON.stringify(row));
}

async function create(
  host: Pick<BackendHost, "valueTokens">,
  c: ConnectionsContext,
  input: RepositoryInput,
): Promise<void> {
  const token = host.valueTokens.put(input);
  try {
    await c.client().getOrCreate("repository", [input.id], { createWithInput: { token } }).resolve();
  } finally {
    host.valueTokens.drop(token);
  }
}

function tooMany(): HoldfastError {
  const message = `An organization can have ${studioLimits.maxRepositories} repositories. Disconnect one first.`;
  return new HoldfastError("repository", "too_many", message, { statusCode: 409 });
}
