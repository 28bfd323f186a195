import { HoldfastError } from "@holdfast/core";
import type { SessionChoice } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { requireText } from "../validate.ts";

/** Id of the session that somebody chose; undefined if none. Throws `task.invalid_input`. */
export function readSession(choice: unknown): string | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (typeof choice !== "object") {
    const message = "The choice of a session must be an object with `session`";
    throw new HoldfastError("task", "invalid_input", message, { statusCode: 400 });
  }
  const { session } = choice as SessionChoice;
  if (session !== undefined) requireText(session, "session", 200);
  return session;
}

/** A name without blanks around it. Throws `task.invalid_input`. */
export function readSessionName(name: unknown): string {
  const given = typeof name === "string" ? name.trim() : name;
  requireText(given, "name", studioLimits.maxSessionNameCharacters);
  return given;
}
