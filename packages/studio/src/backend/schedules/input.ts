import { HoldfastError } from "@holdfast/core";
import type { ScheduleEvent, ScheduleInput } from "../../contract/schedules.ts";
import { studioLimits } from "../../limits.ts";
import { nextTimes } from "./state.ts";

/** Times that are looked at, to find two that are too close. */
const comparedTimes = 50;

/** Checks what can be checked without the repository and the agent. Throws `schedule.invalid_input`. */
export function readSchedule(given: unknown, now: number): ScheduleInput {
  const { id, name, cron, timezone, repository, branch, agent, prompt, on } = (given ?? {}) as Partial<
    Record<keyof ScheduleInput, unknown>
  >;
  const input = {
    name: text(name, "name", studioLimits.maxScheduleNameCharacters).trim(),
    cron: on === undefined ? text(cron, "cron", 200).trim() : "",
    timezone: on === undefined ? text(timezone, "timezone", 100) : "UTC",
    repository: text(repository, "repository", 4_096),
    agent: text(agent, "agent", 64),
    prompt: text(prompt, "prompt", studioLimits.maxPromptBytes),
  };
  if (input.name === "") throw invalid("Give the schedule a name");
  if (on === undefined) requireTimes(input.cron, input.timezone, now);
  return {
    ...input,
    ...(on === undefined ? {} : { on: readEvent(on) }),
    ...(id === undefined ? {} : { id: text(id, "id", 100) }),
    ...(branch === undefined ? {} : { branch: text(branch, "branch", 200) }),
  };
}

function readEvent(given: unknown): ScheduleEvent {
  const { type, label, name } = { ...Object(given) } as Readonly<Record<string, unknown>>;
  switch (type) {
    case "checks-failed":
    case "pull-request-opened":
    case "review-requested":
      return { type };
    case "labelled":
      return { type, label: text(label, "label", 100).trim() };
    case "mentioned": {
      const shown = text(name, "name", 40).trim().replace(/^@/, "");
      if (/^[\w-]+$/.test(shown)) return { type, name: shown };
      throw invalid("The name of a mention has letters, digits and hyphens");
    }
    default:
      throw invalid(
        "`on` must be checks-failed, pull-request-opened, review-requested, labelled or mentioned",
      );
  }
}

function requireTimes(cron: string, timezone: string, now: number): void {
  let times: readonly number[];
  try {
    times = nextTimes(cron, timezone, now, comparedTimes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`The times are not valid: ${reason}. An example: "0 9 * * 1-5" in "Europe/Berlin".`);
  }
  if (times.length === 0) throw invalid("The cron expression matches no time in the future");
  const { minScheduleIntervalMs } = studioLimits;
  const isTooOften = times.some(
    (time, index) => index > 0 && time - (times[index - 1] ?? 0) < minScheduleIntervalMs,
  );
  if (isTooOften)
    throw invalid(`There must be ${minScheduleIntervalMs / 60_000} minutes between two times at least`);
}

function text(value: unknown, name: string, max: number): string {
  if (typeof value === "string" && value.length > 0 && value.length <= max) return value;
  throw invalid(`\`${name}\` must be text of 1 to ${max} characters`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("schedule", "invalid_input", message, { statusCode: 400 });
}

export function tooManySchedules(): HoldfastError {
  const message = `There are ${studioLimits.maxSchedules} schedules. Delete one first.`;
  return new HoldfastError("schedule", "too_many", message, { statusCode: 409 });
}
