import type { BackendHost } from "./host.ts";
import { hasWork, isActive } from "./task-activity.ts";
import { sessionsOf, type TaskState } from "./task-state.ts";
import { interruptWork } from "./turns/reports.ts";

/** The part of a task's memory that belongs to its runner. */
export interface RunnerVars {
  /** The claim of the runner that this instance of the actor has started. */
  claim?: number;
}

/** The part of the actor context that is used here. */
export interface RunnerContext {
  readonly state: TaskState;
  readonly vars: RunnerVars;
  saveState(): Promise<void>;
  keepAwake<T>(promise: Promise<T>): Promise<T>;
  readonly cron: {
    every(options: {
      readonly name: string;
      readonly interval: number;
      readonly action: string;
      readonly maxHistory: number;
    }): Promise<void>;
    delete(name: string): Promise<boolean>;
  };
  readonly schedule: { after(ms: number, action: string): Promise<string> };
}

export type RunnerHost = Pick<
  BackendHost,
  "runs" | "runsWithActor" | "claimOf" | "wake" | "settled" | "release"
>;

/** How often a node looks whether an active task runs, in milliseconds: the alarm wakes it where the actor is next. */
const watchMs = 5_000;
const watchName = "watch";
const watchAction = "internal.watch";

/**
 * Ensures that runners in this process work on the sessions of the task that have prompts. Each instance of the actor makes one claim: what a runner
 * of an earlier one reports from then on is refused.
 */
export async function ensureRunner(host: RunnerHost, c: RunnerContext): Promise<void> {
  const { id } = c.state;
  if (!host.runs(id)) return;
  c.vars.claim ??= claimTask(host, c.state);
  const { claim } = c.vars;
  if (host.runsWithActor)
    await c.cron.every({ name: watchName, interval: watchMs, action: watchAction, maxHistory: 0 });
  await c.saveState();
  const working = sessionsOf(c.state).filter(hasWork);
  host.wake(
    id,
    claim,
    working.map(({ sessionId }) => sessionId),
  );
  if (host.runsWithActor) void c.keepAwake(host.settled(id));
}

/** The claim of a runner that outlived the sleep of its actor is still the newest one. */
function claimTask(host: RunnerHost, state: TaskState): number {
  const current = host.claimOf(state.id);
  if (current === undefined || current !== state.claim) state.claim = (state.claim ?? 0) + 1;
  return state.claim ?? 0;
}

/** Runs by the alarm of an active task, on the node that has the actor then. */
export async function watchRunner(host: RunnerHost, c: RunnerContext): Promise<void> {
  if (isActive(c.state)) await ensureRunner(host, c);
  else await c.cron.delete(watchName);
}

/** Stops the runner before the actor leaves memory, and has the task go on at once wherever the actor is next. */
export async function releaseRunner(
  host: RunnerHost,
  c: RunnerContext,
  saveFiles: () => Promise<void>,
): Promise<void> {
  await host.release(c.state.id);
  if (c.vars.claim !== undefined) await saveFiles();
  interruptWork(c.state);
  if (isActive(c.state)) await c.schedule.after(0, watchAction);
}
