import { type ActorStore, type HibernatedConnection, storeMovedConnections } from "@holdfast/actors";
import { type Ports, uuidv4 } from "@holdfast/core";
import type { ActorAddress } from "../cluster/residents.ts";
import { maxMovedEventBytes, type ResumeLimits } from "../limits.ts";
import type { HeldActor, HibernatingConnections } from "./hibernating-connections.ts";
import { decodeMovedConnections, encodeMovedConnections, type MovedConnection } from "./moved-format.ts";
import { MovedSession } from "./moved-session.ts";

/** The directory, as far as connections on their way between nodes need it. */
export interface ConnectionsHost {
  readonly hibernating: HibernatingConnections;
  readonly store: Pick<ActorStore, "commit" | "get">;
  readonly ports: Pick<Ports, "random" | "tasks" | "log">;
  readonly resumeLimits: ResumeLimits;
}

/**
 * Stores the connections of actors out of memory with each actor, then ends them here: their clients connect to the
 * next node, which continues them. Throws errors of the store, and then ends none of them.
 */
export async function moveConnections(
  host: ConnectionsHost,
  isMoved: (address: ActorAddress) => boolean,
  /** Resolves when no load of the actor is under way, which would raise its epoch. */
  loaded: (address: ActorAddress) => Promise<void>,
): Promise<void> {
  const moved = [...host.hibernating.actors()].filter(({ address }) => isMoved(address));
  await Promise.all(
    moved.map(async ({ id, address }) => {
      await loaded(address);
      const actor = host.hibernating.held(id);
      if (actor !== undefined) await store(host, actor);
    }),
  );
  const addresses = new Set(moved.map(({ address }) => address));
  host.hibernating.release((address) => addresses.has(address));
}

async function store({ store, ports }: ConnectionsHost, actor: HeldActor): Promise<void> {
  const connections = resumableOf(actor);
  if (connections.length === 0) return;
  const document = encodeMovedConnections(connections, maxMovedEventBytes);
  const stored = await storeMovedConnections(store, actor, document, uuidv4(ports.random));
  if (!stored)
    ports.log.warn("the actor has another owner: its connections start over", { actorId: actor.id });
}

function resumableOf({ connections }: HeldActor): readonly MovedConnection[] {
  return [...connections].flatMap(([id, { memory, resumable }]) => {
    const state = resumable?.();
    const { subscriptions = [], rooms = [] } = memory;
    return state === undefined ? [] : [{ id, memory: { subscriptions, rooms }, ...state }];
  });
}

/** Continues connections that another node has stored: their clients are expected within the resume window. */
export function restoreConnections(
  host: ConnectionsHost,
  actorId: string,
  document: Uint8Array,
): readonly HibernatedConnection[] {
  const { hibernating } = host;
  // Its actor did not move in the end, and it is still held here.
  const isHere = ({ tokens }: MovedConnection): boolean =>
    tokens.some((token) => hibernating.byToken(token) !== undefined);
  return decodeMovedConnections(document)
    .filter((moved) => !isHere(moved))
    .map((moved) => new MovedSession(host, actorId, moved).held);
}
