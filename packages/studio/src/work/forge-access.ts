import type { Ports } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import type { ForgeSource } from "../backend/repositories/contract.ts";
import { openForge } from "../backend/repositories/open-repository.ts";
import type { Forge, ForgeKind } from "../forges/forge.ts";
import { forkClosed } from "../forges/fork-closed.ts";
import type { PullRequestTemplate } from "../forges/templates.ts";
import { type ApplyPlan, commitTree } from "../git/apply.ts";
import type { Git } from "../git/git.ts";
import type { StudioLimits } from "../limits.ts";
import { readTemplates } from "../remotes/pull-request-templates.ts";
import { pushCommit } from "../remotes/push-commit.ts";

export interface ForgeAccessOptions {
  readonly git: Git;
  readonly gate: Gate;
  readonly ports: Ports;
  readonly limits: StudioLimits;
  /** The host's clone of a task. */
  readonly hostGit: (taskId: string) => string;
}

export interface PushTarget {
  readonly commit: string;
  readonly branch: string;
  /** Number of the pull request whose fork has the branch. */
  readonly fork?: number;
  /** The commit of the branch that is replaced; without it, nothing is. */
  readonly replaces?: string | undefined;
}

/** The host's way to forges, with credentials that no jail and no actor has. */
export class ForgeAccess {
  readonly #options: ForgeAccessOptions;

  constructor(options: ForgeAccessOptions) {
    this.#options = options;
  }

  /** Client of a repository's forge, with its secret of the vault. Throws `forge.unauthorized`. */
  open(source: ForgeSource): Promise<Forge> {
    const { gate, ports } = this.#options;
    const readSecret = (name: string) => gate.vault.readSecret({ name, owner: {} });
    return openForge({ readSecret, now: () => ports.clock.now() }, source);
  }

  /** Commits the plan's tree in the task's clone, without a branch of the user. Throws `apply.nothing_to_apply`. */
  commit(taskId: string, plan: ApplyPlan): Promise<string> {
    return commitTree(this.#options.git, this.#options.hostGit(taskId), plan);
  }

  /** The repository's templates of pull requests at a commit of the task's clone. */
  templates(taskId: string, commit: string, kind: ForgeKind): Promise<readonly PullRequestTemplate[]> {
    return readTemplates(this.#options.git, this.#options.hostGit(taskId), commit, kind);
  }

  /** Pushes a commit of the task's clone to a branch of the forge. Throws `forge.*`. */
  async push(
    taskId: string,
    source: ForgeSource,
    { commit, branch, fork, replaces }: PushTarget,
  ): Promise<void> {
    const { git, gate, limits, hostGit } = this.#options;
    const data = {
      ...{ forge: source.forge, repository: source.fullName, branch, commit },
      ...(fork === undefined ? {} : { fork }),
      ...(replaces === undefined ? {} : { replaces }),
    };
    await gate.audit.append({ type: "publish.begin", session: taskId, data });
    const forge = await this.open(source);
    const ofBase = await forge.gitCredential(source.fullName);
    const cloneUrl =
      fork === undefined ? ofBase.cloneUrl : await forkUrl(forge, source.fullName, fork, ofBase.cloneUrl);
    const credential = { ...ofBase, cloneUrl };
    const timeoutMs = limits.pushTimeoutMs;
    await pushCommit(git, hostGit(taskId), { commit, branch, replaces, credential, timeoutMs });
    await gate.audit.append({ type: "publish.done", session: taskId, data });
  }

  /** Merges a pull request at the head that somebody has seen. Throws `forge.*`. */
  async merge(
    taskId: string,
    source: ForgeSource,
    number: number,
    merge: { readonly method: "merge" | "squash"; readonly expectedHead: string },
  ): Promise<void> {
    const data = { forge: source.forge, repository: source.fullName, number, ...merge };
    await this.#options.gate.audit.append({ type: "publish.merge", session: taskId, data });
    await (await this.open(source)).mergePullRequest(source.fullName, number, merge);
  }
}

/** Address of a fork for git. The credential of the base is sent to no other server. Throws `publish.fork_closed`. */
async function forkUrl(forge: Forge, fullName: string, number: number, baseUrl: string): Promise<string> {
  const { cloneUrl, repository, mayEdit } = await forge.pullRequestHead(fullName, number);
  if (mayEdit && new URL(cloneUrl).origin === new URL(baseUrl).origin) return cloneUrl;
  throw forkClosed(number, repository);
}
