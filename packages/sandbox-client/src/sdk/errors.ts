/** `SandboxAgent`: routes, processes, terminals, health. */
import { HoldfastError } from "@holdfast/core";
import type { PermissionReply } from "./sessions/sessions.ts";
import type { ProblemDetails } from "./wire.ts";

const knownMembers = new Set(["type", "title", "status", "detail", "instance", "group", "code"]);

/** A sandbox server answered with something else than success. `code` is the last part of the problem's type. */
export class SandboxAgentError extends HoldfastError {
  /** HTTP status. */
  readonly status: number;
  /** Absent if the answer was not a problem document. */
  declare readonly problem?: ProblemDetails;
  /** The answer; its body may still be read. */
  readonly response: Response;

  constructor(status: number, problem: ProblemDetails | undefined, response: Response, text = "") {
    const code = /^[a-z][a-z0-9_]*$/.exec((problem?.type ?? "").split(":").at(-1) ?? "")?.[0];
    const detail = problem?.detail ?? (text.slice(0, 200) || problem?.title || response.statusText);
    const extensions = Object.entries(problem ?? {}).filter(([name]) => !knownMembers.has(name));
    const group = typeof problem?.["group"] === "string" ? problem["group"] : "sandbox";
    super(group, code ?? `http_${status}`, detail || `The server answered ${status}`, {
      statusCode: status,
      ...(extensions.length > 0 ? { metadata: Object.fromEntries(extensions) } : {}),
    });
    this.name = "SandboxAgentError";
    this.status = status;
    this.response = response;
    if (problem !== undefined) this.problem = problem;
  }
}

/** The agent answered a request with a JSON-RPC error, or its process ended (-32603, `data.exitCode`). */
export class AcpRpcError extends Error {
  readonly code: number;
  declare readonly data?: unknown;

  constructor(code: number, message: string, data?: unknown, options?: ErrorOptions) {
    super(message, options);
    this.name = "AcpRpcError";
    this.code = code;
    if (data !== undefined) this.data = data;
  }
}

/** The sandbox behind an id no longer exists. */
export class SandboxDestroyedError extends HoldfastError {
  readonly sandboxId: string;
  readonly provider: string;

  constructor(sandboxId: string, provider: string, options: { cause?: unknown } = {}) {
    super("sandbox", "sandbox_destroyed", `Sandbox "${sandboxId}" of ${provider} no longer exists`, {
      statusCode: 410,
      metadata: { sandboxId, provider },
      cause: options.cause,
    });
    this.name = "SandboxDestroyedError";
    this.sandboxId = sandboxId;
    this.provider = provider;
  }
}

/** The session has nothing of this category (`model`, `mode`, `thought_level`) to set. */
export class UnsupportedSessionCategoryError extends HoldfastError {
  readonly sessionId: string;
  readonly category: string;
  readonly availableCategories: string[];

  constructor(sessionId: string, category: string, availableCategories: string[]) {
    const offer = availableCategories.join(", ") || "none";
    const message = `Session "${sessionId}" has no "${category}" to set; it has: ${offer}`;
    super("sandbox", "unsupported_session_category", message, { statusCode: 400 });
    this.name = "UnsupportedSessionCategoryError";
    this.sessionId = sessionId;
    this.category = category;
    this.availableCategories = availableCategories;
  }
}

/** The session's agent does not offer this value for the option of that category. */
export class UnsupportedSessionValueError extends HoldfastError {
  readonly sessionId: string;
  readonly category: string;
  readonly configId: string;
  readonly requestedValue: string;
  readonly allowedValues: string[];

  constructor(
    sessionId: string,
    category: string,
    configId: string,
    requestedValue: string,
    allowedValues: string[],
  ) {
    const offer = allowedValues.join(", ") || "none";
    const message = `Session "${sessionId}" does not take "${requestedValue}" for ${category}; it takes: ${offer}`;
    super("sandbox", "unsupported_session_value", message, { statusCode: 400 });
    this.name = "UnsupportedSessionValueError";
    this.sessionId = sessionId;
    this.category = category;
    this.configId = configId;
    this.requestedValue = requestedValue;
    this.allowedValues = allowedValues;
  }
}

/** The session's agent has no option with this id. */
export class UnsupportedSessionConfigOptionError extends HoldfastError {
  readonly sessionId: string;
  readonly configId: string;
  readonly availableConfigIds: string[];

  constructor(sessionId: string, configId: string, availableConfigIds: string[]) {
    const offer = availableConfigIds.join(", ") || "none";
    const message = `Session "${sessionId}" has no option "${configId}"; it has: ${offer}`;
    super("sandbox", "unsupported_session_option", message, { statusCode: 400 });
    this.name = "UnsupportedSessionConfigOptionError";
    this.sessionId = sessionId;
    this.configId = configId;
    this.availableConfigIds = availableConfigIds;
  }
}

/** The question cannot be answered so: the agent offers none of the options that would mean it. */
export class UnsupportedPermissionReplyError extends HoldfastError {
  readonly permissionId: string;
  readonly requestedReply: PermissionReply;
  readonly availableReplies: PermissionReply[];

  constructor(permissionId: string, requestedReply: PermissionReply, availableReplies: PermissionReply[]) {
    const offer = availableReplies.join(", ") || "none";
    const message = `Permission "${permissionId}" does not take "${requestedReply}"; it takes: ${offer}`;
    super("sandbox", "unsupported_permission_reply", message, { statusCode: 400 });
    this.name = "UnsupportedPermissionReplyError";
    this.permissionId = permissionId;
    this.requestedReply = requestedReply;
    this.availableReplies = availableReplies;
  }
}
