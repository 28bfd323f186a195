import { type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import type { Session } from "../../sessions/session.ts";
import type { PermissionView } from "../../sessions/types.ts";
import { wireSessionId } from "../ids.ts";
import type { SessionRegistry } from "../session-registry.ts";
import type { RouteTable, Shared } from "../shared.ts";
import { type AskedTool, wirePermission, wireQuestion } from "../transcript/questions.ts";
import type { Fields } from "../wire.ts";
import { notThere } from "./errors.ts";
import { readFields } from "./input.ts";

const replies = ["once", "always", "reject"] as const;

/** Permissions and questions of all sessions, and their answers. */
export class OpenCodeAskRoutes {
  readonly #desk: SessionRegistry;
  readonly #shared: Shared;

  constructor(desk: SessionRegistry, shared: Shared) {
    this.#desk = desk;
    this.#shared = shared;
  }

  routes(): RouteTable {
    return {
      "/opencode/permission": { GET: ({ response }) => sendJson(response, this.#permissions()) },
      "/opencode/permission/:requestID/reply": { POST: (exchange) => this.#reply(exchange) },
      "/opencode/session/:sessionID/permissions/:permissionID": {
        POST: (exchange) => this.#replyInSession(exchange),
      },
      "/opencode/question": { GET: ({ response }) => sendJson(response, this.#questions()) },
      "/opencode/question/:requestID/reply": { POST: (exchange) => this.#choose(exchange) },
      "/opencode/question/:requestID/reject": { POST: (exchange) => this.#refuse(exchange) },
    };
  }

  #permissions(): Fields[] {
    return this.#desk.asked("permission").map((view) => wirePermission(view, this.#tool(view)));
  }

  #questions(): Fields[] {
    return this.#desk.asked("question").map((view) => wireQuestion(view, this.#tool(view)));
  }

  #tool(view: PermissionView): AskedTool | undefined {
    const session = this.#desk.sessions.find(view.sessionId);
    return session && this.#desk.hub.latest(session).tool(view.toolCall.toolCallId);
  }

  async #reply(exchange: Exchange): Promise<void> {
    const { session, view } = this.#desk.ask("permission", exchange.params.requestID ?? "");
    await this.#answer(exchange, session, view);
  }

  async #replyInSession(exchange: Exchange): Promise<void> {
    const { sessionID = "", permissionID = "" } = exchange.params;
    const { session, view } = this.#desk.ask("permission", permissionID);
    if (this.#desk.get(sessionID) !== session) throw notThere("permission", permissionID);
    await this.#answer(exchange, session, view);
  }

  /** Version 1 of the SDK calls the answer `response`, version 2 `reply`. */
  async #answer(exchange: Exchange, session: Session, view: PermissionView): Promise<void> {
    const fields = await readFields(exchange, this.#shared.maxJsonBytes);
    const given = fields.reply ?? fields.response;
    // The peer also takes the word by which rules allow; such a program means this one request.
    const reply = given === "allow" ? "once" : replies.find((each) => each === given);
    if (!reply) throw invalid('reply must be "once", "always" or "reject"');
    const offersNo = view.options.some(({ kind }) => kind.startsWith("reject_"));
    await session.permissions.answer(view.id, reply === "reject" && !offersNo ? { cancel: true } : { reply });
    await this.#desk.kept();
    sendJson(exchange.response, true);
  }

  async #choose(exchange: Exchange): Promise<void> {
    const { session, view } = this.#desk.ask("question", exchange.params.requestID ?? "");
    const { answers } = await readFields(exchange, this.#shared.maxJsonBytes);
    const first: unknown = Array.isArray(answers) ? answers[0] : undefined;
    const label: unknown = Array.isArray(first) ? first[0] : first;
    const option = view.options.find(({ name }) => name === label);
    if (!option) {
      const offered = view.options.map(({ name }) => name).join(", ");
      throw invalid(`answers must have one of the labels of ${wireSessionId(view.sessionId)}: ${offered}`);
    }
    await session.permissions.answer(view.id, { optionId: option.optionId });
    await this.#desk.kept();
    sendJson(exchange.response, true);
  }

  async #refuse(exchange: Exchange): Promise<void> {
    const { session, view } = this.#desk.ask("question", exchange.params.requestID ?? "");
    const offersNo = view.options.some(({ kind }) => kind.startsWith("reject_"));
    await session.permissions.answer(view.id, offersNo ? { reply: "reject" } : { cancel: true });
    await this.#desk.kept();
    sendJson(exchange.response, true);
  }
}
