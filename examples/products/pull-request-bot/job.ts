/** A job: a workflow from an issue to a pull request. Each step is recorded; an interrupted one is repeated. */
import { workflow } from "holdfast/workflow";
import { cleanUp } from "./computer.ts";
import { comment } from "./forge.ts";
import { begin, computerOf, finish, messageOf, newState, report, say, show, viewOf } from "./progress.ts";
import type { EndStatus, JobView, NumberedLine, Start } from "./report.ts";
import { requireSignIn } from "./session.ts";
import { events, patient, queues, type Scope, type Worked, work } from "./work.ts";

export const job = workflow(
  {
    createState: newState,
    events,
    queues,
    onAuth: (_c, { req }) => {
      requireSignIn(req);
      return "person";
    },
    run: async (ctx) => {
      await ctx.loop("attempts", async (loop) => {
        const { body: start } = await loop.queue.next("start", { names: ["starts"] });
        const isNew = await loop.step("begin", (c) => begin(c, start));
        if (!isNew) return;
        const worked = await loop.try("work", async (scope) => await work(scope, start));
        await end(loop, start, worked.ok ? worked.value : messageOf(worked.failure.error));
      });
    },
    actions: {
      /** Stops an attempt: at once where the agent works, else before the next step. */
      stop: async (c, attempt: number): Promise<void> => {
        c.state.stopped = attempt;
        show(c);
        const { sessionId, status, phase } = c.state;
        if (sessionId === undefined || status !== "running" || phase !== "agent") return;
        const machine = computerOf(c);
        // Either fails where the turn has ended in the meantime. An agent that does not listen ends with its session.
        await machine.cancelPrompt(sessionId).catch(() => undefined);
        await machine.closeSession(sessionId).catch(() => undefined);
      },
      view: (c): { view: JobView; lines: NumberedLine[]; dropped: number } => ({
        view: viewOf(c.state),
        lines: c.state.log.map((line, at) => ({ number: c.state.dropped + at, line })),
        dropped: c.state.dropped,
      }),
      /** The change as a patch of git; empty before there is one. */
      patch: async (c): Promise<string> => {
        if (c.state.patch === undefined) return "";
        return await new Response(await c.blob.get(c.state.patch)).text();
      },
    },
  },
  {
    onError: (c, event) => {
      if ("step" in event && event.step.willRetry)
        say(c, "error", `${messageOf(event.step.error)} I try again.`);
    },
  },
);

/** Ends an attempt: what it came to, or the words of its failure. */
async function end(scope: Scope, start: Start, worked: Worked | string): Promise<void> {
  const { status, words } = await scope.step(
    "decide how it ended",
    (c): { status: EndStatus; words: string } => {
      if (typeof worked !== "string") return worked;
      if (c.state.stopped === c.state.attempt)
        return { status: "cancelled", words: "A person has stopped me." };
      return { status: "failed", words: `I could not finish this: ${worked}` };
    },
  );
  // The end of a job must not depend on these two: the issue may have been deleted, or the machine.
  await scope.tryStep({
    ...{ name: "delete the files", maxRetries: 1 },
    run: async (c) => {
      if (c.state.folder !== undefined) await cleanUp(computerOf(c), c.state.folder);
      c.state.folder = undefined;
    },
  });
  await scope.tryStep({
    ...{ name: "comment the end", ...patient },
    run: async (c) => {
      const { repository, number } = start.delivery;
      await comment(repository, number, `${c.key[0]} ${start.attempt} end`, words);
    },
  });
  await scope.step("end", (c) => {
    finish(c, status, words);
    report(c, status);
  });
}
