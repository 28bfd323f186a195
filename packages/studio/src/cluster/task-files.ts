import type { ActorBlobs } from "@holdfast/actors";
import type { BackendHost } from "../backend/host.ts";
import { isInTurn } from "../backend/task-activity.ts";
import { sessionsOf, type TaskState } from "../backend/task-state.ts";
import { requireClaim, runnerReplaced } from "../backend/turns/reports.ts";
import { moveText } from "./files-state.ts";
import { readSnapshot, storeSnapshot } from "./snapshot-store.ts";

export interface FilesVars {
  /** Tail of the mutex that serializes moves and snapshots of the files. */
  filesTail: Promise<unknown>;
}

/** The part of the actor context that is used here. */
export interface FilesContext {
  readonly state: TaskState;
  readonly vars: FilesVars;
  readonly blob: ActorBlobs;
  saveState(): Promise<void>;
  keepAwake<T>(promise: Promise<T>): Promise<T>;
}

export type FilesHost = Pick<
  BackendHost,
  "ports" | "runsWithActor" | "place" | "claimOf" | "archiveFiles" | "restoreFiles" | "note"
>;

/** Moves the files of tasks between nodes, through snapshots in the objects of the task's actor. */
export class TaskFiles {
  readonly #host: FilesHost;

  constructor(host: FilesHost) {
    this.#host = host;
  }

  /**
   * Brings the files to this node if they are elsewhere: from the newest snapshot, or, without one, from a new clone.
   * The logs of its open sessions say so. Throws `snapshot.*`.
   */
  async bring(c: FilesContext): Promise<void> {
    if (!this.#isElsewhere(c.state)) return;
    await this.#serialize(c, async () => {
      const { id, place, snapshot } = c.state;
      const { place: here } = this.#host;
      if (place === undefined || !this.#isElsewhere(c.state)) return;
      const archives = snapshot === undefined ? undefined : readSnapshot(c.blob, snapshot.manifest);
      await this.#host.restoreFiles(id, archives);
      const text = moveText(c.state, place, here);
      this.#host.ports.log.info("a task continues on this node", { taskId: id });
      // A repetition of this step changes nothing.
      for (const { sessionId, closedAt } of sessionsOf(c.state))
        if (closedAt === undefined)
          await this.#host.note(id, sessionId, text, `moved/${c.state.claim ?? 0}/${here.id}`);
      c.state.place = { ...here };
      c.state.changed = false;
      await c.saveState();
    });
  }

  /** {@link bring} for the runner with this claim, which is in this process. Throws `task.runner_replaced` too. */
  async bringFor(c: FilesContext, claim: number | undefined): Promise<void> {
    this.#requireHere(c, claim);
    await this.bring(c);
  }

  /** Stores the files for the runner with this claim, which is in this process. Throws `task.runner_replaced` too. */
  async saveFor(c: FilesContext, claim: number | undefined): Promise<void> {
    this.#requireHere(c, claim);
    await this.#save(c, false);
  }

  /** Stores the files. A failure is logged, and leaves the snapshot before. */
  async trySave(c: FilesContext): Promise<void> {
    try {
      await this.#save(c, isInTurn(c.state));
    } catch (error) {
      this.#host.ports.log.warn("could not store the files of a task", { taskId: c.state.id, error });
    }
  }

  #requireHere(c: FilesContext, claim: number | undefined): void {
    requireClaim(c.state, claim);
    if (claim !== undefined && this.#host.claimOf(c.state.id) !== claim) throw runnerReplaced();
  }

  /** Stores a snapshot of the files, if this node has them. Throws `snapshot.*` and the errors of the store. */
  async #save(c: FilesContext, midTurn: boolean): Promise<void> {
    if (!this.#host.runsWithActor || c.state.place === undefined) return;
    await this.#serialize(c, async () => {
      if (this.#isElsewhere(c.state)) return;
      // Before the first prompt has reached the agent, only the clone exists.
      const turn = c.state.snapshot === undefined ? 0 : (c.state.turns ?? 0);
      const createdAt = this.#host.ports.clock.now();
      const manifest = await storeSnapshot(c.blob, this.#host.archiveFiles(c.state.id));
      c.state.snapshot = { manifest, turn, midTurn, createdAt };
      c.state.changed = false;
      await c.saveState();
    });
  }

  #isElsewhere({ place }: TaskState): boolean {
    return this.#host.runsWithActor && place !== undefined && place.id !== this.#host.place.id;
  }

  #serialize(c: FilesContext, work: () => Promise<void>): Promise<void> {
    const turn = c.vars.filesTail.then(work);
    c.vars.filesTail = turn.catch(() => undefined);
    return c.keepAwake(turn);
  }
}
