import { randomBytes } from "node:crypto";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { Vault } from "@holdfast/gate";
import type {
  ConnectionCheck,
  ForgeSource,
  GitSource,
  RepositorySource,
} from "../backend/repositories/contract.ts";
import { openForge, openRepository } from "../backend/repositories/open-repository.ts";
import type { RepositoryReader } from "../backend/repositories/reader.ts";
import type { Forge, PullRequest, PullRequestHead } from "../forges/forge.ts";
import type { SshAddress } from "../forges/ssh-address.ts";
import type { Git } from "../git/git.ts";
import { checkRepository } from "../git/repository.ts";
import type { Mirrors } from "./mirrors.ts";
import { listRemote, type Remote } from "./remote-git.ts";
import { type HostKeys, scanHostKeys } from "./ssh/host-keys.ts";
import { sshKey } from "./ssh/keys.ts";

/** What the actors ask of the servers of repositories. Sources name their secrets; the values stay here. */
export interface RepositoryConnections {
  /** Opens a repository for its sync. Throws `repository.*`, `forge.*`. */
  open(source: RepositorySource): Promise<RepositoryReader>;
  /** Stores the secret of a repository. Throws `vault.invalid_secret`. */
  storeSecret(name: string, value: string): Promise<void>;
  /** Stores the key of a repository over SSH, a new one without one, and asks its server for its own. */
  beginSsh(
    address: SshAddress,
    secretName: string,
    privateKey: string | undefined,
  ): Promise<{ readonly publicKey: string; readonly hostKeys: HostKeys }>;
  /**
   * Tries a connection, and returns the source that works: some servers have a repository at its address with `.git` alone.
   * Throws what prevents it: `repository.*`, `forge.*`.
   */
  try(source: RepositorySource): Promise<RepositorySource>;
  /** Tries each part of a connection, and throws nothing that is about it. */
  check(source: RepositorySource, signal: AbortSignal): Promise<readonly ConnectionCheck[]>;
  /** Begins to fetch the copy of a repository. */
  beginFetch(id: string): void;
  cancelFetch(id: string): Promise<void>;
  /** Removes the copy on this machine, and the secrets that were stored for the repository. */
  forget(id: string): Promise<void>;
  /** Throws `forge.*`. */
  pullRequest(source: ForgeSource, number: number, signal: AbortSignal): Promise<PullRequest>;
  /** Where the head of a pull request is. Throws `forge.*`. */
  pullRequestHead(source: ForgeSource, number: number, signal: AbortSignal): Promise<PullRequestHead>;
  /** Sets up the webhook at the forge with the secret of this name. Throws `forge.*`. */
  ensureWebhook(source: ForgeSource, url: string, secretName: string): Promise<void>;
  /** Stores a new secret for webhooks, and returns it. GitLab signs with those of the form "signing". */
  newWebhookSecret(name: string, form: "signing" | "plain"): Promise<string>;
}

export interface ConnectionsOptions {
  readonly git: Git;
  readonly vault: Pick<Vault, "readSecret" | "setSecret" | "deleteSecret" | "secretEntries">;
  readonly mirrors: Mirrors;
  readonly now: () => number;
  /** Folder of the host for files of one run of git. */
  readonly directory: string;
}

/** Prefix of the names of a repository's secrets. */
export const secretPrefix = (id: string) => `repository.${id}.`;

export class Connections implements RepositoryConnections {
  readonly #options: ConnectionsOptions;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  open(source: RepositorySource): Promise<RepositoryReader> {
    return openRepository(this.#opener, source);
  }

  async storeSecret(name: string, value: string): Promise<void> {
    await this.#options.vault.setSecret({ name, owner: {} }, value);
  }

  async try(source: RepositorySource): Promise<RepositorySource> {
    const { git } = this.#options;
    switch (source.kind) {
      case "folder":
        await checkRepository(git, source.path);
        return source;
      case "forge":
        await (await this.#forge(source)).repository(source.fullName);
        await listRemote(git, await this.remote(source));
        return source;
      case "git":
        return this.#tryGit(source);
    }
  }

  async beginSsh(address: SshAddress, secretName: string, given: string | undefined) {
    const hostKeys = await scanHostKeys(address);
    const { privateKey, publicKey } = await sshKey(this.#options.directory, given);
    await this.storeSecret(secretName, Buffer.from(privateKey).toString("base64"));
    return { publicKey, hostKeys };
  }

  async #tryGit(source: GitSource): Promise<GitSource> {
    const { git } = this.#options;
    try {
      await listRemote(git, await this.remote(source));
      return source;
    } catch (error) {
      if (!isErrorCode(error, "forge", "not_found") || source.url.endsWith(".git")) throw error;
      const complete = { ...source, url: `${source.url}.git` };
      await listRemote(git, await this.remote(complete)).catch((again: unknown) => {
        // The first refusal names the address that was entered.
        throw isErrorCode(again, "forge", "not_found") ? error : again;
      });
      return complete;
    }
  }

  async check(source: RepositorySource, signal: AbortSignal): Promise<readonly ConnectionCheck[]> {
    const { git } = this.#options;
    if (source.kind === "folder") {
      const found = checkRepository(git, source.path);
      return [await row("folder", "Folder", found, ({ branch }) => `Git reads it; its branch is ${branch}.`)];
    }
    const checks: ConnectionCheck[] = [];
    if (source.kind === "forge") {
      const { fullName } = source;
      const forge = this.#forge(source);
      const identity = forge.then((opened) => opened.identify(signal));
      const server = await row("server", "Server", identity, ({ kind, login }) =>
        kind === "app" ? `Answers, and knows the App ${login}.` : `Answers, and knows the token as ${login}.`,
      );
      checks.push(server);
      // Nothing else can work, and the reason would be repeated.
      if (server.status === "failed") return checks;
      const opened = await forge;
      checks.push(
        await row(
          "repository",
          "Repository",
          opened.repository(fullName, signal),
          ({ isArchived, defaultBranch }) =>
            isArchived
              ? "Visible, but archived: nothing can be pushed."
              : `Visible; its branch is ${defaultBranch}.`,
        ),
        await row(
          "pull-requests",
          "Pull requests",
          opened.pullRequests(fullName, { page: 1 }, signal),
          () => "Can be read.",
        ),
      );
    }
    const remote = this.remote(source).then((found) => listRemote(git, found, signal));
    checks.push(
      await row("git", "Git", remote, ({ branches }) => `Can be fetched: ${branches.length} branches.`),
    );
    return checks;
  }

  beginFetch(id: string): void {
    this.#options.mirrors.begin(id);
  }

  cancelFetch(id: string): Promise<void> {
    return this.#options.mirrors.cancel(id);
  }

  async forget(id: string): Promise<void> {
    const { vault, mirrors } = this.#options;
    await mirrors.remove(id);
    for (const entry of await vault.secretEntries())
      if (entry.name.startsWith(secretPrefix(id))) await vault.deleteSecret(entry);
  }

  async pullRequest(source: ForgeSource, number: number, signal: AbortSignal): Promise<PullRequest> {
    return (await this.#forge(source)).pullRequest(source.fullName, number, signal);
  }

  async pullRequestHead(source: ForgeSource, number: number, signal: AbortSignal): Promise<PullRequestHead> {
    return (await this.#forge(source)).pullRequestHead(source.fullName, number, signal);
  }

  async ensureWebhook(source: ForgeSource, url: string, secretName: string): Promise<void> {
    const secret = await this.#requireSecret(secretName);
    await (await this.#forge(source)).ensureWebhook(source.fullName, { url, secret });
  }

  async newWebhookSecret(name: string, form: "signing" | "plain"): Promise<string> {
    // The other forges sign with either.
    const secret = `${form === "signing" ? "whsec_" : ""}${randomBytes(32).toString("base64")}`;
    await this.storeSecret(name, secret);
    return secret;
  }

  /** How git reaches a repository now. Throws `forge.*`. */
  async remote(source: ForgeSource | GitSource): Promise<Remote> {
    if (source.kind === "forge") {
      const credential = await (await this.#forge(source)).gitCredential(source.fullName);
      return { url: credential.cloneUrl, username: credential.username, password: credential.password };
    }
    const { url, credential, ssh } = source;
    if (ssh !== undefined) {
      const { secret, ...server } = ssh;
      const privateKey = Buffer.from(await this.#requireSecret(secret), "base64").toString("utf8");
      const access = { ...server, privateKey, directory: this.#options.directory };
      return { url, username: "", password: undefined, ssh: access };
    }
    if (credential === undefined) return { url, username: "", password: undefined };
    return { url, username: credential.username, password: await this.#requireSecret(credential.secret) };
  }

  #forge(source: ForgeSource): Promise<Forge> {
    return openForge(this.#opener, source);
  }

  async #requireSecret(name: string): Promise<string> {
    const value = await this.#opener.readSecret(name);
    if (value !== undefined) return value;
    const message = `There is no secret "${name}". Store it with: holdfast secrets set ${name}`;
    throw new HoldfastError("forge", "unauthorized", message, { statusCode: 401 });
  }

  get #opener() {
    const { git, vault, now } = this.#options;
    const readSecret = (name: string) => vault.readSecret({ name, owner: {} });
    const list = async (source: GitSource, signal: AbortSignal) => {
      const { branches } = await listRemote(git, await this.remote(source), signal);
      return branches.map((branch) => ({ ...branch, isProtected: false }));
    };
    return { git, now, readSecret, listBranches: list };
  }
}

/** One check, as its work says. Throws what is no error of the connection. */
async function row<Found>(
  id: ConnectionCheck["id"],
  name: string,
  work: Promise<Found>,
  describe: (found: Found) => string,
): Promise<ConnectionCheck> {
  try {
    return { id, name, status: "ok", detail: describe(await work) };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return { id, name, status: "failed", detail: error.message };
  }
}
