import { sendableMetadata } from "./error-metadata.ts";
import { type ErrorActor, HoldfastError, isErrorStatus, isHoldfastError } from "./errors.ts";

/**
 * The single place where an arbitrary thrown value becomes something that a caller may see.
 * Typed errors pass, without their message and metadata when they are not public; anything else becomes
 * `internal.internal_error`. What is held back is handed to `report` (the log) with the `errorId` that
 * the caller gets. With `expose`, for development, the message is shown. What comes out can be encoded.
 */
export function sanitizeError(
  error: unknown,
  errorId: string,
  report: (errorId: string, error: unknown) => void,
  expose = false,
): HoldfastError {
  const typed = isHoldfastError(error) ? sound(error) : asTyped(error);
  if (typed !== undefined && (expose || typed.public !== false)) {
    if (typed.metadata === undefined) return typed;
    const { value, whole } = sendableMetadata(typed.metadata);
    if (!whole) report(errorId, error);
    return withMetadata(typed, value, error);
  }
  report(errorId, error);
  const message = expose ? messageOf(error) : "An internal error occurred";
  const hidden = { metadata: { errorId }, cause: error };
  if (typed === undefined) return new HoldfastError("internal", "internal_error", message, hidden);
  return new HoldfastError(typed.group, typed.code, message, { statusCode: typed.statusCode, ...hidden });
}

/**
 * A typed error as it is, where each of its fields is what its type says. Programs change fields, and define
 * getters: of such an error what can be read is kept, and undefined returned where it has no name.
 */
function sound(error: HoldfastError): HoldfastError | undefined {
  try {
    const { group, code, message, statusCode, metadata, actor } = error;
    if (typeof group !== "string" || typeof code !== "string") return undefined;
    const isSound = typeof message === "string" && isErrorStatus(statusCode) && isActor(actor);
    if (isSound && metadata === undefined && !hasGetter(error)) return error;
    return new HoldfastError(group, code, typeof message === "string" ? message : "", {
      metadata,
      public: error.public,
      ...(isErrorStatus(statusCode) ? { statusCode } : {}),
      ...(actor !== undefined && isActor(actor) ? { actor } : {}),
      cause: error,
    });
  } catch {
    return undefined;
  }
}

/** Whether a field could be another the next time that it is read. */
function hasGetter(error: HoldfastError): boolean {
  return fields.some((name) => Object.getOwnPropertyDescriptor(error, name)?.get !== undefined);
}

const fields = ["group", "code", "message", "statusCode", "metadata", "actor", "public"] as const;

function isActor(actor: ErrorActor | undefined): boolean {
  return actor === undefined || sendableMetadata(actor).whole;
}

/** An object of somebody's own that says what it is: who is told that much can tell it from others. */
function asTyped(error: unknown): HoldfastError | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  try {
    const [group, code, text, metadata] = ["group", "code", "message", "metadata"].map((name): unknown =>
      Reflect.get(error, name),
    );
    if (typeof group !== "string" || typeof code !== "string") return undefined;
    const message = typeof text === "string" ? text : "";
    return new HoldfastError(group, code, message, {
      metadata,
      public: isPublicName(group, code),
      cause: error,
    });
  } catch {
    // A getter of somebody's own has thrown.
    return undefined;
  }
}

const publicGroups: readonly string[] = ["user", "kv", "schedule"];
const publicNames: readonly string[] = [
  "actor.aborted",
  "actor.action_not_found",
  "actor.action_timed_out",
  "actor.method_not_allowed",
  "actor.not_found",
  "auth.forbidden",
  "message.incoming_too_long",
  "message.outgoing_too_long",
  "queue.already_completed",
  "queue.full",
  "queue.invalid_completion_payload",
  "queue.invalid_payload",
  "queue.message_too_large",
  "queue.not_defined",
  "queue.previous_message_not_completed",
  "queue.timed_out",
];

/** True for errors that are made for callers, whoever throws them: what is wrong with their call. */
export function isPublicName(group: string, code: string): boolean {
  return publicGroups.includes(group) || publicNames.includes(`${group}.${code}`);
}

function withMetadata(error: HoldfastError, metadata: unknown, cause: unknown): HoldfastError {
  const { group, code, message, statusCode, actor } = error;
  return new HoldfastError(group, code, message, {
    statusCode,
    ...(metadata === undefined ? {} : { metadata }),
    ...(actor === undefined ? {} : { actor }),
    cause,
  });
}

/** What was thrown, as text, whatever it is. Never throws. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "something without a text was thrown";
  }
}
