import type { BackendHost } from "../host.ts";
import type { ReviewedContext, Reviewing } from "../review/actions.ts";
import { copyOf } from "../task-state.ts";
import type { TaskContext, TaskSteps } from "../task-steps.ts";
import type { TextContext, TranscriptText } from "../tasks/transcript-text.ts";
import { applyReport, requireClaim, type TaskReport } from "../turns/reports.ts";
import { type TaskWork, takeWork } from "../turns/work.ts";
import { findSession } from "./find.ts";

/** The actions of a task for the runners of its sessions; without a session, for that of the first one. */
export function runnerActions<Context extends TaskContext & TextContext & ReviewedContext>(
  host: Pick<BackendHost, "unsafe" | "place">,
  steps: TaskSteps,
  text: TranscriptText,
  turns: Pick<Reviewing<Context>, "turnEnded">,
) {
  return {
    /** Hands the next prompt of a session to its runner; durable before the runner gets it. */
    next(c: TaskContext, claim?: number | null, sessionId?: string): TaskWork | null {
      requireClaim(c.state, claim);
      const work = takeWork(c.state, sessionId === undefined ? c.state : findSession(c.state, sessionId));
      if (work === undefined) return null;
      // The server that runs the task decides whether it is jailed, not the one that created it.
      c.state.unsafe = host.unsafe;
      // An agent that is up may start at once.
      if (c.state.place?.id === host.place.id) c.state.changed = true;
      steps.publishChange(c);
      return work;
    },

    async report(c: Context, report: TaskReport, claim?: number | null, sessionId?: string): Promise<void> {
      requireClaim(c.state, claim);
      const session = sessionId === undefined ? c.state : findSession(c.state, sessionId);
      applyReport(c.state, report, session);
      steps.publishChange(c);
      if (report.type !== "turn-ended" && report.type !== "failed") return;
      // An attempt has changed its own copy of the files, which is reviewed when it is kept.
      if (copyOf(session) === undefined)
        c.waitUntil(turns.turnEnded(c, report.type === "failed" ? undefined : report.promptId));
      await text.schedule(c);
    },
  };
}
