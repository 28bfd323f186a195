import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, join } from "node:path";
import { json, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { Jails } from "@holdfast/gate";
import type { RepositoryCheck } from "../contract.ts";
import {
  type ApplyPlan,
  applyTree,
  branchName,
  commitTree,
  findBranch,
  publishCommit,
} from "../git/apply.ts";
import type { Git, GitRunOptions } from "../git/git.ts";
import { hasCommit, receivePack, sendPack } from "../git/pack.ts";
import { prepareRepository, type TaskRepository } from "../git/prepare.ts";
import { remotesOf } from "../git/remotes.ts";
import { checkRepository, findHead } from "../git/repository.ts";
import type { Mirrors } from "../remotes/mirrors.ts";
import { pushBranch, type Remote } from "../remotes/remote-git.ts";
import { sampleFolder } from "../sample/sample.ts";
import { readArchive, writeArchive } from "./archive.ts";
import type { ForkPull } from "./fork-pull.ts";
import { nodePaths, type OtherNodes } from "./other-nodes.ts";

export interface RepositoriesOptions {
  readonly git: Git;
  readonly jails: Jails;
  /** A folder of the host for temporary files. */
  readonly temporary: string;
  /** Path of the bundled sample repository. */
  readonly sample: () => Promise<string>;
  /** Id of this node; undefined on a single node. */
  readonly node: string | undefined;
  readonly others: OtherNodes;
  readonly mirrors: Mirrors;
  /** How git reaches a connected repository. */
  readonly remoteOf: (id: string) => Promise<Remote>;
}

/** A repository of a user. Each is on one node. */
export interface UserRepository {
  readonly path: string;
  /** Undefined on a single node. */
  readonly node: string | undefined;
  /** Set for a repository of a server: `path` is its name then, and each node has a mirror of its own. */
  readonly connected?: ConnectedRepository;
}

export interface ConnectedRepository {
  readonly id: string;
  /** The branch to start from: the default branch without it. */
  readonly branch?: string;
  /** The pull request of a fork to start from, instead of a branch. */
  readonly pull?: ForkPull;
}

/** The part that answers other nodes. */
export interface RepositoryRoutes {
  /** Throws `gateway.not_found`, and what the operation throws. */
  answer(operation: string, request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface Publication {
  readonly path: string;
  readonly branch: string;
  readonly commit: string;
  readonly base: string;
}

/** Header of the request that carries a pack: the {@link Publication} as URI-encoded JSON. */
const publicationHeader = "x-holdfast-publication";

/** The users' repositories: those of this machine, and through requests to their nodes those of the others. */
export class Repositories implements RepositoryRoutes {
  readonly #options: RepositoriesOptions;

  constructor(options: RepositoriesOptions) {
    this.#options = options;
  }

  /** Looks for a repository, on this node first. Throws `repository.*`. */
  async find(path: string): Promise<RepositoryCheck> {
    const { node, others } = this.#options;
    try {
      const check = await this.#check(path);
      return node === undefined ? check : { ...check, node };
    } catch (error) {
      if (!isErrorCode(error, "repository", "not_found")) throw error;
      for (const other of others.ids) {
        const check = await this.#checkAt(other, path);
        if (check !== undefined) return { ...check, node: other };
      }
      throw error;
    }
  }

  /** Clones a repository into the folder of a task. Throws `repository.*`, `git.*`. */
  async prepare(
    directory: string,
    repository: UserRepository,
    limits: Pick<GitRunOptions, "timeoutMs" | "signal">,
  ): Promise<TaskRepository> {
    const { git, jails, temporary, mirrors } = this.#options;
    const { connected } = repository;
    if (connected !== undefined) {
      const findSource = async () => {
        await mirrors.fetch(connected.id, limits.signal);
        if (connected.pull !== undefined)
          return mirrors.fetchPull(connected.id, connected.pull, limits.signal);
        return mirrors.commitOf(connected.id, connected.branch);
      };
      return prepareRepository(git, directory, findSource, limits);
    }
    const other = this.#otherOf(repository);
    if (other === undefined)
      return prepareRepository(git, directory, () => findHead(git, repository.path), limits);
    const folder = await mkdtemp(join(temporary, "repository-"));
    try {
      return await prepareRepository(
        git,
        directory,
        async () => {
          const pack = await this.#send(repository, "clone", { body: JSON.stringify(repository) });
          await writeArchive({ jails, directory: folder, temporary }, "git", pack);
          return this.#checkClone(join(folder, "host.git"));
        },
        limits,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async branchName(repository: UserRepository, title: string): Promise<string> {
    const { connected } = repository;
    if (connected !== undefined)
      return branchName(this.#options.git, this.#options.mirrors.path(connected.id), title);
    if (this.#otherOf(repository) === undefined)
      return branchName(this.#options.git, await this.#present(repository.path), title);
    const question = JSON.stringify({ path: repository.path, title });
    return text(await this.#send(repository, "branch-name", { body: question }));
  }

  /** Addresses of the remotes of a repository. Throws `repository.elsewhere`. */
  async remotes(repository: UserRepository): Promise<readonly string[]> {
    const { connected } = repository;
    if (connected !== undefined) return [(await this.#options.remoteOf(connected.id)).url];
    if (this.#otherOf(repository) === undefined) return remotesOf(this.#options.git, repository.path);
    const answer = await this.#send(repository, "remotes", { body: JSON.stringify(repository) });
    return (await json(answer)) as readonly string[];
  }

  /** Publishes a tree as a branch; see `applyTree`. Throws `repository.elsewhere` if its node cannot be reached. */
  async apply(
    hostGit: string,
    repository: UserRepository,
    plan: ApplyPlan,
  ): Promise<{ readonly branch: string; readonly commit: string }> {
    const { git } = this.#options;
    const { path, connected } = repository;
    if (connected !== undefined) {
      const commit = await commitTree(git, hostGit, plan);
      const remote = await this.#options.remoteOf(connected.id);
      return { branch: await pushBranch(git, remote, { hostGit, commit, branch: plan.branch }), commit };
    }
    if (this.#otherOf(repository) === undefined)
      return applyTree(git, hostGit, await this.#present(path, plan.base), plan);
    const commit = await commitTree(git, hostGit, plan);
    const publication: Publication = { path, branch: plan.branch, commit, base: plan.base };
    const known = await this.#send(repository, "look-up", { body: JSON.stringify(publication) });
    const { branch, hasBase } = (await json(known)) as {
      readonly branch?: string;
      readonly hasBase: boolean;
    };
    if (branch !== undefined) return { branch, commit };
    const { pack, sent } = sendPack(git, hostGit, commit, hasBase ? plan.base : undefined);
    const headers = { [publicationHeader]: encodeURIComponent(JSON.stringify(publication)) };
    const [published] = await Promise.all([
      this.#send(repository, "publish", { headers, body: pack }).then((answer) => text(answer)),
      sent,
    ]);
    return { branch: published, commit };
  }

  async answer(operation: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { git } = this.#options;
    switch (operation) {
      case "check": {
        const { path } = (await json(request)) as UserRepository;
        response.end(JSON.stringify(await this.#check(path)));
        return;
      }
      case "clone":
        return this.#answerClone(((await json(request)) as UserRepository).path, response);
      case "branch-name": {
        const { path, title } = (await json(request)) as { readonly path: string; readonly title: string };
        response.end(await branchName(git, await this.#present(path), title));
        return;
      }
      case "remotes": {
        const { path } = (await json(request)) as UserRepository;
        response.end(JSON.stringify(await remotesOf(git, path)));
        return;
      }
      case "look-up": {
        const { path: known, branch, commit, base } = (await json(request)) as Publication;
        const path = await this.#present(known, base);
        const existing = await findBranch(git, path, branch, commit);
        const hasBase = await hasCommit(git, path, base);
        response.end(JSON.stringify({ hasBase, ...(existing === undefined ? {} : { branch: existing }) }));
        return;
      }
      case "publish": {
        const header = String(request.headers[publicationHeader]);
        const { path: known, branch, commit, base } = JSON.parse(decodeURIComponent(header)) as Publication;
        const path = await this.#present(known, base);
        await receivePack(git, path, request);
        response.end(await publishCommit(git, path, branch, commit));
        return;
      }
      default:
        throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
    }
  }

  /** Sends the host's clone that a task of this node would get, with the name and email of its user. */
  async #answerClone(path: string, response: ServerResponse): Promise<void> {
    const { git, jails, temporary } = this.#options;
    const directory = await mkdtemp(join(temporary, "repository-"));
    try {
      await prepareRepository(git, directory, () => findHead(git, path));
      await pipeline(readArchive({ jails, directory, temporary }, "git"), response);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #check(path: string): Promise<RepositoryCheck> {
    const { git, sample } = this.#options;
    return checkRepository(git, path === "sample" ? await sample() : path);
  }

  /**
   * Where a repository of this node is now: the bundled sample is in the data directory, and moves with it. Another folder
   * of that name, which is gone, does not have the commit that a task began with.
   */
  async #present(path: string, base?: string): Promise<string> {
    if (basename(path) !== sampleFolder || existsSync(path)) return path;
    const { git, sample } = this.#options;
    const moved = await sample();
    return base === undefined || (await hasCommit(git, moved, base)) ? moved : path;
  }

  /** Undefined if the node has no such repository, or cannot be asked. */
  async #checkAt(node: string, path: string): Promise<RepositoryCheck | undefined> {
    try {
      return await this.#options.others.ask(node, `${nodePaths.repository}check`, { path });
    } catch (error) {
      if (isHoldfastError(error) && (error.group === "cluster" || error.code === "not_found"))
        return undefined;
      throw error;
    }
  }

  async #checkClone(path: string): Promise<RepositoryCheck> {
    const { git } = this.#options;
    const branch = await git.text(["--git-dir", path, "symbolic-ref", "--short", "HEAD"]);
    const commit = await git.text(["--git-dir", path, "rev-parse", "--verify", "HEAD^{commit}"]);
    return { path, branch, commit, dirty: false };
  }

  #otherOf({ node }: UserRepository): string | undefined {
    return node === this.#options.node ? undefined : node;
  }

  async #send(
    { path, node = "" }: UserRepository,
    operation: string,
    rest: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string | AsyncIterable<Uint8Array>;
    },
  ): Promise<IncomingMessage> {
    try {
      return await this.#options.others.send(node, { path: nodePaths.repository + operation, ...rest });
    } catch (error) {
      if (!isHoldfastError(error) || error.group !== "cluster") throw error;
      const message = `The repository ${path} is on node ${node}, which cannot be reached. Start that node, and try again.`;
      const options = { statusCode: 503, cause: error, metadata: { node } };
      throw new HoldfastError("repository", "elsewhere", message, options);
    }
  }
}
