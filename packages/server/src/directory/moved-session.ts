import type {
  ActorConnection,
  ConnectionMemory,
  ConnectionSink,
  HibernatedConnection,
} from "@holdfast/actors";
import type { ResumePoint } from "@holdfast/client";
import type { Ports, Timer } from "@holdfast/core";
import type { ResumeLimits } from "../limits.ts";
import { EventLog } from "../sessions/event-log.ts";
import type { HibernatingConnections, MissedEvents, ResumableSession } from "./hibernating-connections.ts";
import type { MovedConnection } from "./moved-format.ts";

export interface MovedSessionHost {
  readonly hibernating: HibernatingConnections;
  readonly ports: Pick<Ports, "tasks">;
  readonly resumeLimits: ResumeLimits;
}

/**
 * A connection that came with its actor from another node, and whose client has not connected here yet. It keeps what
 * the client misses, for the resume window.
 */
export class MovedSession implements ResumableSession {
  /** Before every attempt of its client at this node. */
  readonly attempt = 0;
  readonly #host: MovedSessionHost;
  readonly #actorId: string;
  readonly #moved: MovedConnection;
  readonly #log: EventLog;
  readonly #expiry: Timer;
  readonly #sink: ConnectionSink;
  #connection: ActorConnection | undefined;
  #isEnded = false;

  constructor(host: MovedSessionHost, actorId: string, moved: MovedConnection) {
    this.#host = host;
    this.#actorId = actorId;
    this.#moved = moved;
    this.#log = new EventLog(host.resumeLimits, moved.kept);
    this.#expiry = host.ports.tasks.after(host.resumeLimits.windowMs, () => this.end());
    this.#sink = {
      send: (event) => {
        if (!this.#isEnded) this.#log.push(event);
      },
      close: () => this.end(),
      hibernate: (memory) => this.#actorSlept(memory),
      awake: (connection) => this.#actorWoke(connection),
    };
    for (const token of moved.tokens) host.hibernating.register(token, this);
  }

  /** The connection as the actor adopts it. */
  get held(): HibernatedConnection {
    const { id, memory } = this.#moved;
    return { id, memory, sink: this.#sink, isLost: true };
  }

  // ResumableSession

  /** Its socket was closed by the other node. */
  replaced(): void {}

  connectionFor(actorId: string | undefined, point: ResumePoint | undefined): ActorConnection | undefined {
    if (actorId !== this.#actorId || point === undefined) return undefined;
    return this.#log.since(point.received) === undefined ? undefined : this.#connection;
  }

  handOver(received: number): MissedEvents | undefined {
    const missed = this.#isEnded ? undefined : this.#log.since(received);
    this.end();
    return missed === undefined ? undefined : { log: this.#log, missed };
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#expiry.cancel();
    const { hibernating } = this.#host;
    for (const token of this.#moved.tokens) hibernating.unregister(token);
    if (this.#connection !== undefined) this.#connection.close();
    else hibernating.drop(this.#actorId, this.#moved.id);
  }

  #actorSlept(memory: ConnectionMemory): void {
    this.#connection = undefined;
    if (this.#isEnded) return;
    this.#host.hibernating.hold(this.#actorId, this.#moved.id, {
      ...{ sink: this.#sink, memory, isLost: () => true },
      resumable: () => ({ tokens: this.#moved.tokens, kept: this.#log.kept() }),
      moved: () => this.end(),
    });
  }

  #actorWoke(connection: ActorConnection): void {
    if (this.#isEnded) return connection.close();
    this.#connection = connection;
  }
}
