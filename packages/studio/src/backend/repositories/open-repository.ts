import { HoldfastError } from "@holdfast/core";
import type { Forge, ForgeBranch } from "../../forges/forge.ts";
import { GiteaForge } from "../../forges/gitea/gitea.ts";
import { GitHubForge } from "../../forges/github/github.ts";
import { GitLabForge } from "../../forges/gitlab/gitlab.ts";
import type { Git } from "../../git/git.ts";
import { checkRepository } from "../../git/repository.ts";
import type { ForgeSource, GitSource, RepositorySource } from "./contract.ts";
import { branchReader, forgeReader, type RepositoryReader } from "./reader.ts";

export interface RepositoryOpener {
  readonly git: Git;
  /** Value of a secret of the vault, if it is there. */
  readonly readSecret: (name: string) => Promise<string | undefined>;
  readonly now: () => number;
  readonly listBranches: (source: GitSource, signal: AbortSignal) => Promise<readonly ForgeBranch[]>;
}

/** Opens a repository for its sync. Throws `repository.*` for a folder, `forge.unauthorized` without its secret. */
export async function openRepository(
  opener: RepositoryOpener,
  source: RepositorySource,
): Promise<RepositoryReader> {
  if (source.kind === "forge") return forgeReader(await openForge(opener, source), source.fullName);
  if (source.kind === "git") return branchReader((signal) => opener.listBranches(source, signal));
  const { git } = opener;
  const { path } = await checkRepository(git, source.path);
  return branchReader((signal) => branchesOf(git, path, signal));
}

/** Client of a forge with the secret of the vault. Throws `forge.unauthorized` if there is none of this name. */
export async function openForge(
  opener: Pick<RepositoryOpener, "readSecret" | "now">,
  source: ForgeSource,
): Promise<Forge> {
  const { apiUrl, credential, forge } = source;
  const { now } = opener;
  const secret = await opener.readSecret(credential.secret);
  if (secret === undefined) {
    const message = `There is no secret "${credential.secret}". Store it with: holdfast secrets set ${credential.secret}`;
    throw new HoldfastError("forge", "unauthorized", message, { statusCode: 401 });
  }
  if (credential.kind === "app") {
    const { appId, installationId } = credential;
    // A secret of the vault is one line: the file of the key in base64.
    const privateKey = Buffer.from(secret, "base64").toString("utf8");
    const app = { kind: "app", appId, installationId, privateKey } as const;
    return new GitHubForge({ apiUrl, credential: app, now });
  }
  switch (forge) {
    case "github":
      return new GitHubForge({ apiUrl, credential: { kind: "token", token: secret }, now });
    case "gitlab":
      return new GitLabForge({ apiUrl, token: secret, now });
    case "gitea":
      return new GiteaForge({ apiUrl, token: secret, now });
  }
}

async function branchesOf(git: Git, path: string, signal: AbortSignal): Promise<readonly ForgeBranch[]> {
  const format = "--format=%(objectname) %(refname:lstrip=2)";
  const lines = await git.text(["-C", path, "for-each-ref", format, "refs/heads"], { signal });
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const end = line.indexOf(" ");
      return { name: line.slice(end + 1), commit: line.slice(0, end), isProtected: false };
    });
}
