import type { InboxEntry, NotificationChannel } from "../../contract.ts";
import type { DeliveryContext } from "./deliver.ts";
import { listDevices } from "./devices.ts";
import type { Route } from "./outbox.ts";
import { channels, choicesOf } from "./settings.ts";

/** The channels and devices that an entry goes to. */
export function routesOf(
  { state, db }: Pick<DeliveryContext, "state" | "db">,
  { kind }: InboxEntry,
  hasMail: boolean,
  dueAt: number,
): readonly Route[] {
  const { kinds, mailAfterMinutes } = choicesOf(state);
  const once = (channel: NotificationChannel, isSetUp: boolean, at = dueAt): readonly Route[] =>
    isSetUp ? [{ channel, device: "", dueAt: at }] : [];
  const routes: Readonly<Record<NotificationChannel, () => readonly Route[]>> = {
    push: () => listDevices(db).map(({ id }) => ({ channel: "push", device: id, dueAt })),
    mail: () => once("mail", hasMail, dueAt + mailAfterMinutes * 60_000),
    webhook: () => once("webhook", state.webhook !== null),
    slack: () => once("slack", state.slack !== null),
  };
  return channels.filter((channel) => kinds[channel].includes(kind)).flatMap((channel) => routes[channel]());
}
