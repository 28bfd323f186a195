/** Publishing a task: its commit on a branch of the forge, and the pull request of that branch, kept by the task's actor. */

import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { UserRepository } from "../../cluster/repositories.ts";
import type { FilesContext, TaskFiles } from "../../cluster/task-files.ts";
import type {
  PublicationChange,
  PublicationView,
  PublishChoices,
  PublishInput,
} from "../../contract/publish.ts";
import type { Forge, ForgeKind, PullRequest } from "../../forges/forge.ts";
import type { PullRequestTemplate } from "../../forges/templates.ts";
import type { BackendHost } from "../host.ts";
import type { BaseMove } from "../stacks/state.ts";
import type { TaskState } from "../task-state.ts";
import { readChoices } from "./choices.ts";
import { findForkTarget, publishForkOf } from "./fork.ts";
import { movedBranch } from "./move.ts";
import { branchOf, commitMessageOf, proposalOf } from "./proposal.ts";
import { type PullRequestKv, PullRequestStore } from "./pull-request.ts";
import { errorOf, inProgress, notOpened, type PublishedState, requirePullRequest } from "./refusals.ts";
import type { PendingPublish, PublicationState, PullRequestReading } from "./state.ts";
import { changeOf } from "./state.ts";
import { type CallContext, findTarget, sourceOf } from "./target.ts";

export interface PublishVars {
  /** Tail of the mutex that serializes publishing. */
  publishTail: Promise<unknown>;
  /** True while this instance publishes. */
  isPublishing: boolean;
  /** The repository's templates, once they were read. */
  templates?: readonly PullRequestTemplate[] | undefined;
}

/** The part of the actor context that is used here. */
export interface PublishContext extends CallContext, Pick<FilesContext, "blob" | "saveState" | "keepAwake"> {
  readonly state: TaskState;
  readonly vars: PublishVars & FilesContext["vars"];
  readonly kv: PullRequestKv;
  readonly abortSignal: AbortSignal;
  readonly broadcast: (name: "publicationChanged", change: PublicationChange) => void;
  waitUntil(promise: Promise<unknown>): void;
}

export type PublishHost = Pick<BackendHost, "ports" | "snapshot" | "remotes" | "forges" | "changes">;

/** What the task does besides: it tells the organization, its subscribers, and the files. */
export interface PublishOptions<Context extends PublishContext> {
  readonly host: PublishHost;
  readonly files: Pick<TaskFiles, "bring">;
  readonly publishChange: (c: Context) => void;
  readonly markActive: (c: Context) => Promise<void>;
  /** The branch has another commit, or its pull request another state. */
  readonly onBranch: (c: Context) => void;
}

export class Publishing<Context extends PublishContext> {
  readonly #options: PublishOptions<Context>;
  readonly #store = new PullRequestStore();

  constructor(options: PublishOptions<Context>) {
    this.#options = options;
  }

  async view(c: Context): Promise<PublicationView> {
    const change = changeOf(c.state.publication, await this.#store.read(c.kv));
    const fork = publishForkOf(c.state);
    try {
      const target = await this.#target(c);
      const proposal = proposalOf(c.state, await this.#templates(c, target.kind));
      return { ...change, target, proposal, ...(fork === undefined ? {} : { fork }) };
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      return { ...change, target: null, problem: errorOf(error), proposal: proposalOf(c.state) };
    }
  }

  /** Names of the forge to choose from. Throws `publish.not_connected`, `publish.no_remote`, `forge.*`. */
  async choices(c: Context): Promise<PublishChoices> {
    const { repositoryId } = await this.#target(c);
    const source = await sourceOf(c, repositoryId);
    return readChoices(await this.#options.host.forges.open(source), source.fullName, c.abortSignal);
  }

  /** Throws `publish.no_pull_request`, `forge.*`. */
  async markReady(c: Context): Promise<PublicationView> {
    const { pullRequest, target } = requirePullRequest(c.state);
    const source = await sourceOf(c, target.repositoryId);
    const forge = await this.#options.host.forges.open(source);
    await forge.updatePullRequest(source.fullName, pullRequest.number, { isDraft: false });
    return this.read(c);
  }

  /** The templates of the commit that the task began with. None while another node has the files. */
  async #templates(c: Context, kind: ForgeKind): Promise<readonly PullRequestTemplate[]> {
    const { id, base } = c.state;
    if (base === undefined) return [];
    c.vars.templates ??= await this.#options.host.forges
      .templates(id, base.commit, kind)
      .catch(() => undefined);
    return c.vars.templates ?? [];
  }

  /** One at a time. Throws `publish.*`, `forge.*`, `apply.nothing_to_apply`, `task.not_prepared`. */
  async publish(c: Context, input: PublishInput): Promise<PublicationView> {
    await this.#alone(c, async () => {
      await this.#plan(c, input);
      await this.#finish(c);
    });
    return this.view(c);
  }

  /** Goes on with what an earlier process left unfinished. */
  async resume(c: Context): Promise<void> {
    if (c.state.publication?.pending === undefined || c.vars.isPublishing) return;
    const { files, host } = this.#options;
    const finished = this.#alone(c, async () => {
      await files.bring(c);
      await this.#finish(c);
    });
    c.waitUntil(
      finished.catch((error: unknown) => {
        host.ports.log.warn("could not finish to publish a task", { taskId: c.state.id, error });
      }),
    );
  }

  /** Reads the pull request now. Throws `publish.no_pull_request`. */
  async read(c: Context): Promise<PublicationView> {
    await this.#follow(c, requirePullRequest(c.state));
    return this.view(c);
  }

  /** Throws `publish.no_pull_request`, `publish.in_progress`, `forge.*`. */
  async merge(c: Context, method: "merge" | "squash"): Promise<PublicationView> {
    const publication = requirePullRequest(c.state);
    if (c.vars.isPublishing || publication.pending !== undefined) throw inProgress();
    const { pullRequest, headCommit: expectedHead } = publication;
    const source = await sourceOf(c, publication.target.repositoryId);
    try {
      const merge = { method, expectedHead };
      await c.keepAwake(this.#options.host.forges.merge(c.state.id, source, pullRequest.number, merge));
    } catch (error) {
      await this.#follow(c, publication);
      if (!isErrorCode(error, "forge", "refused") || c.state.publication?.pullRequest?.state !== "merged")
        throw error;
    }
    return this.read(c);
  }

  /** Takes what the repository's actor has read. Returns false if the task has no use for more. */
  async take(c: Context, repositoryId: string, reading: PullRequestReading): Promise<boolean> {
    const publication = c.state.publication;
    if (publication?.target.repositoryId !== repositoryId) return false;
    if (publication.pullRequest?.number !== reading.number) return false;
    const before = `${publication.headCommit} ${publication.pullRequest.state}`;
    const outcome = await this.#store.take(c.kv, publication, reading);
    if (outcome === "old") return true;
    if (before !== `${publication.headCommit} ${publication.pullRequest.state}`) this.#options.onBranch(c);
    await this.announce(c);
    if (outcome === "shown") this.#options.publishChange(c);
    if ("archives" in reading && reading.archives === true) c.waitUntil(archive(c));
    return publication.pullRequest?.state !== "merged";
  }

  /** Tells those who look at the publication. */
  async announce(c: Context): Promise<void> {
    const { publication } = c.state;
    if (publication === undefined) return;
    publication.revision += 1;
    c.broadcast("publicationChanged", changeOf(publication, await this.#store.read(c.kv)));
  }

  async #alone(c: Context, work: () => Promise<void>): Promise<void> {
    const turn = c.vars.publishTail.then(async () => {
      c.vars.isPublishing = true;
      await work().finally(() => {
        c.vars.isPublishing = false;
      });
    });
    c.vars.publishTail = turn.catch(() => undefined);
    await c.keepAwake(turn);
  }

  /** Decides what to publish, durably, before anything is done. */
  async #plan(c: Context, input: PublishInput): Promise<void> {
    const { files, host, markActive } = this.#options;
    const { state } = c;
    const { base } = state;
    if (base === undefined) {
      const message = "The repository has not been cloned yet. Try again in a moment.";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    await files.bring(c);
    const target = await this.#target(c);
    const known = state.publication;
    const fork = await findForkTarget(state, input, async () => {
      const source = await sourceOf(c, target.repositoryId);
      return { forge: await host.forges.open(source), fullName: source.fullName };
    });
    const own = input.branch ?? (known?.fork === undefined ? known?.branch : undefined) ?? branchOf(state);
    const branch = fork?.branch ?? own;
    const isSame =
      known?.branch === branch &&
      known.fork === fork?.number &&
      known.target.repositoryId === target.repositoryId;
    const tree = await host.snapshot(state.id);
    const last = isSame ? known.pushed : undefined;
    // After a move to another base, the branch begins anew there.
    const isMoved = last !== undefined && (last.root ?? base.commit) !== base.commit;
    const parent = isMoved ? base.commit : (last?.commit ?? base.commit);
    const applied = state.apply?.plan;
    const commit =
      applied?.tree === tree && applied.base === parent
        ? { ...applied, branch }
        : {
            ...{ tree, base: parent, branch, at: host.ports.clock.now() },
            message: commitMessageOf(state),
          };
    const pending: PendingPublish = {
      ...{ step: "pushing", tree, isDraft: input.draft === true, reviewers: [...(input.reviewers ?? [])] },
      ...(input.assignees === undefined ? {} : { assignees: [...input.assignees] }),
      ...(input.labels === undefined ? {} : { labels: [...input.labels] }),
      ...{ root: base.commit, ...(isMoved ? { replaces: last.commit } : {}) },
      ...(last?.tree === tree && !isMoved ? {} : { commit }),
      ...(input.title === undefined ? {} : { title: input.title }),
      ...(input.body === undefined ? {} : { body: input.body }),
      isRebased: input.baseBranch !== undefined,
    };
    const started = state.connected?.pull?.baseBranch ?? base.branch;
    const baseBranch = input.baseBranch ?? (isSame ? known.baseBranch : started);
    await markActive(c);
    if (isSame) Object.assign(known, { pending, baseBranch, error: undefined });
    else
      state.publication = {
        target,
        branch,
        baseBranch,
        ...(fork === undefined ? {} : { fork: fork.number }),
        pending,
        addressed: [],
        revision: known?.revision ?? 0,
      };
    if (!isSame) await this.#store.clear(c.kv);
    await c.saveState();
  }

  /** Moves the branch of an open pull request to another base commit, and the pull request to its branch. Throws `forge.*`. */
  async move(c: Context, move: BaseMove): Promise<void> {
    await this.#alone(c, async () => {
      // What a crash has interrupted may have been pushed: the branch is moved from there.
      await this.#finish(c);
      const { publication, id } = c.state;
      if (publication?.pullRequest?.state !== "open" || publication.fork !== undefined) return;
      const { branch } = move.to;
      const moved = move.isFilesMoved
        ? await movedBranch(this.#options.host, id, publication, move)
        : undefined;
      const isRebased = publication.baseBranch !== branch;
      if (moved === undefined && !isRebased) return;
      const { tree = "", root } = publication.pushed ?? {};
      const opening = { ...({ step: "opening", tree, root, isDraft: false } as const), reviewers: [] };
      publication.baseBranch = branch;
      publication.pending = { ...(moved ?? opening), isRebased };
      await c.saveState();
      await this.#finish(c);
    });
  }

  async #finish(c: Context): Promise<void> {
    const { publication } = c.state;
    if (publication?.pending === undefined) return;
    try {
      await this.announce(c);
      const source = await sourceOf(c, publication.target.repositoryId);
      const forge = await this.#options.host.forges.open(source);
      if (publication.pullRequest !== undefined) await this.#requireOpen(c, forge, source.fullName);
      if (publication.pending.step === "pushing") await this.#push(c, publication, publication.pending);
      await this.#open(c, publication, forge, source.fullName);
      // What is pending is repeated after a crash: a pull request that nobody follows would never change here.
      await this.#follow(c, requirePullRequest(c.state));
      Object.assign(publication, { pending: undefined, error: undefined });
      await this.announce(c);
      await c.saveState();
      this.#options.onBranch(c);
    } catch (error) {
      // The process ends: the next one goes on.
      if (c.abortSignal.aborted) throw error;
      Object.assign(publication, { pending: undefined, error: errorOf(error) });
      await this.announce(c);
      throw error;
    } finally {
      this.#options.publishChange(c);
    }
  }

  async #push(c: Context, publication: PublicationState, pending: PendingPublish): Promise<void> {
    const { host } = this.#options;
    const { id } = c.state;
    const { branch, target, fork } = publication;
    const plan = pending.commit ?? publication.pushed?.plan;
    if (plan === undefined) throw new TypeError("there is nothing to push");
    // The same plan gives the same commit.
    const commit = await host.forges.commit(id, { ...plan });
    const source = await sourceOf(c, target.repositoryId);
    const { replaces } = pending;
    await host.forges.push(id, source, { branch, commit, replaces, ...(fork === undefined ? {} : { fork }) });
    publication.pushed = { tree: pending.tree, commit, plan: { ...plan }, root: pending.root };
    pending.step = "opening";
    await this.announce(c);
    await c.saveState();
  }

  /** Opens a pull request unless the branch has one, whoever has opened it. */
  async #open(c: Context, publication: PublicationState, forge: Forge, fullName: string): Promise<void> {
    const { pending, branch: headBranch, baseBranch } = publication;
    if (pending === undefined) return;
    const known = publication.pullRequest?.number ?? publication.fork;
    const number = known ?? (await forge.openPullRequestOf(fullName, headBranch))?.number;
    let pull: PullRequest;
    if (number === undefined) {
      const proposal = proposalOf(c.state, await this.#templates(c, forge.kind));
      const { title = proposal.title, body = proposal.body, isDraft } = pending;
      const given = { title, body, headBranch, baseBranch, isDraft };
      pull = await forge.createPullRequest(fullName, given).catch((error: unknown) => {
        throw notOpened(error, publication);
      });
    } else {
      const { title, body, isRebased } = pending;
      const change = {
        ...(title === undefined ? {} : { title }),
        ...(body === undefined ? {} : { body }),
        ...(isRebased ? { baseBranch } : {}),
      };
      pull =
        Object.keys(change).length === 0
          ? await forge.pullRequest(fullName, number)
          : await forge.updatePullRequest(fullName, number, change);
    }
    publication.pullRequest = {
      ...{ repository: fullName, number: pull.number, webUrl: pull.webUrl, title: pull.title },
      ...{ state: pull.state, isDraft: pull.isDraft, checks: "none" },
    };
    publication.headCommit = pull.headCommit;
    await c.saveState();
    const { reviewers, assignees = [], labels } = pending;
    const change = {
      ...(reviewers.length === 0 ? {} : { reviewers: [...reviewers] }),
      ...(assignees.length === 0 ? {} : { assignees: [...assignees] }),
      ...(labels === undefined ? {} : { labels: [...labels] }),
    };
    if (Object.keys(change).length > 0) await forge.updatePullRequest(fullName, pull.number, change);
  }

  /** Throws `publish.closed`, `publish.merged`. */
  async #requireOpen(c: Context, forge: Forge, fullName: string): Promise<void> {
    const publication = requirePullRequest(c.state);
    const { number, state } = await forge.pullRequest(fullName, publication.pullRequest.number);
    if (state === "open") return;
    await this.#follow(c, publication);
    const message =
      state === "merged"
        ? `#${number} is merged. Start a new task for more changes, or publish to another branch.`
        : `#${number} was closed at the forge. Open it again there, or publish to another branch.`;
    throw new HoldfastError("publish", state, message, { statusCode: 409 });
  }

  async #follow(c: Context, { target, pullRequest }: PublishedState): Promise<void> {
    const repository = c.client().get("repository", [target.repositoryId]);
    const call = { name: "internal.follow", args: [pullRequest.number, c.state.id] };
    await this.take(c, target.repositoryId, await repository.action<PullRequestReading>(call));
  }

  async #target(c: Context) {
    const { repository: path, repositoryNode: node, connected } = c.state;
    const user: UserRepository = { path, node, ...(connected === undefined ? {} : { connected }) };
    return findTarget(c, organizationOfId(c.state.id), await this.#options.host.remotes(user));
  }
}

/** Archives the task, unless an agent works on it: then the person who has sent it on does so. */
async function archive(c: PublishContext): Promise<void> {
  const organization = c.client().get("organization", [organizationOfId(c.state.id)]);
  await organization.action<void>({ name: "internal.archiveMerged", args: [c.state.id] });
}
