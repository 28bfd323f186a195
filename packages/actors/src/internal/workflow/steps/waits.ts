import type { Entry } from "../history/history.ts";
import type { Scope } from "../run/scope.ts";
import { invalid } from "./step-settings.ts";

/** Waits until a time that was fixed when the sleep began. */
export async function runSleep(scope: Scope, entry: Entry, deadline: number): Promise<void> {
  const { run, fiber } = scope;
  if (entry.status === "completed") return;
  if (entry.status === "pending") {
    entry.status = "running";
    entry.data = { deadline, state: "pending" };
    run.history.save(entry);
  }
  const until = Number(entry.data.deadline);
  if (until > run.now()) await fiber.wait(until);
  await run.outsideTransaction();
  entry.data = { deadline: until, state: "completed" };
  run.history.complete(entry, run.now());
}

/** Undefined means no deadline. Throws `workflow.invalid_step`. */
export function checkTimeout(timeout: unknown): number | undefined {
  if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return undefined;
  if (typeof timeout === "number" && timeout >= 0) return timeout;
  throw invalid('"timeout" is not a number of milliseconds');
}

/** Waits for a signal, which becomes part of the history. */
export async function waitForSignal(
  scope: Scope,
  entry: Entry,
  signal: string,
  timeoutMs: number | undefined,
): Promise<unknown> {
  const { run, fiber } = scope;
  if (entry.status === "completed") return entry.data.payload;
  let deadline = entry.data.deadline as number | undefined;
  if (entry.status === "pending") {
    entry.status = "running";
    deadline = timeoutMs === undefined ? undefined : run.now() + timeoutMs;
    entry.data = { signal, ...(deadline === undefined ? {} : { deadline }) };
    run.history.save(entry);
  }
  for (;;) {
    await run.outsideTransaction();
    fiber.check();
    const taken = run.owner.signals.take(signal);
    const expired = deadline !== undefined && deadline <= run.now();
    if (taken !== undefined || expired) {
      entry.data = { signal, payload: taken?.payload, timedOut: taken === undefined };
      run.history.complete(entry, run.now());
      await run.durable();
      return taken?.payload;
    }
    await fiber.wait(deadline, (arrived) => run.owner.signals.subscribe(arrived));
  }
}
