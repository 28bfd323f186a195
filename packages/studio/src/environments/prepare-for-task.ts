import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isHoldfastError } from "@holdfast/core";
import type { Environment } from "./environment.ts";
import type { Environments, EnvironmentUser } from "./environments.ts";

/** In the host's clone, which no jail can write to, and which moves with the task to another node. */
const placedFile = "holdfast-environment";

export interface TaskPreparation {
  readonly user: EnvironmentUser;
  readonly signal: AbortSignal;
  /** Adds a note to the task's log, once for each key. */
  readonly note: (text: string, key: string) => Promise<void>;
}

/** What each agent of a task gets of its environment. */
export type AgentEnvironment = Pick<Environment, "variables" | "services">;

/**
 * Gives a task its environment before its first agent starts, and returns what each agent gets. Does nothing for
 * a task that has started already. Throws `environment.*`, and what a preparation throws.
 */
export async function prepareForTask(
  environments: Environments,
  { user, signal, note }: TaskPreparation,
): Promise<AgentEnvironment> {
  const placed = join(user.hostGit, user.copy === undefined ? placedFile : `${placedFile}-${user.copy}`);
  const hasStarted = existsSync(placed) || (await hasFiles(user.home));
  const found = await environments.find(user).catch((error: unknown) => {
    // An agent that has worked without it goes on without it.
    if (hasStarted && isHoldfastError(error)) return undefined;
    throw error;
  });
  if (found === undefined) return { variables: {}, services: [] };
  const { source, required, steps, variables, services } = found.environment;
  if (hasStarted || steps.length === 0) return { variables, services };
  if (!environments.isPrepared(user, found)) {
    const names = steps.map(({ name }) => name).join(", ");
    await note(
      `The environment of the repository is being prepared, as ${source} says: ${names}.`,
      "environment",
    );
  }
  try {
    await environments.place(user, found, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (required || !isHoldfastError(error)) throw error;
    await note(
      `The task starts without the environment of ${source}. ${error.message}`,
      "environment-failed",
    );
  }
  await writeFile(placed, "1\n");
  return { variables, services };
}

async function hasFiles(folder: string): Promise<boolean> {
  return existsSync(folder) && (await readdir(folder)).length > 0;
}
