import type { ActorTarget } from "@holdfast/client";
import { addressOfTarget } from "../internal/addresses.ts";
import type { Place } from "./place.ts";

/** Maximum number of actors whose place is remembered, by each of id and address. */
const maxKnown = 20_000;

/** Places of actors as they were last seen. A node that does not serve an actor any more says so. */
export class KnownPlaces {
  readonly #byId = new Map<string, Place>();
  readonly #byAddress = new Map<string, Place>();

  of(target: ActorTarget): Place | undefined {
    return target.type === "id" ? this.#byId.get(target.id) : this.#byAddress.get(addressOfTarget(target));
  }

  set(id: string, address: string, place: Place): void {
    if (this.#byId.size >= maxKnown) this.#byId.clear();
    if (this.#byAddress.size >= maxKnown) this.#byAddress.clear();
    this.#byId.set(id, place);
    this.#byAddress.set(address, place);
  }

  forget(target: ActorTarget): void {
    if (target.type === "id") this.#byId.delete(target.id);
    else this.#byAddress.delete(addressOfTarget(target));
  }
}
