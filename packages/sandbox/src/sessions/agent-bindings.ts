import type { AcpInstance } from "../acp/instance.ts";
import type { Message } from "../acp/message.ts";

/** ACP server id of the instance that is made for a session. */
export function ownServerId(sessionId: string): string {
  return `session-${sessionId}`;
}

/** The part of a session that the bindings read. */
export interface BoundSession {
  readonly isInTurn: boolean;
}

/** The sessions of one agent process. */
class Binding<Session extends BoundSession> {
  /** The session that the instance was created for: every message on it belongs to this session. */
  owner: Session | undefined;
  readonly byAgentId = new Map<string, Session>();
  /** Sessions whose agent request waits for an answer, by request id, oldest first. */
  readonly #askers = new Map<string, Session[]>();

  addQuestion(key: string, session: Session): void {
    const askers = this.#askers.get(key);
    if (askers) askers.push(session);
    else this.#askers.set(key, [session]);
  }

  /** The session that an answer is for; removes it. */
  takeAsker(key: string): Session | undefined {
    const [asker, ...others] = this.#askers.get(key) ?? [];
    this.#keep(key, others);
    return asker;
  }

  /** The agent ended: its request ids may be used again by the next one. */
  agentGone(): void {
    this.#askers.clear();
  }

  forget(session: Session): void {
    if (this.owner === session) this.owner = undefined;
    for (const [id, other] of this.byAgentId) if (other === session) this.byAgentId.delete(id);
    for (const [key, askers] of this.#askers)
      this.#keep(
        key,
        askers.filter((asker) => asker !== session),
      );
  }

  #keep(key: string, askers: Session[]): void {
    if (askers.length > 0) this.#askers.set(key, askers);
    else this.#askers.delete(key);
  }
}

/** Maps messages of agent processes to the sessions that they belong to. */
export class AgentBindings<Session extends BoundSession> {
  readonly #bindings = new Map<AcpInstance, Binding<Session>>();

  own(instance: AcpInstance, session: Session): void {
    this.#of(instance).owner = session;
  }

  claim(instance: AcpInstance, agentSessionId: string, session: Session): void {
    this.#of(instance).byAgentId.set(agentSessionId, session);
  }

  release(session: Session): void {
    for (const binding of this.#bindings.values()) binding.forget(session);
  }

  agentGone(instance: AcpInstance): void {
    this.#bindings.get(instance)?.agentGone();
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

  /** The session of a client's message. */
  forClientMessage(instance: AcpInstance, message: Message): Session | undefined {
    const binding = this.#bindings.get(instance);
    if (!binding) return undefined;
    if (message.kind === "response") return binding.takeAsker(message.key ?? "") ?? binding.owner;
    return this.byAgentSessionId(instance, message.sessionId) ?? binding.owner;
  }

  /**
   * The session of an agent's message. An unclaimed session id is that of a sub-agent: the message belongs to
   * the only session, or to the only one that is in a turn.
   */
  forAgentMessage(instance: AcpInstance, message: Message): Session | undefined {
    const binding = this.#bindings.get(instance);
    if (!binding) return undefined;
    const session =
      this.byAgentSessionId(instance, message.sessionId) ?? binding.owner ?? this.#only(binding, message);
    if (session && message.kind === "request") binding.addQuestion(message.key ?? "", session);
    return session;
  }

  #only(binding: Binding<Session>, message: Message): Session | undefined {
    if (message.sessionId === undefined) return undefined;
    const all = [...new Set(binding.byAgentId.values())];
    const candidates = all.length === 1 ? all : all.filter((session) => session.isInTurn);
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  #of(instance: AcpInstance): Binding<Session> {
    const known = this.#bindings.get(instance);
    if (known) return known;
    const binding = new Binding<Session>();
    this.#bindings.set(instance, binding);
    return binding;
  }
}
