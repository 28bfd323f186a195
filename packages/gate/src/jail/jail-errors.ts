import { HoldfastError } from "@holdfast/core";
import { exhaustedResource } from "./host/resource-exhaustion.ts";

/** `jail.unavailable`: this machine cannot make jails. The message says what to do about it. */
export function unavailable(message: string, cause?: unknown): HoldfastError {
  return jailError("unavailable", message, cause);
}

/** `jail.start_failed` */
export function startFailed(detail: string, cause?: unknown): HoldfastError {
  return jailError("start_failed", `The jail did not start: ${detail}`, cause);
}

/** `jail.start_failed` for a program that could not be spawned, with the resource that ran out, if one did. */
export function programNotStarted(program: string, fault: unknown): HoldfastError {
  const exhausted = exhaustedResource(fault);
  const reason = exhausted === undefined ? "" : `: ${exhausted}`;
  return startFailed(`${program} could not be started${reason}`, fault);
}

/** Throws `jail.unavailable` where `program` could not be spawned because a resource ran out. */
export function checkExhausted(program: string, fault: unknown): void {
  const exhausted = exhaustedResource(fault);
  if (exhausted !== undefined) throw unavailable(`${program} could not be started: ${exhausted}`, fault);
}

function jailError(code: string, message: string, cause: unknown): HoldfastError {
  const options = { statusCode: 503, ...(cause === undefined ? {} : { cause }) };
  return new HoldfastError("jail", code, message, options);
}
