import { isErrorCode } from "@holdfast/core";
import type { BillingPort } from "../backend/billing/state.ts";
import { studioLimits } from "../limits.ts";
import { readBody } from "./read-body.ts";
import type { WebhookRoute } from "./webhooks.ts";

/** Takes an event for an organization; durable when it resolves. False if it was taken before. */
export type TakePaymentEvent = (
  organization: string,
  event: { readonly id: string; readonly type: string },
) => Promise<boolean>;

/**
 * `POST /billing/webhook`: an event of Stripe, authenticated by its signature, which may be five minutes old. Responds
 * with 200 when it is durable, or is about something that is not of this Studio. Throws `billing.webhook_refused`
 * and `message.incoming_too_long`.
 */
export function createBillingWebhook(billing: BillingPort, take: TakePaymentEvent): WebhookRoute {
  return async (_path, request, response) => {
    const body = await readBody(request, studioLimits.maxStripeWebhookBytes);
    const signature = request.headers["stripe-signature"];
    const event = billing.payments.readEvent(body, typeof signature === "string" ? signature : undefined);
    const { organization, studio, id, type } = event;
    const isOurs = organization !== undefined && studio === (await billing.studio());
    const isNew = isOurs ? await takeIfPresent(take, organization, { id, type }) : undefined;
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(isNew === undefined ? { ignored: true } : { duplicate: !isNew }));
  };
}

/** Undefined for an organization that was deleted. */
async function takeIfPresent(
  take: TakePaymentEvent,
  ...[organization, event]: Parameters<TakePaymentEvent>
): Promise<boolean | undefined> {
  try {
    return await take(organization, event);
  } catch (error) {
    if (isErrorCode(error, "organization", "not_found")) return undefined;
    throw error;
  }
}
