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
  /** True if its client is disconnected. */
  readonly isLost: () => boolean;
}

/** A connection that its client may resume, as the connection that continues it sees it. */
export interface ResumableSession {
  /** Called when the client has reconnected before its old socket was found dead. */
  replaced(): void;
  /** The actor's end of this connection, if the missed events are still kept. */
  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined;
  /** Passes the missed events to the connection that continues this one, and ends. */
  handOver(
    received: number,
  ): { readonly log: EventLog; readonly missed: readonly OutgoingEvent[] } | undefined;
  /** Called when the client will not return. */
  end(): void;
}

/** The connections of this process that outlive their actor's sleep, or their own socket. */
export class HibernatingConnections {
  readonly #byActor = new Map<string, Map<string, HibernatingConnection>>();
  readonly #byToken = new Map<string, ResumableSession>();

  /** Called when the actor has gone to sleep. */
  hold(actorId: string, connId: string, held: HibernatingConnection): void {
    const ofActor = this.#byActor.get(actorId);
    if (ofActor === undefined) this.#byActor.set(actorId, new Map([[connId, held]]));
    else ofActor.set(connId, held);
  }

  /** Called when the client will not return. */
  drop(actorId: string, connId: string): void {
    const ofActor = this.#byActor.get(actorId);
    ofActor?.delete(connId);
    if (ofActor?.size === 0) this.#byActor.delete(actorId);
  }

  /** Passes the connections of an actor to its next instance. */
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

  /** Number of connections whose actors are not in memory. */
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

  /** Finds the connection that a client wants to resume. */
  byToken(token: string): ResumableSession | undefined {
    return this.#byToken.get(token);
  }
}
