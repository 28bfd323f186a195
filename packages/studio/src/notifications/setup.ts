/** Notifications out of this process: push services, mail and webhooks. */
import type { Ports } from "@holdfast/core";
import { type Gate, loadEgressConfig, PublicResolver } from "@holdfast/gate";
import { operator } from "../access/person.ts";
import type { Standing } from "../backend/notifications/port.ts";
import { studioLimits } from "../limits.ts";
import type { Mailer, MailSettings } from "../people/mail/mailer.ts";
import { OutgoingHttp } from "./outgoing-http.ts";
import { newPushKeys, type PushKeys, WebPush } from "./push.ts";
import { NotificationSender } from "./sender.ts";

export interface NotificationSetupOptions {
  readonly ports: Ports;
  readonly dataDirectory: string;
  readonly vault: Gate["vault"];
  /** The keys of Web Push; the offered ones become them if there are none yet. */
  readonly pushKeys: (offered: PushKeys) => Promise<PushKeys>;
  /** Both undefined where no mail server is set up. */
  readonly mailer: Mailer | undefined;
  readonly mail: MailSettings | undefined;
  /** What is known about people with accounts; undefined without accounts. */
  readonly people:
    | {
        standing(person: string, organization: string): Promise<Standing>;
        mentioned(text: string, organization: string): Promise<readonly string[]>;
      }
    | undefined;
  readonly origin: () => string;
}

export interface NotificationSetup {
  readonly sender: NotificationSender;
  /** Ends what is being sent. It is sent again after the next start. */
  close(): void;
}

/** Throws `egress.invalid_config`. */
export async function setUpNotifications(options: NotificationSetupOptions): Promise<NotificationSetup> {
  const { ports, dataDirectory, vault, pushKeys, mailer, mail, people, origin } = options;
  const { networks } = await loadEgressConfig(dataDirectory);
  const abort = new AbortController();
  const http = new OutgoingHttp({
    names: new PublicResolver(networks),
    timeoutMs: studioLimits.notificationTimeoutMs,
    signal: abort.signal,
  });
  const contact = () => contactOf(origin(), mail);
  let keys: Promise<PushKeys> | undefined;
  const sender = new NotificationSender({
    ...{ http, vault, mailer, origin, log: ports.log },
    push: new WebPush({ http, contact, now: () => ports.clock.now() }),
    pushKeys() {
      keys ??= newPushKeys()
        .then(pushKeys)
        .catch((error: unknown) => {
          keys = undefined;
          throw error;
        });
      return keys;
    },
    async standing(person, organization) {
      if (person === operator.id) return { mayRead: true, mayAnswer: true, email: null };
      // People who sign in elsewhere are known by their requests alone.
      return people?.standing(person, organization) ?? { mayRead: true, mayAnswer: false, email: null };
    },
    mentioned: async (text, organization) => people?.mentioned(text, organization) ?? [],
  });
  return { sender, close: () => abort.abort() };
}

/** Push services want to reach whoever sends (RFC 8292), and some refuse addresses that nobody can reach. */
function contactOf(origin: string, mail: MailSettings | undefined): string {
  if (origin.startsWith("https://")) return origin;
  const address = /[^\s<>"]+@[^\s<>"]+/.exec(mail?.from ?? "")?.[0];
  return `mailto:${address ?? "operator@example.org"}`;
}
