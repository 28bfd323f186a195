/** Tasks, inboxes and notifications of people on a test clock, with ways out that the test plays. */
import type { TestContext } from "node:test";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import type {
  Destination,
  NotificationMessage,
  NotificationPort,
  SendOutcome,
  Standing,
} from "../../src/backend/notifications/port.ts";
import { Inboxes, inboxActors, noNotifications } from "../inbox/inbox-support.ts";

export interface Sent {
  readonly channel: Destination["channel"];
  /** Endpoint, address of mail, or URL. */
  readonly to: string;
  readonly messages: readonly NotificationMessage[];
}

/** The ways out of a test: what was sent, and what becomes of the next. */
export class Outside {
  readonly sent: Sent[] = [];
  /** Outcome of each attempt; delivered by default. */
  outcome: (destination: Destination) => SendOutcome | Promise<SendOutcome> = () => ({ isDelivered: true });
  standing: Standing = { mayRead: true, mayAnswer: true, email: "ada@example.org" };

  readonly port: NotificationPort = {
    ...noNotifications,
    hasMail: true,
    standing: async () => this.standing,
    send: async (destination, messages) => {
      const outcome = await this.outcome(destination);
      if (outcome.isDelivered)
        this.sent.push({ channel: destination.channel, to: addressOf(destination), messages });
      return outcome;
    },
  };

  /** What was sent as short texts: "push finished t", in order. */
  get texts(): readonly string[] {
    return this.sent.map(
      ({ channel, messages }) =>
        `${channel} ${messages.map(({ kind, task }) => `${kind} ${task?.id}`).join(", ")}`,
    );
  }
}

function addressOf(destination: Destination): string {
  switch (destination.channel) {
    case "push":
      return destination.subscription.endpoint;
    case "mail":
      return destination.to;
    case "webhook":
      return destination.url;
    case "slack":
      return destination.secret;
  }
}

export async function open(t: TestContext) {
  const outside = new Outside();
  const world = { person: "ada", now: () => 0 };
  const { actors, valueTokens } = inboxActors(world, outside.port);
  const store = (): never => {
    throw new Error("a test has its own store");
  };
  const kit = await setupTest(t, createRegistry({ use: actors, store }), { paused: true });
  world.now = () => kit.clock.now();
  const inboxes = new Inboxes(kit.client, valueTokens);
  const notifications = inboxes.notifications("ada");
  return { kit, world, outside, inboxes, notifications, settle: () => kit.clock.settle() };
}

/** A device with this name, whose endpoint ends with it. */
export function device(name: string) {
  const key = (bytes: number) => Buffer.alloc(bytes, 4).toString("base64url");
  return { endpoint: `https://push.example/${name}`, keys: { p256dh: key(65), auth: key(16) }, name };
}
