import type {
  ActorConnection,
  ActorInstance,
  ConnectionMemory,
  ConnectionSink,
  HibernatedConnection,
  OutgoingEvent,
} from "@holdfast/actors";
import type { ResumePoint } from "@holdfast/client";
import type { ActorKey } from "@holdfast/core";
import type { EventLog } from "../sessions/event-log.ts";

/** The server's end of a connection whose actor is not in memory. */
export interface HibernatingConnection {
  readonly sink: ConnectionSink;
  readonly memory: ConnectionMemory;
  /** True if its client is disconnected. */
  readonly isLost: () => boolean;
  /** Ends the connection, so that its client connects to the actor's next node. */
  moved(): void;
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

interface HeldConnections {
  /** Undefined if the actor was not in memory any more. */
  readonly address: Pick<ActorInstance, "name" | "key"> | undefined;
  readonly connections: Map<string, HibernatingConnection>;
}

/** The connections of this process that outlive their actor's sleep, or their own socket. */
export class HibernatingConnections {
  readonly #byActor = new Map<string, HeldConnections>();
  readonly #instanceOf: (actorId: string) => ActorInstance | undefined;
  readonly #mayHold: (instance: ActorInstance) => boolean;

  /** `mayHold` is false for an instance whose actor another node may serve by now. */
  constructor(
    instanceOf: (actorId: string) => ActorInstance | undefined,
    mayHold: (instance: ActorInstance) => boolean,
  ) {
    this.#instanceOf = instanceOf;
    this.#mayHold = mayHold;
  }

  readonly #byToken = new Map<string, ResumableSession>();

  /** Called when the actor has gone to sleep. */
  hold(actorId: string, connId: string, held: HibernatingConnection): void {
    const instance = this.#instanceOf(actorId);
    if (instance !== undefined && !this.#mayHold(instance)) return held.moved();
    const ofActor = this.#byActor.get(actorId);
    if (ofActor !== undefined) ofActor.connections.set(connId, held);
    else {
      this.#byActor.set(actorId, {
        address: instance && { name: instance.name, key: instance.key },
        connections: new Map([[connId, held]]),
      });
    }
  }

  /** Called when the client will not return. */
  drop(actorId: string, connId: string): void {
    const ofActor = this.#byActor.get(actorId);
    ofActor?.connections.delete(connId);
    if (ofActor?.connections.size === 0) this.#byActor.delete(actorId);
  }

  /** Ends the connections of actors that another node serves from now on. */
  release(isReleased: (name: string, key: ActorKey) => boolean): void {
    for (const [actorId, { address, connections }] of this.#byActor) {
      if (address === undefined || !isReleased(address.name, address.key)) continue;
      this.#byActor.delete(actorId);
      for (const connection of connections.values()) connection.moved();
    }
  }

  /** Passes the connections of an actor to its next instance. */
  take(actorId: string): readonly HibernatedConnection[] {
    const ofActor = this.#byActor.get(actorId);
    if (ofActor === undefined) return [];
    this.#byActor.delete(actorId);
    return [...ofActor.connections].map(([id, { sink, memory, isLost }]) => ({
      id,
      sink,
      memory,
      isLost: isLost(),
    }));
  }

  /** Number of connections whose actors are not in memory. */
  get size(): number {
    let size = 0;
    for (const { connections } of this.#byActor.values()) size += connections.size;
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
