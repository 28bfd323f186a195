/** One Durable Object: the actor in it, its gateway, its sockets and its alarm. */
import type { ActorTarget } from "@holdfast/client";
import { isHoldfastError, type Ports, systemPorts } from "@holdfast/core";
import { Directory, fetchGateway, Gateway, problemResponse } from "@holdfast/server/embedded";
import { newActorId, Objects } from "../objects.ts";
import type { ObjectState } from "../platform.ts";
import { namespaceOf, type Settings } from "../settings.ts";
import { ObjectSockets } from "../sockets/object-sockets.ts";
import { openObjectStore } from "../store/object-store.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { clientOf, driverOf } from "./client.ts";
import { internalHeader } from "./internal-header.ts";
import { endTurnsEarly } from "./turn-end.ts";

interface Door {
  readonly gateway: Gateway;
  readonly fetch: (request: Request) => Promise<Response>;
}

export class ObjectHost {
  readonly sockets: ObjectSockets;
  readonly #ports: Ports;
  readonly #alarm: AlarmClock;
  /** For clients, and for other objects. */
  readonly #doors: { readonly client: Door; readonly object: Door };

  constructor(state: ObjectState, env: unknown, settings: Settings) {
    const ports: Ports = endTurnsEarly(systemPorts(settings.log));
    this.#ports = ports;
    const objects = new Objects(namespaceOf(env, settings.binding));
    const own = state.id.toString();
    const isHere = (target: ActorTarget): boolean => {
      try {
        return objects.idOf(target).toString() === own;
      } catch (error) {
        // No object has such an id: this one answers that the actor does not exist.
        if (isHoldfastError(error)) return true;
        throw error;
      }
    };
    const { messageLimits } = settings;
    const outside = { objects, ports, messageLimits, isHere };
    const store = openObjectStore(state.storage, ports.clock, {
      holdsOneActor: true,
      undo: () => state.abort("A turn of the actor could not be committed: its SQL is undone"),
    });
    const directory = new Directory({
      definitions: settings.definitions,
      ...{ store, ports, messageLimits },
      exposeErrors: settings.exposeErrors,
      region: "cloudflare",
      ...(settings.gateway.resume === undefined ? {} : { resume: settings.gateway.resume }),
      clientFor: (here, caller) => clientOf(here, caller, outside),
      remote: {
        isHere,
        driver: () => driverOf(outside),
        newId: () => newActorId(state.id, ports.random.bytes(6)),
      },
      started: (instance) => this.#alarm.started(instance),
    });
    this.#alarm = new AlarmClock({ storage: state.storage, store, ports, directory });
    const door = (isInternal: boolean): Door => {
      const gateway = new Gateway(directory, { ...settings.gateway, isInternal });
      return { gateway, fetch: fetchGateway(gateway) };
    };
    this.#doors = { client: door(false), object: door(true) };
    this.sockets = new ObjectSockets({ state, directory, gateway: this.#doors.client.gateway });
  }

  async fetch(request: Request): Promise<Response> {
    const { gateway, fetch } = request.headers.has(internalHeader) ? this.#doors.object : this.#doors.client;
    try {
      if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return await fetch(request);
      return this.sockets.accept(request, gateway);
    } catch (error) {
      return problemResponse(error, this.#ports);
    }
  }

  alarm(): Promise<void> {
    return this.#alarm.ring();
  }
}
