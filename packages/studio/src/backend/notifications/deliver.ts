import { createHash } from "node:crypto";
import { isErrorCode } from "@holdfast/core";
import { localOrganization, readPersonalKey } from "../../access/organization-ids.ts";
import type { ApprovalView, InboxEntry, NotificationEvents } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { newAnswerToken } from "./answer-tokens.ts";
import { noteDevice, removeDevice, subscriptionOf } from "./devices.ts";
import {
  beginAttempt,
  type Delivery,
  dropAllWaiting,
  dropDeliveries,
  dropOld,
  dueDeliveries,
  isWaiting,
  nextDueAt,
  noteFailure,
  pauseAfter,
  postpone,
  settleDelivered,
} from "./outbox.ts";
import type { Destination, NotificationMessage, NotificationPort, SendOutcome, Standing } from "./port.ts";
import type { NotificationDatabase } from "./schema.ts";
import { choicesOf, deliverableAt, type NotificationsState, secretNameOf } from "./settings.ts";

/** The part of the actor's context that deliveries use. */
export interface DeliveryContext {
  readonly state: NotificationsState;
  readonly db: NotificationDatabase;
  readonly key: readonly string[];
  readonly schedule: {
    at(timestamp: number, action: string): Promise<string>;
    cancel(id: string): Promise<boolean>;
  };
  readonly broadcast: (name: "changed", change: NotificationEvents["changed"]) => void;
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

export interface DeliveriesOptions {
  readonly port: () => NotificationPort;
  readonly now: () => number;
}

/** The action that sends what is due. */
export const deliverAction = "internal.deliver";

/** Sends what is due of a person's outbox, and schedules the rest. */
export class Deliveries {
  readonly #options: DeliveriesOptions;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /** Tells pages that something changed, and schedules what is due. */
  async changed(c: DeliveryContext): Promise<void> {
    await this.schedule(c);
    c.state.revision += 1;
    c.broadcast("changed", { revision: c.state.revision });
  }

  /** Schedules the next run for when something is due. One is scheduled at most: an earlier one replaces it. */
  async schedule(c: DeliveryContext): Promise<void> {
    const next = nextDueAt(c.db);
    if (next === undefined) return;
    // A pause may have no end: the run looks again in a year.
    const due = Math.min(next, this.#options.now() + studioLimits.maxSnoozeMs);
    const { scheduled } = c.state;
    if (scheduled !== null && scheduled.at <= due) return;
    if (scheduled !== null) await c.schedule.cancel(scheduled.id);
    c.state.scheduled = { id: await c.schedule.at(due, deliverAction), at: due };
  }

  /** Sends what is due now. Runs one at a time. */
  async run(c: DeliveryContext): Promise<void> {
    c.state.scheduled = null;
    const now = this.#options.now();
    await dropOld(c.db, now);
    const standing = await standingOf(this.#options.port(), c);
    // A member who was removed gets nothing any more.
    if (!standing.mayRead) await dropAllWaiting(c.db);
    const groups = new Map<string, Delivery[]>();
    for (const delivery of dueDeliveries(c.db, now)) {
      const at = deliverableAt(c.state, delivery.entry.kind, now);
      if (at > now) {
        await postpone(c.db, delivery.id, at);
        continue;
      }
      const route = `${delivery.channel} ${delivery.device}`;
      groups.set(route, [...(groups.get(route) ?? []), delivery]);
    }
    for (const group of groups.values())
      for (const together of batches(group)) await this.#deliver(c, together, standing);
    await this.schedule(c);
  }

  async #deliver(c: DeliveryContext, batch: readonly Delivery[], standing: Standing): Promise<void> {
    const [{ channel, device } = { channel: "push", device: "" } as const] = batch;
    const destination = this.destinationOf(c, channel, device, standing);
    const isWanted = ({ entry }: Delivery) => choicesOf(c.state).kinds[channel].includes(entry.kind);
    const sent: { readonly delivery: Delivery; readonly message: NotificationMessage }[] = [];
    for (const delivery of batch) {
      const message =
        destination === undefined || !isWanted(delivery)
          ? undefined
          : await this.#messageOf(c, delivery, standing, batch.length === 1);
      // It may have been read or answered in the meantime.
      if (message === undefined) await dropDeliveries(c.db, [delivery.id]);
      else if (isWaiting(c.db, delivery.id)) sent.push({ delivery, message });
    }
    if (destination === undefined || sent.length === 0) return;
    for (const { delivery } of sent) {
      const pauseMs = pauseAfter(delivery.attempts + 1) ?? 0;
      await beginAttempt(c.db, delivery.id, this.#options.now() + pauseMs);
    }
    const outcome = await this.#options.port().send(
      destination,
      sent.map(({ message }) => message),
    );
    for (const { delivery } of sent) await this.#settle(c, delivery, outcome);
  }

  async #settle(c: DeliveryContext, { id, device, attempts }: Delivery, outcome: SendOutcome): Promise<void> {
    const now = this.#options.now();
    if (outcome.isDelivered) {
      await settleDelivered(c.db, id, now);
      if (device !== "") await noteDevice(c.db, device, { deliveredAt: now });
      return;
    }
    if (outcome.isGone === true) {
      await removeDevice(c.db, device);
      return;
    }
    const { error, isFinal, retryAfterMs = 0 } = outcome;
    const pauseMs = isFinal ? undefined : pauseAfter(attempts + 1);
    const retryAt = pauseMs === undefined ? undefined : now + Math.max(pauseMs, boundOf(retryAfterMs));
    await noteFailure(c.db, id, { error, retryAt, now });
    if (device !== "") await noteDevice(c.db, device, { error });
  }

  /** Where a channel leads; undefined if it is not set up. */
  destinationOf(
    c: Pick<DeliveryContext, "state" | "db" | "key">,
    channel: Delivery["channel"],
    device: string,
    { email }: Pick<Standing, "email">,
  ): Destination | undefined {
    switch (channel) {
      case "push": {
        const subscription = subscriptionOf(c.db, device);
        return subscription && { channel, subscription: { ...subscription } };
      }
      case "mail": {
        const to = email ?? c.state.mailAddress;
        return to === null ? undefined : { channel, to };
      }
      case "webhook": {
        const { webhook } = c.state;
        return webhook === null
          ? undefined
          : { channel, url: webhook, secret: secretNameOf("webhook", c.key) };
      }
      case "slack":
        return c.state.slack === null ? undefined : { channel, secret: secretNameOf("slack", c.key) };
    }
  }

  /** What a delivery says; undefined if it is an approval that does not wait any more. */
  async #messageOf(
    c: DeliveryContext,
    { channel, entry }: Delivery,
    standing: Standing,
    isAlone: boolean,
  ): Promise<NotificationMessage | undefined> {
    const { id, kind, task, item, payment, text, notifiedAt } = entry;
    const { organization } = readPersonalKey(c.key);
    const message: NotificationMessage = {
      ...{ id: messageId(c.key, entry), entry: id, kind, text, at: notifiedAt },
      ...(task === undefined ? {} : { task }),
      ...(item === undefined ? {} : { item }),
      ...(payment === undefined ? {} : { payment }),
      ...(organization === localOrganization ? {} : { organization }),
    };
    if (task === undefined || entry.approvalId === undefined) return message;
    const approval = await openApproval(c, task.id, entry.approvalId);
    if (approval === undefined || approval.expiresAt <= this.#options.now()) return undefined;
    const { expiresAt } = approval;
    const isAnswerable = channel === "push" && isAlone && standing.mayAnswer;
    if (!isAnswerable) return { ...message, approval: { id: approval.id, expiresAt } };
    const purpose = { taskId: task.id, approvalId: approval.id, expiresAt };
    const token = await newAnswerToken(c.db, c.key, purpose, this.#options.now());
    const detail = shownInFull(approval);
    return {
      ...message,
      approval: { id: approval.id, expiresAt, token, ...(detail === undefined ? {} : { detail }) },
    };
  }
}

/** What an approval would do, if a notification shows all of it, and no untrusted text may have caused it. */
function shownInFull({ detail, truncated, boundary, options }: ApprovalView): string | undefined {
  const isShort = detail.length > 0 && detail.length <= studioLimits.maxNotificationDetail && !truncated;
  const hasAllow = options.some(({ kind }) => kind === "allow_once");
  return isShort && hasAllow && boundary?.origin === undefined ? detail : undefined;
}

async function openApproval(
  c: Pick<DeliveryContext, "client">,
  taskId: string,
  approvalId: string,
): Promise<ApprovalView | undefined> {
  const call = { name: "internal.openApproval", args: [approvalId] };
  try {
    return (await c.client().get("task", [taskId]).action<ApprovalView | null>(call)) ?? undefined;
  } catch (error) {
    if (isErrorCode(error, "actor", "not_found")) return undefined;
    throw error;
  }
}

/** Webhooks are one event each. Mails and Slack messages take all; a device gets a few, or else one about all. */
function batches(group: readonly Delivery[]): readonly (readonly Delivery[])[] {
  const [first] = group;
  if (first === undefined) return [];
  const isSingle =
    first.channel === "webhook" ||
    (first.channel === "push" && group.length <= studioLimits.maxSeparatePushes);
  return isSingle ? group.map((delivery) => [delivery]) : [group];
}

function messageId(key: readonly string[], { id, notifiedAt }: InboxEntry): string {
  return createHash("sha256")
    .update(JSON.stringify([...key, id, notifiedAt]))
    .digest("hex")
    .slice(0, 32);
}

/** A receiver cannot ask for more than the longest pause. */
function boundOf(retryAfterMs: number): number {
  return Math.min(retryAfterMs, studioLimits.maxNotificationPauseMs);
}

export function personOf({ key }: Pick<DeliveryContext, "key">): string {
  return readPersonalKey(key).person;
}

/** What is known about the person in the organization that the notifications are of. */
export function standingOf(port: NotificationPort, { key }: Pick<DeliveryContext, "key">): Promise<Standing> {
  const { organization, person } = readPersonalKey(key);
  return port.standing(person, organization);
}
