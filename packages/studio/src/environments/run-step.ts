import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { JailExit } from "@holdfast/gate";
import type { EnvironmentStep } from "./environment.ts";
import { type CommandOptions, runCommand } from "./run-command.ts";

export interface StepOptions extends Omit<CommandOptions, "run" | "timeoutMs" | "session"> {
  readonly step: EnvironmentStep;
  /** Id of the environment, for the records of the gate. */
  readonly environment: string;
}

/**
 * Runs one step in a jail like that of a task. The jail is gone when it settles. Throws `environment.step_failed`,
 * `.step_timed_out`, `.disk_full`, the reason of `signal`, and the errors of the jail and of the gate.
 */
export async function runStep({ step, environment, ...options }: StepOptions): Promise<void> {
  const { run, timeoutMs } = step;
  const { exit, isTimedOut, output } = await runCommand({ ...options, run, timeoutMs, session: environment });
  if (!isTimedOut && exit.reason === "exited" && exit.code === 0) return;
  throw stepError(step, environment, exit, isTimedOut, output);
}

const quotedCharacters = 1_500;

/** True for the failure of a step itself, whose files a person may want to see. */
export function isStepFailure(error: unknown): boolean {
  return (
    isErrorCode(error, "environment", "step_failed") || isErrorCode(error, "environment", "step_timed_out")
  );
}

function stepError(
  step: EnvironmentStep,
  environment: string,
  exit: JailExit,
  timedOut: boolean,
  output: string,
): HoldfastError {
  const last =
    output.trim() === ""
      ? "It wrote nothing."
      : `Its last output:\n${output.trim().slice(-quotedCharacters)}`;
  const metadata = { step: step.name, environment };
  if (timedOut) {
    const message = `The step “${step.name}” of the environment was ended after ${step.timeoutMs / 60_000} minutes. ${last}`;
    return new HoldfastError("environment", "step_timed_out", message, { statusCode: 504, metadata });
  }
  if (exit.reason === "disk") return diskFull(`the step “${step.name}”: ${exit.detail ?? ""}`);
  const cause =
    exit.reason === "memory"
      ? "it exceeded its memory limit"
      : exit.code === null
        ? `${exit.reason}${exit.signal === null ? "" : `, ${exit.signal}`}${exit.detail === undefined ? "" : `: ${exit.detail}`}`
        : `exit code ${exit.code}`;
  const message = `The step “${step.name}” of the environment failed (${cause}). ${last}`;
  return new HoldfastError("environment", "step_failed", message, { statusCode: 422, metadata });
}

/** The error of a preparation that ran out of space; `where` says what was being written. */
export function diskFull(where: string, cause?: unknown): HoldfastError {
  const message = `There was not enough disk space to prepare the environment (${where}). Free some, or let the steps write less, and prepare again.`;
  return new HoldfastError("environment", "disk_full", message, { statusCode: 507, cause });
}
