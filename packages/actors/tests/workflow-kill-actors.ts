import { actor } from "@holdfast/actors";
import { workflow, workflowControl } from "@holdfast/actors/workflow";
import { storedRegistry } from "@holdfast/testing/backends";

export const rounds = 5;
export const workflows = 100;

/** Events of this process. */
export const seen = { ended: 0, allEnded: Promise.withResolvers<void>() };

/** True in the process that is killed: no workflow can finish there, however late the kill. */
export const willBeKilled = { is: false };

const job = actor({
  state: { done: [] as number[] },
  run: workflow(async (ctx) => {
    for (let n = 0; n < rounds; n++) {
      await ctx.step(`work ${n}`, async (step) => {
        step.state.done.push(n);
      });
      await ctx.sleep(`rest ${n}`, 80);
    }
    await ctx.step("end", async () => {
      if (willBeKilled.is) await new Promise(() => {});
      if (++seen.ended === workflows) seen.allEnded.resolve();
    });
  }),
  actions: {
    done: (c) => [...c.state.done],
    result: (c) => workflowControl(c).result(c.abortSignal),
    status: (c) => workflowControl(c).status(),
  },
});

/** The actors of both processes, the one that dies and the one that continues. */
export function openJobs(path: string) {
  return storedRegistry(path, { use: { job } });
}
