import type { AcpInstance } from "../acp/instance.ts";
import type { Message } from "../acp/message.ts";

/** ACP server id of the instance that is created for a session. */
export function ownServerId(sessionId: string): string {
  return `session-${sessionId}`;
}

/** The part of a session that the bindings read. */
export interface BoundSession {
  readonly isInTurn: boolean;
}

/** The sessions of one agent process. */
class Binding<Session extends BoundSession> {
  /** The session that the instance was created for. All messages of the instance belong to it. */
  owner: Session | undefined;
  readonly byAgentId = new Map<string, Session>();
  /** Sessions with an unanswered request of the agent, by request id, oldest first. */
  readonly #askers = new Map<string, Session[]>();

  addQuestion(key: string, session: Session): void {
    const askers = this.#askers.get(key);
    if (askers) askers.push(session);
    else this.#askers.set(key, [session]);
  }

  /** Removes and returns the session that an answer is for. */
  takeAsker(key: string): Session | undefined {
    const [asker, ...others] = this.#askers.get(key) ?? [];
    this.#setAskers(key, others);
    return asker;
  }

  /** The agent exited: its successor may reuse its request ids. */
  clearQuestions(): void {
    this.#askers.clear();
  }

  forget(session: Session): void {
    if (this.owner === session) this.owner = undefined;
    for (const [id, other] of this.byAgentId) if (other === session) this.byAgentId.delete(id);
    for (const [key, askers] of this.#askers)
      this.#setAskers(
        key,
        askers.filter((asker) => asker !== session),
      );
  }

  #setAskers(key: string, askers: Session[]): void {
    if (askers.length > 0) this.#askers.set(key, askers);
    else this.#askers.delete(key);
  }
}

/** Maps messages of agent processes to the sessions that they belong to. */
export class AgentBindings<Session extends BoundSession> {
  readonly #bindings = new Map<AcpInstance, Binding<Session>>();

  own(instance: AcpInstance, session: Session): void {
    this.#bindingFor(instance).owner = session;
  }

  claim(instance: AcpInstance, agentSessionId: string, session: Session): void {
    this.#bindingFor(instance).byAgentId.set(agentSessionId, session);
  }

  release(session: Session): void {
    for (const binding of this.#bindings.values()) binding.forget(session);
  }

  onAgentExit(instance: AcpInstance): void {
    this.#bindings.get(instance)?.clearQuestions();
  }

  forget(instance: AcpInstance): void {
    this.#bindings.delete(instance);
  }

  /** All sessions of the instance. */
  all(instance: AcpInstance): Set<Session> {
    const binding = this.#bindings.get(instance);
    if (!binding) return new Set();
    return new Set([...(binding.owner ? [binding.owner] : []), ...binding.byAgentId.values()]);
  }

  byAgentSessionId(instance: AcpInstance, agentSessionId: string | undefined): Session | undefined {
    if (agentSessionId === undefined) return undefined;
    return this.#bindings.get(instance)?.byAgentId.get(agentSessionId);
  }

  /** Finds the session of a client's message. */
  forClientMessage(instance: AcpInstance, message: Message): Session | undefined {
    const binding = this.#bindings.get(instance);
    if (!binding) return undefined;
    if (message.kind === "response") return binding.takeAsker(message.key ?? "") ?? binding.owner;
    return this.byAgentSessionId(instance, message.sessionId) ?? binding.owner;
  }

  /**
   * Finds the session of an agent's message. An unclaimed session id belongs to a sub-agent: then the message belongs
   * to the only session, or to the only one in a turn.
   */
  forAgentMessage(instance: AcpInstance, message: Message): Session | undefined {
    const binding = this.#bindings.get(instance);
    if (!binding) return undefined;
    const session =
      this.byAgentSessionId(instance, message.sessionId) ??
      binding.owner ??
      this.#onlyCandidate(binding, message);
    if (session && message.kind === "request") binding.addQuestion(message.key ?? "", session);
    return session;
  }

  #onlyCandidate(binding: Binding<Session>, message: Message): Session | undefined {
    if (message.sessionId === undefined) return undefined;
    const all = [...new Set(binding.byAgentId.values())];
    const candidates = all.length === 1 ? all : all.filter((session) => session.isInTurn);
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  #bindingFor(instance: AcpInstance): Binding<Session> {
    const known = this.#bindings.get(instance);
    if (known) return known;
    const binding = new Binding<Session>();
    this.#bindings.set(instance, binding);
    return binding;
  }
}
