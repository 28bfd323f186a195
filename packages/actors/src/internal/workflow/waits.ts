import type { Entry } from "./history.ts";
import type { Scope } from "./scope.ts";

/** Waits for a time that was fixed when the sleep began. */
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
  await run.runtime.turnstile.pass();
  entry.data = { deadline: until, state: "completed" };
  run.history.complete(entry, run.now());
}

/** Waits for a signal; what came is part of the history. */
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
    await run.runtime.turnstile.pass();
    fiber.check();
    const taken = run.owner.takeSignal(signal);
    const expired = deadline !== undefined && deadline <= run.now();
    if (taken !== undefined || expired) {
      entry.data = { signal, payload: taken?.payload, timedOut: taken === undefined };
      run.history.complete(entry, run.now());
      await run.durable();
      return taken?.payload;
    }
    await fiber.wait(deadline, (arrived) => run.owner.onSignal(arrived));
  }
}
