import { HoldfastError, systemRandom, uuidv4 } from "@holdfast/core";
import { UnsupportedPermissionReplyError } from "../errors.ts";
import type {
  PermissionReply,
  PermissionRequestListener,
  SessionPermissionRequest,
} from "../sessions/sessions.ts";
import type {
  PermissionOptionKind,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from "./acp-types.ts";
import { SessionListeners } from "./listeners.ts";

const kindsOf: Readonly<Record<PermissionReply, readonly PermissionOptionKind[]>> = {
  once: ["allow_once"],
  always: ["allow_always", "allow_once"],
  reject: ["reject_once", "reject_always"],
};
const replies: readonly PermissionReply[] = ["once", "always", "reject"];
const cancelled: RequestPermissionResponse = { outcome: { outcome: "cancelled" } };

interface Pending {
  readonly request: SessionPermissionRequest;
  readonly settle: (response: RequestPermissionResponse) => void;
}

/** Questions of agents that wait for an answer. */
export class PendingPermissions {
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new SessionListeners<SessionPermissionRequest>();

  onRequest(sessionId: string, listener: PermissionRequestListener): () => void {
    return this.#listeners.add(sessionId, listener);
  }

  /** Asks the listeners. Without one, or if all throw, the answer is immediately "cancelled". */
  ask(
    sessionId: string,
    agentSessionId: string,
    rawRequest: RequestPermissionRequest,
  ): Promise<RequestPermissionResponse> {
    if (!this.#listeners.has(sessionId)) return Promise.resolve(cancelled);
    const options = rawRequest.options.map(({ optionId, name, kind }) => ({ optionId, name, kind }));
    const request: SessionPermissionRequest = {
      id: uuidv4(systemRandom),
      createdAt: Date.now(),
      sessionId,
      agentSessionId,
      availableReplies: replies.filter((reply) => offers(rawRequest, reply)),
      options,
      toolCall: rawRequest.toolCall,
      rawRequest,
    };
    return new Promise((resolve) => {
      this.#pending.set(request.id, { request, settle: resolve });
      const taken = this.#listeners.call(sessionId, request);
      // Some may have answered, or handed it on, before they threw.
      if (taken === 0 && this.#pending.delete(request.id)) resolve(cancelled);
    });
  }

  reply(permissionId: string, reply: PermissionReply): void {
    const { request } = this.#find(permissionId);
    // Untyped callers can pass anything; an invalid reply must not end the wait.
    const optionId = replies.includes(reply) ? optionFor(request.rawRequest, reply) : undefined;
    if (optionId === undefined)
      throw new UnsupportedPermissionReplyError(permissionId, reply, request.availableReplies);
    this.respond(permissionId, { outcome: { outcome: "selected", optionId } });
  }

  respond(permissionId: string, response: RequestPermissionResponse): void {
    const { settle } = this.#find(permissionId);
    this.#pending.delete(permissionId);
    settle(response);
  }

  /** Answers "cancelled" to everything that a session has asked, or all sessions. */
  cancel(sessionId?: string): void {
    for (const [id, { request, settle }] of this.#pending) {
      if (sessionId !== undefined && request.sessionId !== sessionId) continue;
      this.#pending.delete(id);
      settle(cancelled);
    }
  }

  #find(permissionId: string): Pending {
    const pending = this.#pending.get(permissionId);
    if (pending) return pending;
    throw new HoldfastError(
      "sandbox",
      "permission_not_pending",
      `No permission "${permissionId}" waits for an answer: it was answered, or its turn has ended`,
      { statusCode: 404 },
    );
  }
}

/** "always" is offered only if the agent offers it; otherwise it is treated as "once". */
function offers(request: RequestPermissionRequest, reply: PermissionReply): boolean {
  const lasting = request.options.some(({ kind }) => kind === "allow_always");
  return reply === "always" ? lasting : optionFor(request, reply) !== undefined;
}

function optionFor(request: RequestPermissionRequest, reply: PermissionReply): string | undefined {
  for (const kind of kindsOf[reply]) {
    const option = request.options.find((candidate) => candidate.kind === kind);
    if (option !== undefined) return option.optionId;
  }
  return undefined;
}
