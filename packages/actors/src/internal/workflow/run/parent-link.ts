import type { ParentAddress } from "../history/record.ts";
import type { StoredWorkflow } from "../history/stored-workflow.ts";
import { type ChildWorkflow, reportToParent } from "./child.ts";
import type { WorkflowDependencies } from "./run.ts";

interface ParentLinkHost extends ChildWorkflow {
  readonly actor: WorkflowDependencies;
}

/** Reports the result of a child workflow to the parent that started it, and retries until the parent has it. */
export class ParentLink {
  readonly #child: ParentLinkHost;
  readonly #stored: StoredWorkflow;
  #retryAt: number | undefined;

  constructor(child: ParentLinkHost, stored: StoredWorkflow) {
    this.#child = child;
    this.#stored = stored;
  }

  /** True if a parent still waits for the result. */
  get waiting(): boolean {
    return this.#parent !== undefined;
  }

  /** The time of the next attempt, after one that did not reach the parent. */
  get retryAt(): number | undefined {
    return this.#retryAt;
  }

  /** Forgets the time of the next attempt: the child runs again. */
  reset(): void {
    this.#retryAt = undefined;
  }

  /** A fork of a child has its header but another id: the parent waits for the original. */
  get #parent(): ParentAddress | undefined {
    const { parent } = this.#stored.header;
    return parent?.child === this.#child.actor.id ? parent : undefined;
  }

  /** Reports until the parent has received the result. Never rejects. */
  async report(): Promise<void> {
    const parent = this.#parent;
    if (parent === undefined) return;
    const { queue, turn } = this.#child.actor;
    await reportToParent(this.#child, parent, {
      delivered: () => {
        this.#retryAt = undefined;
        this.#stored.set({ parent: undefined });
        this.#stored.write();
        queue.close();
      },
      retryAt: (at) => {
        if (!this.#child.terminal) return;
        this.#retryAt = at;
        turn.dirty = true;
        queue.close();
      },
    });
  }
}
