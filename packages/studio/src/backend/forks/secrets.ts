import { HoldfastError } from "@holdfast/core";
import { sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";
import { asksForSecrets, type ForkSecrets } from "./state.ts";

/**
 * Keeps the decision, once, and queues again the prompts that have waited for it. Secrets are allowed for code that is there
 * to be read, and not for what the fork may get later. Throws `task.no_fork`, `.secrets_decided`, `.secrets_not_asked`,
 * `.invalid_input`.
 */
export function decideForkSecrets(
  state: TaskState,
  isAllowed: unknown,
  { by, at }: Pick<ForkSecrets, "by" | "at">,
): void {
  if (typeof isAllowed !== "boolean")
    throw new HoldfastError("task", "invalid_input", "`isAllowed` must be true or false", {
      statusCode: 400,
    });
  if (state.connected?.pull === undefined) {
    const message = "The task does not start from a fork: it has what its repository allows.";
    throw new HoldfastError("task", "no_fork", message, { statusCode: 409 });
  }
  if (state.forkSecrets !== undefined) {
    const message =
      "It was decided already whether this task gets secrets. Start another task to decide anew.";
    throw new HoldfastError("task", "secrets_decided", message, { statusCode: 409 });
  }
  const waiting = sessionsOf(state).filter(waitsForSecrets);
  if (isAllowed && waiting.length === 0) {
    const message =
      "The task does not ask for secrets. Once its environment needs some, it waits, and shows the changes to read before.";
    throw new HoldfastError("task", "secrets_not_asked", message, { statusCode: 409 });
  }
  state.forkSecrets = { isAllowed, by, at };
  for (const session of waiting) queueAgain(session);
}

/** True for a session whose last prompt has ended with the question. */
export function waitsForSecrets({ error }: Pick<TaskSession, "error">): boolean {
  return asksForSecrets(error);
}

/** Stops the sessions that wait for the answer: no agent works for them. False if there is none. */
export function stopWaiting(sessions: readonly TaskSession[]): boolean {
  const waiting = sessions.filter(waitsForSecrets);
  for (const session of waiting) {
    session.status = "stopped";
    session.error = undefined;
  }
  return waiting.length > 0;
}

function queueAgain(session: TaskSession): void {
  const last = session.prompts.findLast(({ state }) => state === "failed");
  if (last === undefined) return;
  last.state = "queued";
  session.status = "preparing";
  session.error = undefined;
}
