import { HoldfastError, uuidv4 } from "@holdfast/core";
import type { Reverted, TaskChanges } from "../../changes/task-changes.ts";
import type { FilesContext, TaskFiles } from "../../cluster/task-files.ts";
import type { DiffView } from "../../contract/diff.ts";
import type {
  DiffCompare,
  FileBytes,
  FileLines,
  FilePart,
  RevertView,
  TaskCommit,
} from "../../contract/review.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { isInTurn } from "../task-activity.ts";
import type { TaskState } from "../task-state.ts";
import { readCompare, readFile, readId, readLineRange, readRevert } from "./input.ts";
import type { Review, ReviewContext } from "./review.ts";
import type { RevertRow } from "./state.ts";

/** The part of the actor context that is used here. */
export interface ChangesContext extends FilesContext, Omit<ReviewContext, "state" | "vars"> {
  readonly state: TaskState;
  readonly vars: ReviewContext["vars"] & FilesContext["vars"];
}

type ChangesHost = Pick<BackendHost, "ports" | "note"> & { readonly changes: TaskChanges };

export interface TaskReviewOptions<Context extends ChangesContext> {
  readonly host: ChangesHost;
  readonly files: Pick<TaskFiles, "bring">;
  readonly review: Review;
  /** Called with each state in which the files are seen. */
  readonly onTree: (c: Context, tree: string) => Promise<void>;
}

/** What people see of a task's changes, and what they take back of them. */
export class ChangesOfTask<Context extends ChangesContext> {
  readonly #options: TaskReviewOptions<Context>;

  constructor(options: TaskReviewOptions<Context>) {
    this.#options = options;
  }

  /** Throws `review.commit_not_found`. */
  async diff(c: Context, options: unknown): Promise<DiffView> {
    const compare = readCompare(options);
    if (c.state.base === undefined) return { base: "", tree: "", files: [], truncated: false };
    const { changes } = this.#options.host;
    await this.#options.files.bring(c);
    if (compare.kind === "commit") return c.keepAwake(changes.commitDiff(c.state.id, compare.commit));
    const diff = await c.keepAwake(changes.diff(c.state.id, baseOf(c.state, compare)));
    await this.#options.onTree(c, diff.tree);
    return diff;
  }

  async commits(c: Context): Promise<readonly TaskCommit[]> {
    if (c.state.base === undefined) return [];
    await this.#options.files.bring(c);
    return c.keepAwake(this.#options.host.changes.commits(c.state.id));
  }

  async filePatch(c: Context, input: unknown): Promise<FilePart> {
    const { base, from, ...file } = readFile(input, ["base"]);
    await this.#options.files.bring(c);
    return this.#options.host.changes.patch(c.state.id, { ...file, base: base ?? file.tree }, from);
  }

  /** Throws `review.no_file`, `review.file_too_large`. */
  async fileLines(c: Context, input: unknown): Promise<FileLines> {
    const { tree, path } = readFile(input, []);
    const { start, end } = readLineRange(input);
    await this.#options.files.bring(c);
    return this.#options.host.changes.lines(c.state.id, tree, path, start, end);
  }

  /** Throws `review.no_file`, `review.file_too_large`. */
  async fileBytes(c: Context, input: unknown): Promise<FileBytes> {
    const { tree, path, from } = readFile(input, []);
    await this.#options.files.bring(c);
    return this.#options.host.changes.bytes(c.state.id, tree, path, from);
  }

  /** Throws `review.agent_working`, `review.file_changed`. */
  async revert(c: Context, given: unknown): Promise<RevertView> {
    const input = readRevert(given);
    const { host, files } = this.#options;
    requireRest(c.state);
    if (c.state.base === undefined) throw notFound();
    await files.bring(c);
    const base = baseOf(c.state, input.compare);
    const id = uuidv4(host.ports.random);
    const { path } = input;
    const shown = { id, path, isHunk: input.hunk !== undefined, revertedAt: host.ports.clock.now() };
    const beforeWrite = async (reverted: Reverted): Promise<void> => {
      requireRest(c.state);
      // The way back is durable before the files change.
      const row: RevertRow = { ...shown, ...reverted };
      c.state.reverts = [row, ...(c.state.reverts ?? [])].slice(0, studioLimits.maxReverts);
      await c.saveState();
    };
    const reverted = await c
      .keepAwake(host.changes.revert(c.state.id, base, input, beforeWrite))
      .catch((error: unknown) => {
        this.#forget(c, id);
        throw error;
      });
    const what = shown.isHunk ? "A part of the changes of" : "The changes of";
    await this.#finish(c, reverted.after, `${what} ${path} was reverted.`, id);
    return shown;
  }

  /** Throws `review.agent_working`, `review.file_changed`, `review.revert_not_found`. */
  async undo(c: Context, given: unknown): Promise<void> {
    const id = readId(given);
    const { host, files } = this.#options;
    requireRest(c.state);
    const found = c.state.reverts?.find((each) => each.id === id);
    if (found === undefined) throw notFound();
    await files.bring(c);
    const row = { before: found.before, after: found.after, paths: [...found.paths], path: found.path };
    const tree = await c.keepAwake(host.changes.restore(c.state.id, row, async () => requireRest(c.state)));
    this.#forget(c, id);
    await this.#finish(c, tree, `The revert of ${row.path} was taken back.`, `${id}/undo`);
  }

  /** Remembers the state at the end of a turn, with which a later one is compared. */
  async turnEnded(c: Context, turn: number): Promise<void> {
    const { host, onTree } = this.#options;
    const tree = await c.keepAwake(host.changes.snapshot(c.state.id));
    const others = (c.state.turnTrees ?? []).filter((each) => each.turn !== turn);
    c.state.turnTrees = [...others, { turn, tree }].slice(-studioLimits.maxTurnTrees);
    await onTree(c, tree);
  }

  #forget(c: Context, id: string): void {
    c.state.reverts = (c.state.reverts ?? []).filter((each) => each.id !== id);
  }

  async #finish(c: Context, tree: string, text: string, key: string): Promise<void> {
    const { host, review, onTree } = this.#options;
    review.announceReverts(c);
    await onTree(c, tree);
    await host.note(c.state.id, c.state.sessionId, text, `revert/${key}`);
  }
}

/** The state before the last turn is that at the end of a turn before it. */
function baseOf({ base, turnTrees = [], turns = 0 }: TaskState, compare: DiffCompare | undefined): string {
  const commit = base?.commit ?? "";
  if (compare?.kind !== "turn") return commit;
  return turnTrees.findLast(({ turn }) => turn < turns)?.tree ?? commit;
}

function requireRest(state: TaskState): void {
  if (!isInTurn(state)) return;
  const message = "The agent is changing files. Revert when it has finished, or stop it first.";
  throw new HoldfastError("review", "agent_working", message, { statusCode: 409 });
}

function notFound(): HoldfastError {
  const message = "This revert can no longer be undone. Reload the changes.";
  return new HoldfastError("review", "revert_not_found", message, { statusCode: 404 });
}
