import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

/** Throws `task.invalid_input` unless `value` is text of 1 to `max` characters. */
export function requireText(value: unknown, name: string, max: number): asserts value is string {
  if (typeof value === "string" && value.length > 0 && value.length <= max) return;
  throw new HoldfastError("task", "invalid_input", `${name} must be text of 1 to ${max} characters`, {
    statusCode: 400,
  });
}

/** Throws `task.invalid_input` unless `value` is a list of 1 to `max` objects. */
export function requireList(value: unknown, name: string, max: number): void {
  const isObject = (each: unknown) => typeof each === "object" && each !== null;
  if (Array.isArray(value) && value.length > 0 && value.length <= max && value.every(isObject)) return;
  throw new HoldfastError("task", "invalid_input", `${name} must be a list of 1 to ${max} objects`, {
    statusCode: 400,
  });
}

/** Throws `task.empty_prompt` or `task.prompt_too_long`. */
export function requirePrompt(text: unknown): asserts text is string {
  if (typeof text !== "string" || text.trim() === "") {
    throw new HoldfastError("task", "empty_prompt", "The prompt is empty. Describe the work for the agent.", {
      statusCode: 400,
    });
  }
  if (new TextEncoder().encode(text).length > studioLimits.maxPromptBytes) {
    const message = `A prompt can have at most ${studioLimits.maxPromptBytes} bytes. Put long material into a file of the repository.`;
    throw new HoldfastError("task", "prompt_too_long", message, { statusCode: 413 });
  }
}
