import type { AcpInstance, AcpObserver } from "../../acp/instance.ts";
import type { Message } from "../../acp/message.ts";
import type { PendingRequest } from "../../acp/pending.ts";
import { isRecord } from "../../http/problem.ts";
import type { AgentBindings } from "../agent-bindings.ts";
import type { Session } from "../session.ts";
import type { SessionRecord } from "../types.ts";

/** The part of the session registry that the observer uses. */
export interface SessionAdopter {
  /** Creates a session for a client of the raw routes. */
  adopt(seed: Pick<SessionRecord, "agent" | "cwd" | "mcpServers">): Session;
  /** Finds the loaded or stored session that has this id at the agent. */
  findByAgent(agent: string, agentSessionId: string): Session | undefined;
  /** Removes a session that the agent could not open. */
  discard(session: Session): void;
}

const opening = new Set(["session/load", "session/resume"]);

/** Dispatches the messages of agent processes to the sessions that they belong to. */
export class SessionObserver implements AcpObserver {
  readonly #bindings: AgentBindings<Session>;
  readonly #adopter: SessionAdopter;
  /** Sessions created for a load or resume that is not answered yet. */
  readonly #provisional = new Set<Session>();

  constructor(bindings: AgentBindings<Session>, adopter: SessionAdopter) {
    this.#bindings = bindings;
    this.#adopter = adopter;
  }

  toAgent(instance: AcpInstance, message: Message, internal: boolean): void {
    if (!internal && message.kind === "request" && opening.has(message.method ?? "")) {
      this.#adoptForLoad(instance, message);
    }
    this.#bindings.forClientMessage(instance, message)?.onMessageToAgent(message, internal);
  }

  fromAgent(instance: AcpInstance, message: Message, answered: PendingRequest | undefined): "pass" | "hold" {
    if (!answered)
      return (
        this.#bindings.forAgentMessage(instance, message)?.onMessageFromAgent(instance, message, undefined) ??
        "pass"
      );
    if (!answered.internal && (answered.method === "session/new" || answered.method === "session/fork")) {
      this.#onOpened(instance, message, answered);
    }
    const session = this.#sessionOfRequest(instance, answered);
    const routing = session?.onMessageFromAgent(instance, message, answered) ?? "pass";
    if (session && opening.has(answered.method) && !answered.internal)
      this.#onLoaded(instance, session, message);
    return routing;
  }

  refused(instance: AcpInstance, request: PendingRequest, answer: string): void {
    const session = this.#sessionOfRequest(instance, request);
    session?.onRefusal(request, answer);
    if (session && this.#provisional.delete(session)) this.#adopter.discard(session);
  }

  notice(instance: AcpInstance, notice: string): void {
    for (const session of this.#bindings.all(instance)) session.onNotice(instance, notice);
  }

  exited(instance: AcpInstance): void {
    this.#bindings.onAgentExit(instance);
    for (const session of this.#bindings.all(instance)) session.onAgentExit(instance);
  }

  beforeRequest(instance: AcpInstance, message: Message): Promise<void> | undefined {
    if (opening.has(message.method ?? "")) return undefined;
    const session = this.#bindings.byAgentSessionId(instance, message.sessionId);
    return session?.status === "detached" ? session.attachWithoutReplay() : undefined;
  }

  closed(instance: AcpInstance): void {
    this.exited(instance);
    this.#bindings.forget(instance);
  }

  #sessionOfRequest(instance: AcpInstance, request: PendingRequest): Session | undefined {
    return this.#bindings.forClientMessage(instance, request.message);
  }

  /** A raw client has opened a session: its log starts with this request and answer. */
  #onOpened(instance: AcpInstance, message: Message, request: PendingRequest): void {
    const answer: unknown = JSON.parse(message.raw);
    const result = isRecord(answer) && isRecord(answer.result) ? answer.result : {};
    if (typeof result.sessionId !== "string") return;
    if (this.#bindings.byAgentSessionId(instance, result.sessionId)) return;
    const session = this.#adopter.adopt(readSeed(instance, request.message));
    session.adopt(instance);
    session.log.append("client", request.message.raw);
    session.log.append("agent", message.raw);
    session.opened(result);
    this.#bindings.claim(instance, result.sessionId, session);
  }

  #adoptForLoad(instance: AcpInstance, message: Message): void {
    const { sessionId } = message;
    if (sessionId === undefined || this.#bindings.byAgentSessionId(instance, sessionId)) return;
    let session = this.#adopter.findByAgent(instance.agentId, sessionId);
    if (!session) {
      session = this.#adopter.adopt(readSeed(instance, message));
      session.update({ agentSessionId: sessionId });
      this.#provisional.add(session);
    }
    this.#bindings.claim(instance, sessionId, session);
  }

  #onLoaded(instance: AcpInstance, session: Session, message: Message): void {
    const isNew = this.#provisional.delete(session);
    const answer: unknown = JSON.parse(message.raw);
    if (isRecord(answer) && answer.error === undefined) {
      session.adopt(instance);
      session.opened(isRecord(answer.result) ? answer.result : {});
    } else if (isNew) this.#adopter.discard(session);
  }
}

function readSeed(
  instance: AcpInstance,
  message: Message,
): Pick<SessionRecord, "agent" | "cwd" | "mcpServers"> {
  const value: unknown = JSON.parse(message.raw);
  const params = isRecord(value) && isRecord(value.params) ? value.params : {};
  return {
    agent: instance.agentId,
    cwd: typeof params.cwd === "string" ? params.cwd : "",
    mcpServers: Array.isArray(params.mcpServers) ? params.mcpServers : [],
  };
}
