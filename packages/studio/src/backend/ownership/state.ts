/** Whose a task is: its owner, an open offer to hand it over, and how it came to its owners. */
import { HoldfastError } from "@holdfast/core";
import type { TaskHandover, TaskOffer } from "../../contract/people.ts";
import type { TaskStarter } from "../../contract/task-list.ts";

/** The part of a task's state about its owner. All absent in states of earlier versions. */
export interface OwnershipState {
  /** Once it was handed over or assigned. Until then, it belongs to whoever started it. */
  owner?: TaskStarter;
  offer?: TaskOffer | undefined;
  /** The offer before, so that a late answer gets a precise error. */
  endedOffer?: { readonly id: string; readonly words: string; readonly acceptedBy?: string };
  /** Oldest first. */
  handovers?: TaskHandover[];
}

type Owned = OwnershipState & { readonly startedBy?: TaskStarter };

const maxHandovers = 50;

/** Undefined for a task of the operator, or of a group, that nobody was assigned to. */
export function ownerOf({ owner, startedBy }: Owned): TaskStarter | undefined {
  const found = owner ?? startedBy;
  return found === undefined ? undefined : { ...found };
}

/** Throws `task.not_owner`. */
export function requireOwner(state: Owned, person: string): TaskStarter {
  const owner = ownerOf(state);
  if (owner?.id === person) return owner;
  const whose = owner === undefined ? "Nobody owns this task" : `This task is ${owner.name}'s`;
  const message = `${whose}: an admin can assign it, and nobody else but its owner hands it over.`;
  throw new HoldfastError("task", "not_owner", message, { statusCode: 403 });
}

export function openOffer({ offer }: OwnershipState): TaskOffer | undefined {
  return offer === undefined ? undefined : copyOf(offer);
}

/** The open offer with this id. Throws `task.offer_ended`, which says how it ended. */
export function requireOffer({ offer, endedOffer }: OwnershipState, id: string): TaskOffer {
  if (offer?.id === id) return copyOf(offer);
  const words = endedOffer?.id === id ? endedOffer.words : "There is no such offer any more";
  throw new HoldfastError("task", "offer_ended", `${words}.`, { statusCode: 409 });
}

/** Throws `task.offered_to_another`. */
export function requireReceiver(offer: TaskOffer, person: string): void {
  if (offer.to.id === person) return;
  const message = `This task is offered to ${offer.to.name}, who alone can answer.`;
  throw new HoldfastError("task", "offered_to_another", message, { statusCode: 403 });
}

/** Closes the open offer, if there is one. Returns it. */
export function endOffer(
  state: OwnershipState,
  words: (offer: TaskOffer) => string,
  acceptedBy?: string,
): TaskOffer | undefined {
  const { offer } = state;
  if (offer === undefined) return undefined;
  const copy = copyOf(offer);
  const accepted = acceptedBy === undefined ? {} : { acceptedBy };
  state.endedOffer = { id: copy.id, words: words(copy), ...accepted };
  state.offer = undefined;
  return copy;
}

/** Gives the task to another owner. */
export function changeOwner(
  state: Owned & OwnershipState,
  to: TaskStarter,
  by: TaskStarter,
  at: number,
): void {
  const from = ownerOf(state);
  const handover: TaskHandover = { ...(from && { from }), to: { ...to }, by: { ...by }, at };
  state.handovers = [...(state.handovers ?? []), handover].slice(-maxHandovers);
  state.owner = { ...to };
}

/** What the view of a task says about it, besides its owner. */
export function offerView({ offer, handovers = [] }: OwnershipState): {
  readonly offer?: TaskOffer;
  readonly handovers?: readonly TaskHandover[];
} {
  return {
    ...(offer === undefined ? {} : { offer: copyOf(offer) }),
    ...(handovers.length === 0 ? {} : { handovers: copyOf(handovers) }),
  };
}

/** Copies what may be a proxy of the state. */
function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
