import { createHmac } from "node:crypto";
import { type WebhookDelivery, WebhookSender } from "../forge-server/webhook-sender.ts";

/** The header of a webhook: https://docs.stripe.com/webhooks#verify-manually */
export function signatureHeader(body: string, secret: string, at: number): string {
  const signature = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
  return `t=${at},v1=${signature}`;
}

/** Sends events about objects as they are at that moment, to one address, each until it is taken. */
export class EventSender {
  readonly webhooks: WebhookSender;
  /** Every event so far. */
  readonly deliveries: WebhookDelivery[] = [];
  readonly #secret: string;
  readonly #now: () => number;

  /** `now` is in seconds. */
  constructor(url: string, secret: string, now: () => number) {
    this.webhooks = new WebhookSender(url, 8);
    this.#secret = secret;
    this.#now = now;
  }

  send(id: string, type: string, object: unknown): void {
    const body = JSON.stringify({
      ...{ id, object: "event", type, api_version: "emulator", livemode: false, pending_webhooks: 1 },
      created: this.#now(),
      data: { object },
    });
    const delivery: WebhookDelivery = {
      id,
      body,
      headers: { "content-type": "application/json; charset=utf-8" },
      // Each attempt is signed with its own time, which is that of the receiver's clock.
      signed: () => ({
        "stripe-signature": signatureHeader(body, this.#secret, Math.floor(Date.now() / 1000)),
      }),
    };
    this.deliveries.push(delivery);
    this.webhooks.deliver(delivery);
  }
}
