/** Which object an actor lives in, and how to reach it. */
import type { ActorTarget } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { addressOf } from "@holdfast/server/embedded";
import type { ObjectId, ObjectNamespace, ObjectStub } from "./platform.ts";

/**
 * The id of an actor is that of its object, a dash, and a number of its own: the object outlives an actor that is
 * destroyed and created again under the same key.
 */
const actorId = /^([0-9a-f]{64})-[0-9a-f]{12}$/;

export function newActorId(object: ObjectId, random: Uint8Array): string {
  const own = Array.from(random.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${object.toString()}-${own}`;
}

/** The objects of all actors. */
export class Objects {
  readonly #namespace: ObjectNamespace;

  constructor(namespace: ObjectNamespace) {
    this.#namespace = namespace;
  }

  /** Throws `actor.not_found` for an id that no object can have. */
  idOf(target: ActorTarget): ObjectId {
    if (target.type !== "id") return this.#namespace.idFromName(addressOf(target.name, target.key));
    const object = actorId.exec(target.id)?.[1];
    if (object === undefined) throw notFound(target.id);
    try {
      return this.#namespace.idFromString(object);
    } catch {
      // An id of another namespace: of another class, or another deployment.
      throw notFound(target.id);
    }
  }

  stubOf(target: ActorTarget): ObjectStub {
    return this.#namespace.get(this.idOf(target));
  }
}

function notFound(id: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist", { metadata: { id } });
}
