import { HoldfastError } from "@holdfast/core";
import type { PublishTarget } from "../../contract/publish.ts";
import type { ForgeSource, RepositorySummary, RepositoryView } from "../repositories/contract.ts";

/** The part of an actor's context that calls others. */
export interface CallContext {
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/**
 * The repository of a forge, connected to the organization, that a remote leads to, the first remote that has one. Throws
 * `publish.not_connected`, `publish.no_remote`.
 */
export async function findTarget(
  c: CallContext,
  organization: string,
  remotes: readonly string[],
): Promise<PublishTarget> {
  const call = { name: "listRepositories", args: [] };
  const connected = await c
    .client()
    .get("organization", [organization])
    .action<readonly RepositorySummary[]>(call);
  const places = remotes.flatMap((url) => placeOf(url) ?? []);
  for (const place of places) {
    for (const { id, name, kind } of connected) {
      if (kind === "folder" || kind === "git" || !place.path.endsWith(name.toLowerCase())) continue;
      if (isSamePlace(place, await sourceOf(c, id))) return { repositoryId: id, name, kind };
    }
  }
  const [first] = places;
  throw first === undefined ? noRemote() : notConnected(`${first.host}/${first.path}`);
}

/** Where a repository is at its forge. Throws `publish.not_connected` when it was disconnected. */
export async function sourceOf(c: CallContext, repositoryId: string): Promise<ForgeSource> {
  const repository = c.client().get("repository", [repositoryId]);
  const { source } = await repository
    .action<RepositoryView>({ name: "get", args: [] })
    .catch((error: unknown) => {
      if (error instanceof HoldfastError && error.code === "not_found")
        throw notConnected("The repository that this task was published to");
      throw error;
    });
  if (source.kind !== "forge") throw notConnected("The repository that this task was published to");
  return source;
}

/** Server and path of a remote, in lower case and without ".git". */
interface Place {
  /** With the port of an HTTP address, which the API has too; without that of SSH. */
  readonly host: string;
  readonly path: string;
}

/** Undefined for a folder, and for what git does not send over a network. */
function placeOf(url: string): Place | undefined {
  const scp = /^(?:[^@/\s]+@)?([^:/\s]+):(?!\/\/)(.+)$/.exec(url);
  if (scp !== null) return placeAt(scp[1] ?? "", scp[2] ?? "");
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, hostname, pathname } = new URL(url);
  if (protocol === "ssh:") return placeAt(hostname, pathname);
  return protocol === "https:" || protocol === "http:" ? placeAt(host, pathname) : undefined;
}

function placeAt(host: string, path: string): Place {
  const trimmed = path.replace(/^\/+|\/+$/g, "").replace(/\.git$/, "");
  return { host: host.toLowerCase(), path: trimmed.toLowerCase() };
}

/** The API of a forge is at the host of its repositories, but for GitHub's own. */
function isSamePlace({ host, path }: Place, { apiUrl, fullName }: ForgeSource): boolean {
  const api = new URL(apiUrl);
  const base = api.pathname.replace(/\/api\/v\d+$/, "").replace(/^\/+|\/+$/g, "");
  const hosts = api.host === "api.github.com" ? ["github.com", "ssh.github.com"] : [api.host, api.hostname];
  const full = `${base === "" ? "" : `${base}/`}${fullName}`.toLowerCase();
  // An address of SSH has no part of the web's path.
  return hosts.includes(host) && (path === full || path === fullName.toLowerCase());
}

function notConnected(place: string): HoldfastError {
  const message = `${place} is not connected. Connect it as a repository, then publish again.`;
  return new HoldfastError("publish", "not_connected", message, { statusCode: 409 });
}

function noRemote(): HoldfastError {
  const message =
    "The repository of this task has no remote at a forge. Add one with git remote add, and connect the repository of the forge.";
  return new HoldfastError("publish", "no_remote", message, { statusCode: 409 });
}
