import type {
  ActorConnection,
  ActorInstance,
  ActorPosition,
  ConnectionMemory,
  ConnectionSink,
  HibernatedConnection,
  OutgoingEvent,
} from "@holdfast/actors";
import type { ResumePoint } from "@holdfast/client";
import type { ActorAddress } from "../cluster/residents.ts";
import type { EventLog, KeptEvents } from "../sessions/event-log.ts";

/** The server's end of a connection whose actor is not in memory. */
export interface HibernatingConnection {
  readonly sink: ConnectionSink;
  /** Without the parts that are unknown. */
  readonly memory: Partial<ConnectionMemory>;
  /** True if its client is disconnected. */
  readonly isLost: () => boolean;
  /** What its client needs to continue at the actor's next node; undefined if it cannot. */
  resumable?(): ResumableState | undefined;
  /** Ends the connection, so that its client connects to the actor's next node. */
  moved(): void;
}

/** What a client's next connection continues from. */
export interface ResumableState {
  /** The names under which the client may ask for it. */
  readonly tokens: readonly string[];
  readonly kept: KeptEvents;
}

/** An actor out of memory, whose connections this process holds. */
export interface HeldActor extends ActorPosition {
  /** The same object as long as the actor is out of memory. */
  readonly address: ActorAddress;
  readonly connections: ReadonlyMap<string, HibernatingConnection>;
}

/** What a client has missed, and the log that continues with the next event. */
export interface MissedEvents {
  readonly log: EventLog;
  readonly missed: readonly OutgoingEvent[];
}

/** A connection that its client may resume, as the connection that continues it sees it. */
export interface ResumableSession {
  /** Order of the attempts to connect: a later one continues an earlier one, and never the other way round. */
  readonly attempt: number;
  /** Called when the client has reconnected before its old socket was found dead. */
  replaced(): void;
  /** The actor's end of this connection, if the missed events are still kept. */
  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined;
  /** Passes the missed events to the connection that continues this one, and ends. */
  handOver(received: number): MissedEvents | undefined;
  /** Called when the client will not return. */
  end(): void;
}

/** The connections of this process that outlive their actor's sleep, or their own socket. */
export class HibernatingConnections {
  readonly #byActor = new Map<
    string,
    HeldActor & { readonly connections: Map<string, HibernatingConnection> }
  >();
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
  #attempts = 0;

  /** A number for the next attempt of a client to connect. */
  nextAttempt(): number {
    return ++this.#attempts;
  }

  /** Called when the actor has gone to sleep, and before its instance has left memory. */
  hold(actorId: string, connId: string, held: HibernatingConnection): void {
    const instance = this.#instanceOf(actorId);
    if (instance === undefined || !this.#mayHold(instance)) return held.moved();
    const ofActor = this.#byActor.get(actorId);
    if (ofActor !== undefined) {
      ofActor.connections.set(connId, held);
      return;
    }
    const { id, name, key, epoch, version } = instance;
    const address = { name, key };
    this.#byActor.set(id, { id, epoch, version, address, connections: new Map([[connId, held]]) });
  }

  /** Takes over a connection of an actor that is out of memory, and that only this host serves. */
  adopt(actorId: string, connId: string, held: HibernatingConnection): void {
    const ofActor = this.#byActor.get(actorId);
    if (ofActor !== undefined) ofActor.connections.set(connId, held);
    else {
      const nowhere = { epoch: 0, version: 0, address: { name: "", key: [] } };
      this.#byActor.set(actorId, { id: actorId, ...nowhere, connections: new Map([[connId, held]]) });
    }
  }

  /** Called when this process has acquired the actor again. */
  reposition({ id, epoch, version }: ActorPosition): void {
    const ofActor = this.#byActor.get(id);
    if (ofActor !== undefined) this.#byActor.set(id, { ...ofActor, epoch, version });
  }

  /** Called when the client will not return. */
  drop(actorId: string, connId: string): void {
    const ofActor = this.#byActor.get(actorId);
    ofActor?.connections.delete(connId);
    if (ofActor?.connections.size === 0) this.#byActor.delete(actorId);
  }

  /** The actors out of memory whose connections are held. */
  actors(): Iterable<HeldActor> {
    return this.#byActor.values();
  }

  held(actorId: string): HeldActor | undefined {
    return this.#byActor.get(actorId);
  }

  /** Ends the connections of actors that another node serves from now on. */
  release(isReleased: (address: ActorAddress) => boolean): void {
    for (const [actorId, { address, connections }] of this.#byActor) {
      if (!isReleased(address)) continue;
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
