import type { TaskFiles } from "../../cluster/task-files.ts";
import type { StackTask } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import type { PublishingContext } from "../publish/actions.ts";
import type { Publishing } from "../publish/publish.ts";
import { addPerson } from "../task-state.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { conflictPrompt } from "./prompt.ts";
import { Stacking } from "./stack.ts";
import { stackBaseOf } from "./start.ts";
import type { ParentChange, StackBase } from "./state.ts";

export type StackingContext = PublishingContext & TaskContext;

export function createStacking<Context extends StackingContext>(
  host: BackendHost,
  files: TaskFiles,
  steps: TaskSteps,
  about: {
    readonly publishing: Pick<Publishing<Context>, "move">;
    readonly onTree: (c: Context, tree: string) => Promise<void>;
  },
): Stacking<Context> {
  return new Stacking({
    ...{ host, files, onTree: about.onTree },
    publishChange: (c) => steps.publishChange(c),
    movePublication: (c, move) => about.publishing.move(c, move),
  });
}

/** The action of a task about its base. */
export function stackActions<Context extends StackingContext>(stacking: Stacking<Context>, steps: TaskSteps) {
  return {
    async rebase(
      c: Context & PersonContext,
      options?: { readonly resolve?: boolean },
    ): Promise<{ readonly conflicts: readonly string[] }> {
      const resolves = options?.resolve === true;
      const conflicts = await stacking.rebase(c, resolves);
      if (resolves && conflicts.length > 0) {
        const text = conflictPrompt(c.state.base?.branch ?? "", conflicts);
        await steps.promptBeside(c, text, () => addPerson(c.state, c.conn.state.person));
      }
      return { conflicts };
    },
  };
}

/** The same, for the tasks below and above. */
export function stackInternals<Context extends StackingContext>(stacking: Stacking<Context>) {
  return {
    stackBase: (c: Context): StackBase => stackBaseOf(c.state),

    addChild(c: Context, child: StackTask): void {
      stacking.addChild(c, child);
    },

    parentChanged: (c: Context, change: ParentChange): Promise<void> => stacking.parentChanged(c, change),
  };
}
