import type { OutgoingEvent } from "../../ports/outgoing-event.ts";
import type { BroadcastTarget } from "../../types.ts";
import { checkEventName, encodeEvent } from "../calls/event-values.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import type { Audience } from "./audience.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionsDependencies } from "./dependencies.ts";
import { presenceEvent } from "./presence.ts";

type EventDependencies = Pick<ActorCore, "definition" | "errors" | "queue" | "state" | "turn"> &
  Pick<ConnectionsDependencies, "inspection">;

/** Sends events to connections, each when the turn that sent it is durable. */
export class OutgoingEvents {
  readonly #actor: EventDependencies;
  readonly #audience: Audience;

  constructor(actor: EventDependencies, audience: Audience) {
    this.#actor = actor;
    this.#audience = audience;
  }

  broadcast(name: string, args: readonly unknown[], target?: BroadcastTarget): void {
    checkEventName(name);
    const targets = this.#audience.of(name, target);
    const { inspection, definition } = this.#actor;
    const isWatched = inspection?.watching.hasWatchers === true;
    // Without receivers, an event is validated if it has a schema, and not encoded.
    if (targets.length === 0 && !isWatched && definition.events.get(name)?.schema === undefined) return;
    const event = this.#encode(name, args);
    if (isWatched) {
      const release = (): void => inspection.broadcast(event);
      this.#actor.turn.output({ release, drop: () => {}, undoable: true });
    }
    this.#sendAll(targets, event, true);
  }

  /** Presence is not rolled back with a transaction, so its events are not either. */
  broadcastPresence(args: readonly unknown[]): void {
    this.#sendAll(this.#audience.of(presenceEvent, undefined), this.#encode(presenceEvent, args), false);
  }

  #sendAll(targets: readonly Connection[], event: OutgoingEvent, undoable: boolean): void {
    if (targets.length === 0) return;
    this.#actor.turn.send({
      release: () => {
        for (const target of targets) this.#deliver(target, event);
      },
      drop: () => {},
      undoable,
    });
  }

  /** A host that fails for one connection must not keep the event from the others. */
  #deliver(target: Connection, event: OutgoingEvent): void {
    try {
      target.deliver(event);
    } catch (error) {
      this.#actor.errors.report(error);
    }
  }

  sendTo(connection: Connection, name: string, args: readonly unknown[]): void {
    checkEventName(name);
    const event = this.#encode(name, args);
    if (connection.sink === undefined) return;
    this.#actor.turn.send({
      release: () => connection.deliver(event),
      drop: () => {},
      undoable: true,
    });
  }

  #encode(name: string, args: readonly unknown[]): OutgoingEvent {
    const rule = this.#actor.definition.events.get(name);
    return encodeEvent(
      rule,
      name,
      args.map((item) => this.#actor.state.unwrap(item)),
    );
  }
}
