/** Error fields on the wire. Codes are a public contract: see docs/errors.md. */
export interface WireError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
  readonly metadata?: unknown;
  readonly actor?: ErrorActor;
  /** HTTP status, when it differs from the default of group and code. */
  readonly status?: number;
}

/** Actor that raised an error. */
export interface ErrorActor {
  readonly actorId: string;
  /** Number of times that the actor was loaded into memory. */
  readonly generation: number;
  readonly key?: readonly string[];
}

/** Options of {@link HoldfastError}. */
export interface HoldfastErrorOptions {
  /** Structured details for the caller; must be encodable. */
  readonly metadata?: unknown;
  readonly actor?: ErrorActor;
  /** HTTP status. Default: derived from group and code. */
  readonly statusCode?: number;
  /** False hides message and metadata from callers, who then see group and code only. */
  readonly public?: boolean;
  readonly cause?: unknown;
}

const brand = Symbol.for("holdfast.error");

/**
 * Error class of all packages. `group` is the module ("actor", "gateway"), `code` is stable snake_case. Test for it
 * with {@link isHoldfastError}, which also works across two copies of this package.
 */
export class HoldfastError extends Error {
  readonly group: string;
  readonly code: string;
  readonly metadata?: unknown;
  readonly statusCode: number;
  /** True when callers may see message and metadata. */
  readonly public: boolean;
  /** Actor that raised it, if any. */
  actor?: ErrorActor;
  readonly [brand] = true;

  /** Accepts null for the options, which plain JavaScript may pass on. */
  constructor(group: string, code: string, message: string, given?: HoldfastErrorOptions | null) {
    const options = given ?? {};
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HoldfastError";
    this.group = group;
    this.code = code;
    if (options.metadata !== undefined) this.metadata = options.metadata;
    if (options.actor !== undefined) this.actor = options.actor;
    this.statusCode = options.statusCode ?? defaultStatus(group, code);
    this.public = options.public ?? true;
  }
}

/** Options of {@link UserError}. */
export interface UserErrorOptions {
  /** Stable snake_case code. Default: "user_error". */
  readonly code?: string;
  readonly metadata?: unknown;
  readonly cause?: unknown;
}

/** Error for user code to throw to a caller: group "user", HTTP 400, passed on unchanged. */
export class UserError extends HoldfastError {
  constructor(message: string, given?: UserErrorOptions | null) {
    const options = given ?? {};
    super("user", options.code ?? "user_error", message, {
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
      statusCode: 400,
    });
    this.name = "UserError";
  }
}

/** True for a {@link HoldfastError}, even one of another copy of this package. Never throws. */
export function isHoldfastError(value: unknown): value is HoldfastError {
  if (typeof value !== "object" || value === null) return false;
  try {
    return (value as { [brand]?: unknown })[brand] === true;
  } catch {
    // A getter or proxy threw.
    return false;
  }
}

/** True when `error` is the typed error `group.code`. */
export function isErrorCode(error: unknown, group: string, code: string): error is HoldfastError {
  return isHoldfastError(error) && error.group === group && error.code === code;
}

/** Fields of `error` that may go on the wire. */
export function toWireError(error: HoldfastError): WireError {
  return {
    group: error.group,
    code: error.code,
    message: error.message,
    ...(error.metadata === undefined ? {} : { metadata: error.metadata }),
    ...(error.actor === undefined ? {} : { actor: error.actor }),
    ...(error.statusCode === defaultStatus(error.group, error.code) ? {} : { status: error.statusCode }),
  };
}

/**
 * Rebuilds a received error. `statusCode` is that of the response, if any. Anything of another shape becomes
 * `message.malformed_error`.
 */
export function fromWireError(value: unknown, statusCode?: number): HoldfastError {
  const wire = value as Partial<WireError> | null | undefined;
  const status = statusCode ?? (isErrorStatus(wire?.status) ? wire.status : undefined);
  const options = status === undefined ? {} : { statusCode: status };
  if (typeof wire?.group !== "string" || typeof wire.code !== "string" || typeof wire.message !== "string") {
    return new HoldfastError(
      "message",
      "malformed_error",
      "The server sent an error of unknown shape",
      options,
    );
  }
  return new HoldfastError(wire.group, wire.code, wire.message, {
    ...options,
    ...(wire.metadata === undefined ? {} : { metadata: wire.metadata }),
    ...(isErrorActor(wire.actor) ? { actor: wire.actor } : {}),
  });
}

/** True for an HTTP status that an error may have. */
export function isErrorStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599;
}

function isErrorActor(value: unknown): value is ErrorActor {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "actorId") === "string";
}

const statusByCode: Readonly<Record<string, number>> = {
  "auth.forbidden": 403,
  "auth.unauthorized": 401,
  "gateway.forbidden_host": 403,
  "gateway.forbidden_origin": 403,
  "gateway.not_found": 404,
  "gateway.method_not_allowed": 405,
  "actor.not_found": 404,
  "actor.action_not_found": 404,
  "actor.method_not_allowed": 405,
  "actor.action_timed_out": 408,
  "actor.duplicate_key": 409,
  "actor.fenced": 503,
  "actor.moved": 503,
  "actor.no_node": 503,
  "actor.stopping": 503,
  "actor.starting": 503,
  "action.interrupted": 409,
  "message.incoming_too_long": 413,
  "store.unavailable": 503,
  "store.indeterminate": 503,
  "store.full": 507,
};

const statusByGroup: Readonly<Record<string, number>> = {
  user: 400,
  message: 400,
  actor: 400,
  action: 400,
  conn: 400,
  event: 400,
  kv: 400,
  schedule: 400,
  queue: 400,
  workflow: 400,
};

function defaultStatus(group: string, code: string): number {
  // Own properties only: a group may be called "constructor".
  const ofGroup = Object.hasOwn(statusByGroup, group) ? statusByGroup[group] : undefined;
  return statusByCode[`${group}.${code}`] ?? ofGroup ?? 500;
}

/** Problem details of RFC 9457, with `group` and `code`. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly group: string;
  readonly code: string;
  readonly metadata?: unknown;
  readonly actor?: ErrorActor;
}

/** Converts an error to RFC 9457 problem details. `type` is `typePrefix` followed by its code. */
export function toProblem(error: HoldfastError, typePrefix = "urn:holdfast:error:"): ProblemDetails {
  return {
    type: `${typePrefix}${error.code}`,
    title: titleCase(error.code),
    status: error.statusCode,
    detail: error.message,
    group: error.group,
    code: error.code,
    ...(error.metadata === undefined ? {} : { metadata: error.metadata }),
    ...(error.actor === undefined ? {} : { actor: error.actor }),
  };
}

function titleCase(code: string): string {
  return code
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");
}
