import type {
  ActorConnection,
  ConnectionMemory,
  ConnectionSink,
  HibernatedConnection,
  OutgoingEvent,
} from "@holdfast/actors";
import type { ResumePoint } from "@holdfast/client";
import type { EventLog } from "../sessions/event-log.ts";

/** The server's end of a connection whose actor is not in memory. */
export interface HibernatingConnection {
  readonly sink: ConnectionSink;
  readonly memory: ConnectionMemory;
  /** Whether its client is away. */
  readonly isLost: () => boolean;
}

/** A connection that its client may come back to, as the connection that goes on with it sees it. */
export interface ResumableSession {
  /** The client is back before its old socket was seen to be dead. */
  replaced(): void;
  /** The actor's end of this connection, if what the client missed is still here. */
  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined;
  /** Gives what the client missed to the connection that goes on, and ends. */
  handOver(
    received: number,
  ): { readonly log: EventLog; readonly missed: readonly OutgoingEvent[] } | undefined;
  /** The client has gone away for good. */
  end(): void;
}

/** The connections of this process that outlive their actor's sleep, or their own socket. */
export class HibernatingConnections {
  readonly #byActor = new Map<string, Map<string, HibernatingConnection>>();
  readonly #byToken = new Map<string, ResumableSession>();

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

  register(token: string, session: ResumableSession): void {
    this.#byToken.set(token, session);
  }

  unregister(token: string): void {
    this.#byToken.delete(token);
  }

  /** The connection that a client names. */
  byToken(token: string): ResumableSession | undefined {
    return this.#byToken.get(token);
  }
}
