import type { NotificationChoices, NotificationsView } from "../../contract.ts";
import { type Deliveries, type DeliveryContext, standingOf } from "./deliver.ts";
import { listDevices } from "./devices.ts";
import { readChoices, readPause, requireId } from "./input.ts";
import { dropDeliveries, listFailures, reconsider, retryDelivery } from "./outbox.ts";
import type { NotificationPort } from "./port.ts";
import { chosenView, keptChoices } from "./settings.ts";

/** What the actions use beside their context. */
export interface ActionParts {
  readonly port: () => NotificationPort;
  readonly now: () => number;
  readonly newId: () => string;
  readonly deliveries: Deliveries;
}

/** The actions about what is delivered and when, and about deliveries that failed. */
export function choiceActions({ port, now, deliveries }: ActionParts) {
  /** What waits may be due earlier or later now. */
  const rescheduled = async (c: DeliveryContext): Promise<void> => {
    await reconsider(c.db, now());
    await deliveries.changed(c);
  };
  return {
    async get(c: DeliveryContext): Promise<NotificationsView> {
      const [pushKey, { email }] = await Promise.all([port().pushKey(), standingOf(port(), c)]);
      const address = email ?? c.state.mailAddress;
      return {
        ...chosenView(c.state),
        ...{ devices: listDevices(c.db), pushKey, failures: listFailures(c.db) },
        mail: { isAvailable: port().hasMail, isChosen: email === null, address },
      };
    },

    async choose(c: DeliveryContext, choices: Partial<NotificationChoices>): Promise<void> {
      c.state.own = { ...c.state.own, ...keptChoices(readChoices(choices)) };
      await rescheduled(c);
    },

    async reset(c: DeliveryContext): Promise<void> {
      c.state.own = {};
      await rescheduled(c);
    },

    async pause(c: DeliveryContext, until: number | null): Promise<void> {
      c.state.pausedUntil = readPause(until, now());
      await rescheduled(c);
    },

    async retry(c: DeliveryContext, id: string): Promise<void> {
      requireId(id);
      await retryDelivery(c.db, id, now());
      await deliveries.changed(c);
    },

    async dismiss(c: DeliveryContext, id: string): Promise<void> {
      requireId(id);
      await dropDeliveries(c.db, [id]);
      await deliveries.changed(c);
    },
  };
}
