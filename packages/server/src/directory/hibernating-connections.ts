import type { ConnectionMemory, ConnectionSink, HibernatedConnection } from "@holdfast/actors";

/** The server's end of a connection whose actor is not in memory. */
export interface HibernatingConnection {
  readonly sink: ConnectionSink;
  readonly memory: ConnectionMemory;
  /** Whether its client is away. */
  readonly isLost: () => boolean;
}

/** The connections of this process that outlive their actor's sleep, or their own socket. */
export class HibernatingConnections<Session> {
  readonly #byActor = new Map<string, Map<string, HibernatingConnection>>();
  readonly #byToken = new Map<string, Session>();

  /** The actor has gone to sleep. */
  hold(actorId: string, connId: string, held: HibernatingConnection): void {
    const ofActor = this.#byActor.get(actorId);
    if (ofActor === undefined) this.#byActor.set(actorId, new Map([[connId, held]]));
    else ofActor.set(connId, held);
  }

  /** The client is gone for good. */
  drop(actorId: string, connId: string): void {
    const ofActor = this.#byActor.get(actorId);
    ofActor?.delete(connId);
    if (ofActor?.size === 0) this.#byActor.delete(actorId);
  }

  /** Hands the connections of an actor to its next instance. */
  take(actorId: string): readonly HibernatedConnection[] {
    const ofActor = this.#byActor.get(actorId);
    if (ofActor === undefined) return [];
    this.#byActor.delete(actorId);
    return [...ofActor].map(([id, { sink, memory, isLost }]) => ({
      id,
      sink,
      memory,
      isLost: isLost(),
    }));
  }

  /** Connections whose actors are not in memory. */
  get size(): number {
    let size = 0;
    for (const ofActor of this.#byActor.values()) size += ofActor.size;
    return size;
  }

  register(token: string, session: Session): void {
    this.#byToken.set(token, session);
  }

  unregister(token: string): void {
    this.#byToken.delete(token);
  }

  /** The connection that a client names. */
  byToken(token: string): Session | undefined {
    return this.#byToken.get(token);
  }
}
