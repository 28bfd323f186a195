/** Notifications of people outside the page: their choices, their channels, and the outbox. */
import { actor, event, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { uuidv7 } from "@holdfast/core";
import { readPersonalKey } from "../../access/organization-ids.ts";
import type { NotificationEvents } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { answerByToken } from "./answer.ts";
import { channelActions } from "./channel-actions.ts";
import { choiceActions } from "./choice-actions.ts";
import { Deliveries } from "./deliver.ts";
import type { InboxNotice, NewPerson, OrganizationDefaults } from "./messages.ts";
import { addDeliveries, dropWaiting, reconsider } from "./outbox.ts";
import { routesOf } from "./routes.ts";
import { migrateNotificationTables } from "./schema.ts";
import { type NotificationsState, newState, secretNameOf } from "./settings.ts";

/**
 * The notifications of a person in an organization, which are its key: what they want to hear of and where, and the outbox. What the inbox
 * tells and what follows from it are one commit; each cause is delivered once on each channel, again after a crash.
 */
export function createNotificationsActor(host: BackendHost) {
  const now = () => host.ports.clock.now();
  const newId = () => uuidv7(host.ports.clock, host.ports.random);
  const port = () => host.notifications;
  const deliveries = new Deliveries({ port, now });
  const parts = { port, now, newId, deliveries };
  return actor({
    createState: (): NotificationsState => newState(),
    onCreate(c): void {
      const { organization, person } = readPersonalKey(c.key);
      const joins: NewPerson = { version: 1, person };
      c.client()
        .getOrCreate("attention", [organization])
        .send("people", joins)
        .catch((error: unknown) => host.ports.log.error("could not register for notifications", { error }));
    },
    createVars: (): { tail: Promise<void> } => ({ tail: Promise.resolve() }),
    db: db({ onMigrate: migrateNotificationTables }),
    queues: { inbox: queue<InboxNotice>(), defaults: queue<OrganizationDefaults>() },
    events: { changed: event<NotificationEvents["changed"]>() },
    options: {
      name: "Notifications",
      maxQueueSize: studioLimits.maxWaitingNews,
      maxQueueMessageSize: studioLimits.maxNewsBytes,
      actionTimeout: 180_000,
    },
    async run(c): Promise<void> {
      for await (const message of c.queue.iter({ completable: true }))
        await c.transaction(async () => {
          if (message.name === "defaults") {
            c.state.defaults = message.body.choices;
            await reconsider(c.db, now());
            await deliveries.changed(c);
          } else {
            const { notify, seen } = message.body;
            await dropWaiting(c.db, seen);
            for (const entry of notify)
              await addDeliveries(c.db, entry, routesOf(c, entry, port().hasMail, now()), newId, now());
            await deliveries.schedule(c);
          }
          await message.complete();
        });
    },
    actions: {
      ...choiceActions(parts),

      ...channelActions(parts),

      internal: {
        async erase(c): Promise<void> {
          for (const channel of ["webhook", "slack"] as const)
            await port().deleteSecret(secretNameOf(channel, c.key));
          c.destroy();
        },

        /** Sends what is due. */
        async deliver(c): Promise<void> {
          const turn = c.vars.tail.then(() => deliveries.run(c));
          c.vars.tail = turn.catch(() => undefined);
          await c.keepAwake(turn);
          await deliveries.changed(c);
        },

        answer: (c, hash: string, isAllowed: boolean): Promise<{ readonly taskId: string }> =>
          answerByToken(c, parts, (entry) => host.audit(entry), hash, isAllowed),
      },
    },
  });
}
