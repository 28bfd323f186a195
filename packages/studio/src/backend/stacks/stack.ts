/** A task that is based on a branch which changes: moved to its newest commit, with its pull request. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { FilesContext, TaskFiles } from "../../cluster/task-files.ts";
import type { StackTask, TaskError } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { CallContext } from "../publish/target.ts";
import { hasWork } from "../task-activity.ts";
import { copyOf, sessionsOf, type TaskState } from "../task-state.ts";
import type { BaseMove, ParentChange, StackState } from "./state.ts";

export interface StackVars {
  /** Tail of the mutex that serializes moves. */
  stackTail: Promise<unknown>;
}

/** The part of the actor context that is used here. */
export interface StackContext extends CallContext, FilesContext {
  readonly state: TaskState;
  readonly vars: StackVars & FilesContext["vars"];
  waitUntil(promise: Promise<unknown>): void;
}

export interface StackOptions<Context extends StackContext> {
  readonly host: Pick<BackendHost, "ports" | "changes" | "note">;
  readonly files: Pick<TaskFiles, "bring" | "trySave">;
  readonly publishChange: (c: Context) => void;
  /** Called after the files were moved. */
  readonly onTree: (c: Context, tree: string) => Promise<void>;
  /** Moves the published branch and the base of its pull request too. */
  readonly movePublication: (c: Context, move: BaseMove) => Promise<void>;
}

/** What a move has come to. */
interface Moved {
  readonly conflicts: readonly string[];
}

export class Stacking<Context extends StackContext> {
  readonly #options: StackOptions<Context>;

  constructor(options: StackOptions<Context>) {
    this.#options = options;
  }

  /** Remembers a task that starts from the branch. Idempotent. */
  addChild(c: Context, child: StackTask): void {
    const stack = stackOf(c.state);
    const others = (stack.children ?? []).filter(({ taskId }) => taskId !== child.taskId);
    stack.children = [...others, { taskId: child.taskId, title: child.title }].slice(
      -studioLimits.maxStackChildren,
    );
    this.#options.publishChange(c);
  }

  /** Tells the parent that this task is on top of it, unless it knows. A failure is repeated at the next start. */
  async register(c: Context): Promise<void> {
    const { stack, id: taskId, title } = c.state;
    if (stack?.parent === undefined || stack.isKnown === true) return;
    if (!isSameOrganization(stack.parent.taskId, taskId)) return;
    const parent = c.client().get("task", [stack.parent.taskId]);
    try {
      await parent.action<void>({ name: "internal.addChild", args: [{ taskId, title }] });
      stack.isKnown = true;
    } catch (error) {
      this.#options.host.ports.log.warn("could not join a stack", { taskId, error });
    }
  }

  /** How the branch of this task is, for those on top of it; null before it is published. */
  changeOf({ id: taskId, publication, stack }: TaskState): ParentChange | null {
    const pull = publication?.pullRequest;
    if (publication?.headCommit === undefined || pull === undefined) return null;
    const change = { taskId, commit: publication.headCommit, state: pull.state };
    if (pull.state !== "merged") return change;
    const { baseBranch: into } = publication;
    const below = stack?.parent?.branch === into ? { ...stack.parent } : undefined;
    return { ...change, into, ...(below === undefined ? {} : { below }) };
  }

  /** Tells those on top of this task that its branch has changed. Best effort: each looks again when it is moved. */
  async tellChildren(c: Context): Promise<void> {
    const { children = [] } = c.state.stack ?? {};
    const change = this.changeOf(c.state);
    if (change === null) return;
    await Promise.all(
      children.map(async ({ taskId }) => {
        if (!isSameOrganization(taskId, c.state.id)) return;
        try {
          await c
            .client()
            .get("task", [taskId])
            .action({ name: "internal.parentChanged", args: [change] });
        } catch (error) {
          this.#options.host.ports.log.warn("could not tell a task of its parent", { taskId, error });
        }
      }),
    );
  }

  /** Takes what the parent tells, and moves the task in the background, when its agents are at rest. */
  async parentChanged(c: Context, change: ParentChange): Promise<void> {
    const { stack } = c.state;
    if (stack?.parent?.taskId !== change.taskId) return;
    const { parent } = stack;
    if (change.state === "merged") {
      stack.parent = change.below === undefined ? undefined : { ...change.below };
      stack.isKnown = false;
      stack.onto = change.into ?? parent.branch;
    } else {
      stack.parent = { ...parent, state: change.state };
      if (change.state === "open" && change.commit !== c.state.base?.commit) stack.onto = parent.branch;
    }
    Object.assign(stack, { conflicts: undefined, error: undefined });
    this.#options.publishChange(c);
    c.waitUntil(this.register(c));
    this.catchUp(c);
  }

  /** Moves the task in the background if its base has changed and its agents are at rest. */
  catchUp(c: Context): void {
    const { stack } = c.state;
    if (stack?.onto === undefined || stack.conflicts !== undefined || !isAtRest(c.state)) return;
    c.waitUntil(
      this.#alone(c, async () => {
        if (c.state.stack?.onto !== undefined && isAtRest(c.state)) await this.#move(c, false);
      }).catch((error: unknown) => {
        this.#options.host.ports.log.warn("could not move a task to its new base", {
          taskId: c.state.id,
          error,
        });
      }),
    );
  }

  /**
   * Moves the task to the newest commit of its base branch. Conflicts change nothing, unless they are kept: then the files get
   * them with git's markers. Throws `stack.*`, `forge.*`.
   */
  async rebase(c: Context, keepsConflicts: boolean): Promise<readonly string[]> {
    if (c.state.base === undefined) {
      const message = "The repository has not been cloned yet. Try again in a moment.";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    if (c.state.connected === undefined || c.state.connected.pull !== undefined) {
      const message =
        "Only a task that starts from a branch of a connected repository can be moved. Start a new task from the newest commit.";
      throw new HoldfastError("stack", "not_possible", message, { statusCode: 409 });
    }
    let moved: Moved = { conflicts: [] };
    await this.#alone(c, async () => {
      requireRest(c.state);
      moved = await this.#move(c, keepsConflicts);
    });
    return moved.conflicts;
  }

  async #alone(c: Context, work: () => Promise<void>): Promise<void> {
    const turn = c.vars.stackTail.then(work);
    c.vars.stackTail = turn.catch(() => undefined);
    await c.keepAwake(turn);
  }

  async #move(c: Context, keepsConflicts: boolean): Promise<Moved> {
    const stack = stackOf(c.state);
    const branch = stack.onto ?? c.state.base?.branch ?? "";
    stack.onto = branch;
    try {
      const conflicts = await this.#moveTo(c, branch, keepsConflicts);
      const isKept = conflicts.length > 0 && !keepsConflicts;
      Object.assign(stack, { error: undefined, conflicts: isKept ? [...conflicts] : undefined });
      if (!isKept) stack.onto = undefined;
      return { conflicts };
    } catch (error) {
      stack.error = errorOf(error);
      throw error;
    } finally {
      this.#options.publishChange(c);
      await c.saveState();
    }
  }

  /** Moves the files first, and then the pull request. Returns the paths that do not fit. */
  async #moveTo(c: Context, branch: string, keepsConflicts: boolean): Promise<readonly string[]> {
    const { host, files, movePublication } = this.#options;
    const { id, base, connected } = c.state;
    if (base === undefined || connected === undefined) return [];
    await files.bring(c);
    const commit = await host.changes.rebases.newest(id, connected.id, branch);
    const [from, to] = [base.commit, { branch, commit }];
    if (commit === from) c.state.base = to;
    const conflicts = commit === from ? [] : await this.#moveFiles(c, from, to, keepsConflicts);
    // The pull request follows a base that was merged, even if the files do not fit on it.
    await movePublication(c, { from, to, isFilesMoved: c.state.base?.commit === commit });
    return conflicts;
  }

  async #moveFiles(
    c: Context,
    from: string,
    to: { readonly branch: string; readonly commit: string },
    keepsConflicts: boolean,
  ): Promise<readonly string[]> {
    const { host, files, onTree } = this.#options;
    const { id, sessionId } = c.state;
    const { rebases } = host.changes;
    const tree = await host.changes.snapshot(id);
    const rebased = await rebases.tree(id, { from, to: to.commit, tree });
    if (rebased.conflicts.length > 0 && !keepsConflicts) return rebased.conflicts;
    requireRest(c.state);
    if (!(await rebases.move(id, { from: tree, to: rebased.tree, base: to }))) throw filesChanged();
    const pushed = c.state.publication?.pushed;
    if (pushed !== undefined) pushed.root ??= from;
    // States of before are those of another base.
    const turnTrees = [{ turn: c.state.turns ?? 0, tree: rebased.tree }];
    Object.assign(c.state, { base: { ...to }, changed: true, reverts: [], turnTrees });
    await c.saveState();
    await onTree(c, rebased.tree);
    const text = `The task was moved to ${to.branch} at ${to.commit.slice(0, 8)}.`;
    await host.note(id, sessionId, text, `rebase/${to.commit}`);
    await files.trySave(c);
    return rebased.conflicts;
  }
}

export function stackOf(state: TaskState): StackState {
  state.stack ??= {};
  return state.stack;
}

/** A task of another organization is neither told nor asked, whatever an import says. */
function isSameOrganization(a: string, b: string): boolean {
  return organizationOfId(a) === organizationOfId(b);
}

/** No agent works, none is about to, and no attempt has files of its own. */
function isAtRest(state: TaskState): boolean {
  return !sessionsOf(state).some(
    (session) => hasWork(session) || (copyOf(session) !== undefined && session.closedAt === undefined),
  );
}

function requireRest(state: TaskState): void {
  if (isAtRest(state)) return;
  const message = sessionsOf(state).some(hasWork)
    ? "The agent is changing files. Try again when it has finished, or stop it first."
    : "Attempts have files of their own. Keep one of them first.";
  throw new HoldfastError("stack", "busy", message, { statusCode: 409 });
}

function filesChanged(): HoldfastError {
  const message = "The files have changed in the meantime. Try again.";
  return new HoldfastError("stack", "files_changed", message, { statusCode: 409 });
}

function errorOf(error: unknown): TaskError {
  if (!isHoldfastError(error))
    return {
      group: "internal",
      code: "internal_error",
      message: "The task was not moved. See the server's log.",
    };
  const { group, code, message } = error;
  return { group, code, message };
}
