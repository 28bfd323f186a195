import { randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type {
  NewNotificationDevice,
  NotificationChannel,
  NotificationDevice,
  NotificationTestResult,
} from "../../contract.ts";
import type { ActionParts } from "./choice-actions.ts";
import { type DeliveryContext, standingOf } from "./deliver.ts";
import { noteDevice, putDevice, removeDevice } from "./devices.ts";
import { readAddress, readChannel, readDevice, readMailAddress, requireId } from "./input.ts";
import type { SendOutcome } from "./port.ts";
import { secretNameOf } from "./settings.ts";

/** The actions about where notifications go. */
export function channelActions({ port, now, newId, deliveries }: ActionParts) {
  const changed = (c: DeliveryContext) => deliveries.changed(c);
  return {
    async addDevice(c: DeliveryContext, given: NewNotificationDevice): Promise<NotificationDevice> {
      const device = readDevice(given);
      await port().checkAddress(device.endpoint);
      const added = await putDevice(c.db, device, newId(), now());
      await changed(c);
      return added;
    },

    async removeDevice(c: DeliveryContext, id: string): Promise<void> {
      requireId(id);
      await removeDevice(c.db, id);
      await changed(c);
    },

    async setMailAddress(c: DeliveryContext, given: string | null): Promise<void> {
      const address = readMailAddress(given);
      if ((await standingOf(port(), c)).email !== null) {
        const message = "Mails go to the address of your account";
        throw new HoldfastError("notification", "address_of_account", message, { statusCode: 409 });
      }
      c.state.mailAddress = address;
      await changed(c);
    },

    async setWebhook(c: DeliveryContext, url: string | null): Promise<{ readonly secret: string | null }> {
      const name = secretNameOf("webhook", c.key);
      const address = url === null ? null : readAddress(url);
      const secret = address === null ? null : randomBytes(32).toString("base64url");
      if (address === null || secret === null) await port().deleteSecret(name);
      else {
        await port().checkAddress(address);
        await port().storeSecret(name, secret);
      }
      c.state.webhook = address;
      await changed(c);
      return { secret };
    },

    async setSlack(c: DeliveryContext, url: string | null): Promise<void> {
      const name = secretNameOf("slack", c.key);
      const address = url === null ? null : readAddress(url);
      if (address === null) await port().deleteSecret(name);
      else {
        await port().checkAddress(address);
        await port().storeSecret(name, address);
      }
      c.state.slack = address === null ? null : new URL(address).host;
      await changed(c);
    },

    async test(c: DeliveryContext, given: NotificationChannel, device = ""): Promise<NotificationTestResult> {
      const channel = readChannel(given);
      const standing = await standingOf(port(), c);
      const destination = deliveries.destinationOf(c, channel, String(device), standing);
      if (destination === undefined) {
        const message = "This channel is not set up. Set it up, then send a test.";
        throw new HoldfastError("notification", "not_set_up", message, { statusCode: 409 });
      }
      const outcome = await port().send(destination, []);
      if (channel === "push") {
        await noteTest(c, device, outcome, now());
        await changed(c);
      }
      return outcome.isDelivered ? { isDelivered: true } : { isDelivered: false, error: outcome.error };
    },
  };
}

async function noteTest(
  { db }: DeliveryContext,
  device: string,
  outcome: SendOutcome,
  now: number,
): Promise<void> {
  if (outcome.isDelivered) await noteDevice(db, device, { deliveredAt: now });
  else if (outcome.isGone === true) await removeDevice(db, device);
  else await noteDevice(db, device, { error: outcome.error });
}
