import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import type { Session } from "../../sessions/session.ts";
import type { PermissionView } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import type { RouteContext, RouteTable } from "../route-context.ts";
import type { SessionRegistry } from "../session-registry.ts";
import { type ToolReference, wirePermission, wireQuestion } from "../transcript/permissions.ts";
import type { Fields } from "../wire.ts";
import { notFound } from "./errors.ts";
import { readObject } from "./input.ts";

const replies = ["once", "always", "reject"] as const;

/** Permission requests and questions of all sessions, and the replies to them. */
export class OpenCodePermissionRoutes {
  readonly #registry: SessionRegistry;
  readonly #context: RouteContext;

  constructor(registry: SessionRegistry, context: RouteContext) {
    this.#registry = registry;
    this.#context = context;
  }

  routes(): RouteTable {
    return {
      "/opencode/permission": { GET: ({ response }) => sendJson(response, this.#permissions()) },
      "/opencode/permission/:requestID/reply": { POST: (exchange) => this.#reply(exchange) },
      "/opencode/session/:sessionID/permissions/:permissionID": {
        POST: (exchange) => this.#replyInSession(exchange),
      },
      "/opencode/question": { GET: ({ response }) => sendJson(response, this.#questions()) },
      "/opencode/question/:requestID/reply": { POST: (exchange) => this.#answerQuestion(exchange) },
      "/opencode/question/:requestID/reject": { POST: (exchange) => this.#rejectQuestion(exchange) },
    };
  }

  #permissions(): Fields[] {
    return this.#registry
      .pendingRequests("permission")
      .map((view) => wirePermission(view, this.#findTool(view)));
  }

  #questions(): Fields[] {
    return this.#registry.pendingRequests("question").map((view) => wireQuestion(view, this.#findTool(view)));
  }

  #findTool(view: PermissionView): ToolReference | undefined {
    const session = this.#registry.sessions.find(view.sessionId);
    return session && this.#registry.hub.latestTurn(session).findTool(view.toolCall.toolCallId);
  }

  async #reply(exchange: Exchange): Promise<void> {
    const { session, view } = this.#registry.findRequest("permission", exchange.params.requestID ?? "");
    await this.#sendReply(exchange, session, view);
  }

  async #replyInSession(exchange: Exchange): Promise<void> {
    const { sessionID = "", permissionID = "" } = exchange.params;
    const { session, view } = this.#registry.findRequest("permission", permissionID);
    if (this.#registry.get(sessionID) !== session) throw notFound("permission", permissionID);
    await this.#sendReply(exchange, session, view);
  }

  /** Version 1 of the SDK sends `response`, version 2 `reply`. */
  async #sendReply(exchange: Exchange, session: Session, view: PermissionView): Promise<void> {
    const fields = await readObject(exchange, this.#context.maxJsonBytes);
    const requested = fields.reply ?? fields.response;
    // The peer also accepts "allow", the word of permission rules. It allows this one request.
    const reply = requested === "allow" ? "once" : replies.find((each) => each === requested);
    if (!reply) throw invalid('reply must be "once", "always" or "reject"');
    const canReject = view.options.some(({ kind }) => kind.startsWith("reject_"));
    await session.permissions.answer(
      view.id,
      reply === "reject" && !canReject ? { cancel: true } : { reply },
    );
    await this.#registry.flush();
    sendJson(exchange.response, true);
  }

  async #answerQuestion(exchange: Exchange): Promise<void> {
    const { session, view } = this.#registry.findRequest("question", exchange.params.requestID ?? "");
    const { answers } = await readObject(exchange, this.#context.maxJsonBytes);
    const first: unknown = Array.isArray(answers) ? answers[0] : undefined;
    const label: unknown = Array.isArray(first) ? first[0] : first;
    const option = view.options.find(({ name }) => name === label);
    if (!option) {
      const offered = view.options.map(({ name }) => name).join(", ");
      throw invalid(`answers must contain one of the labels of ${wireSessionId(view.sessionId)}: ${offered}`);
    }
    await session.permissions.answer(view.id, { optionId: option.optionId });
    await this.#registry.flush();
    sendJson(exchange.response, true);
  }

  async #rejectQuestion(exchange: Exchange): Promise<void> {
    const { session, view } = this.#registry.findRequest("question", exchange.params.requestID ?? "");
    const canReject = view.options.some(({ kind }) => kind.startsWith("reject_"));
    await session.permissions.answer(view.id, canReject ? { reply: "reject" } : { cancel: true });
    await this.#registry.flush();
    sendJson(exchange.response, true);
  }
}
