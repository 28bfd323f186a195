/** The actions by which a task changes its owner: an offer that its receiver answers, and an assignment by an admin. */
import { HoldfastError } from "@holdfast/core";
import { organizationOfId } from "../../access/organization-ids.ts";
import type { TaskOffer } from "../../contract/people.ts";
import type { TaskStarter } from "../../contract/task-list.ts";
import type { BackendHost } from "../host.ts";
import { setWatching } from "../inbox/audience.ts";
import { newsFor, type TaskChange } from "../inbox/news.ts";
import { sendNews } from "../inbox/send.ts";
import { operatorName } from "../prompts/payer.ts";
import type { PersonContext, TaskContext, TaskSteps } from "../task-steps.ts";
import { requireText } from "../validate.ts";
import { findReceiver, mayOwn } from "./receiver.ts";
import {
  changeOwner,
  endOffer,
  openOffer,
  ownerOf,
  requireOffer,
  requireOwner,
  requireReceiver,
} from "./state.ts";

type OwnershipHost = Pick<BackendHost, "ports" | "notifications" | "audit">;
type OwnedContext = TaskContext & PersonContext;
type Steps = Pick<TaskSteps, "newId" | "publishChange">;

/** Tells people about changes of the owner, each in the turn of the change and so in one commit with it. */
class OwnershipNews {
  readonly #host: OwnershipHost;

  constructor(host: OwnershipHost) {
    this.#host = host;
  }

  /** Tells others than whoever did it. */
  tell(c: OwnedContext, people: readonly string[], text: string): void {
    const others = people.filter((each) => each !== c.conn.state.person);
    if (others.length > 0) this.#send(c, others, { type: "handed-over", text });
  }

  tellOffer(c: OwnedContext, { id: cause, to, by }: TaskOffer): void {
    this.#send(c, [to.id], { type: "offered", cause, text: `${by.name} offers you this task.` });
  }

  tellEnd(c: OwnedContext, { to }: TaskOffer): void {
    this.#send(c, [to.id], { type: "offer-ended" });
  }

  audit(c: OwnedContext, type: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#host.audit({ type, session: c.state.id, data: { by: c.conn.state.person, ...data } });
  }

  #send(c: OwnedContext, people: readonly string[], change: TaskChange): void {
    c.waitUntil(sendNews(this.#host, c, newsFor(c.state, this.#host.ports.clock.now(), people, change)));
  }
}

export function ownershipActions(host: OwnershipHost, steps: Steps) {
  const news = new OwnershipNews(host);
  return { ...offerActions(host, steps, news), ...assignActions(host, steps, news) };
}

function offerActions(host: OwnershipHost, steps: Steps, news: OwnershipNews) {
  const now = () => host.ports.clock.now();
  return {
    async offerHandover(c: OwnedContext, to: string): Promise<TaskOffer> {
      const { person } = c.conn.state;
      const organization = organizationOfId(c.state.id);
      requireOwner(c.state, person);
      const before = openOffer(c.state);
      const receiver = await findReceiver(host.notifications, to, organization);
      const isBinding =
        before !== undefined && (await mayOwn(host.notifications, before.to.id, organization));
      // Somebody may have answered, or offered it too, during the awaits.
      const owner = requireOwner(c.state, person);
      if (receiver.id === owner.id) throw ownsAlready(owner);
      const open = openOffer(c.state);
      if (open?.to.id === receiver.id) return open;
      if (open !== undefined && (isBinding || open.id !== before?.id)) throw offeredAlready(open);
      const replaced = endOffer(c.state, () => `It was offered to ${receiver.name} instead`);
      if (replaced !== undefined) news.tellEnd(c, replaced);
      const offer: TaskOffer = { id: steps.newId(), to: receiver, by: owner, at: now() };
      c.state.offer = { ...offer, to: { ...receiver }, by: { ...owner } };
      news.tellOffer(c, offer);
      steps.publishChange(c);
      await news.audit(c, "task.offered", { from: owner.id, to: receiver.id, offer: offer.id });
      return offer;
    },

    async acceptHandover(c: OwnedContext, offerId: string): Promise<void> {
      requireText(offerId, "offerId", 200);
      const { person } = c.conn.state;
      // The answer to the same call before was lost.
      if (c.state.endedOffer?.id === offerId && c.state.endedOffer.acceptedBy === person) return;
      const offer = requireOffer(c.state, offerId);
      requireReceiver(offer, person);
      const { to: owner, by: from } = offer;
      const ended = endOffer(c.state, () => `${owner.name} has accepted it already`, person);
      changeOwner(c.state, owner, owner, now());
      setWatching(c.state, owner.id, true);
      if (ended !== undefined) news.tellEnd(c, ended);
      news.tell(c, [from.id], `${owner.name} has taken this task over.`);
      steps.publishChange(c);
      await news.audit(c, "task.handed_over", { from: from.id, to: owner.id, offer: offerId });
    },

    async declineHandover(c: OwnedContext, offerId: string): Promise<void> {
      requireText(offerId, "offerId", 200);
      requireReceiver(requireOffer(c.state, offerId), c.conn.state.person);
      const ended = endOffer(c.state, ({ to }) => `${to.name} has declined it already`);
      if (ended === undefined) return;
      news.tellEnd(c, ended);
      news.tell(c, [ended.by.id], `${ended.to.name} does not take this task over. It is still yours.`);
      steps.publishChange(c);
      await news.audit(c, "task.offer_declined", { from: ended.by.id, to: ended.to.id, offer: offerId });
    },

    async withdrawHandover(c: OwnedContext, offerId: string): Promise<void> {
      requireText(offerId, "offerId", 200);
      requireOffer(c.state, offerId);
      requireOwner(c.state, c.conn.state.person);
      const ended = endOffer(c.state, ({ by }) => `${by.name} has taken the offer back`);
      if (ended === undefined) return;
      news.tellEnd(c, ended);
      steps.publishChange(c);
      await news.audit(c, "task.offer_withdrawn", { from: ended.by.id, to: ended.to.id, offer: offerId });
    },
  };
}

function assignActions(host: OwnershipHost, steps: Steps, news: OwnershipNews) {
  return {
    async assign(c: OwnedContext, to: string): Promise<void> {
      const { startedBy } = c.conn.state;
      const by: TaskStarter = startedBy === undefined ? operatorName : { ...startedBy };
      const receiver = await findReceiver(host.notifications, to, organizationOfId(c.state.id));
      const from = ownerOf(c.state);
      const ended = endOffer(c.state, () => `${by.name} has assigned it to ${receiver.name}`);
      if (from?.id === receiver.id && ended === undefined) return;
      if (ended !== undefined) news.tellEnd(c, ended);
      if (from?.id !== receiver.id) {
        changeOwner(c.state, receiver, by, host.ports.clock.now());
        setWatching(c.state, receiver.id, true);
        news.tell(c, [receiver.id], `${by.name} has assigned this task to you.`);
        if (from !== undefined)
          news.tell(c, [from.id], `${by.name} has assigned this task to ${receiver.name}.`);
      }
      steps.publishChange(c);
      await news.audit(c, "task.assigned", { ...(from && { from: from.id }), to: receiver.id });
    },
  };
}

function ownsAlready({ name }: TaskStarter): HoldfastError {
  return new HoldfastError("task", "owned_already", `${name} owns this task already.`, { statusCode: 409 });
}

function offeredAlready({ to }: TaskOffer): HoldfastError {
  const message = `This task is offered to ${to.name}. Take that offer back first.`;
  return new HoldfastError("task", "offered_already", message, { statusCode: 409 });
}
