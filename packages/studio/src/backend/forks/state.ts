import type { TaskError } from "../../contract.ts";

/** Whether a task of a fork gets the secrets of its repository's environment, and who has said so. */
export interface ForkSecrets {
  readonly isAllowed: boolean;
  /** Id of the person. */
  readonly by: string;
  readonly at: number;
}

/** True for the end of a prompt that asks whether code of a fork gets secrets. */
export function asksForSecrets(error: TaskError | undefined): boolean {
  return error?.group === "environment" && error.code === "secrets_not_allowed";
}
