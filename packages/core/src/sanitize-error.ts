import { sendableMetadata } from "./error-metadata.ts";
import { type ErrorActor, HoldfastError, isErrorStatus, isHoldfastError } from "./errors.ts";

/**
 * Converts any thrown value to an error that a caller may see; the only place that does so. Typed errors pass, without
 * message and metadata when they are not public; anything else becomes `internal.internal_error`. Hidden details are
 * passed to `report` (the log) with the `errorId` that the caller gets. `expose`, for development, shows the message.
 * The result is always encodable.
 */
export function sanitizeError(
  error: unknown,
  errorId: string,
  report: (errorId: string, error: unknown) => void,
  expose = false,
): HoldfastError {
  const typedError = isHoldfastError(error) ? validated(error) : fromForeignError(error);
  if (typedError !== undefined && (expose || typedError.public !== false)) {
    if (typedError.metadata === undefined) return typedError;
    const { value, isComplete } = sendableMetadata(typedError.metadata);
    if (!isComplete) report(errorId, error);
    return withMetadata(typedError, value, error);
  }
  report(errorId, error);
  const message = expose ? messageOf(error) : "An internal error occurred";
  const hidden = { metadata: { errorId }, cause: error };
  if (typedError === undefined) return new HoldfastError("internal", "internal_error", message, hidden);
  return new HoldfastError(typedError.group, typedError.code, message, {
    statusCode: typedError.statusCode,
    ...hidden,
  });
}

/**
 * Returns a typed error whose fields have the types they declare, since programs overwrite fields and define getters.
 * Keeps the fields that can be read. Undefined without a valid group and code.
 */
function validated(error: HoldfastError): HoldfastError | undefined {
  try {
    const { group, code, message, statusCode, metadata, actor } = error;
    if (typeof group !== "string" || typeof code !== "string") return undefined;
    const isValid = typeof message === "string" && isErrorStatus(statusCode) && isActor(actor);
    if (isValid && metadata === undefined && !hasGetter(error)) return error;
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

/** True when a field may change between two reads. */
function hasGetter(error: HoldfastError): boolean {
  return fields.some((name) => Object.getOwnPropertyDescriptor(error, name)?.get !== undefined);
}

const fields = ["group", "code", "message", "statusCode", "metadata", "actor", "public"] as const;

function isActor(actor: ErrorActor | undefined): boolean {
  return actor === undefined || sendableMetadata(actor).isComplete;
}

/** Converts a foreign object with `group` and `code`, so that callers can tell its errors apart. */
function fromForeignError(error: unknown): HoldfastError | undefined {
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
    // A getter threw.
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

/** True for errors about the caller's own request, which callers may always see. */
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

/** Message of any thrown value. Never throws. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "a value that has no text form was thrown";
  }
}
