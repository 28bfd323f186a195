/** Stripe's emulator with the prices of two plans, and a Studio that sells them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { StripeEmulator } from "@holdfast/testing/stripe";
import type { StripeSettings } from "../../src/billing/stripe.ts";
import type { BillingOverview } from "../../src/contract/billing.ts";
import type { StudioClient } from "../../src/index.ts";

export const stripeKey = "sk_test_0123456789abcdef";
export const webhookSecret = "whsec_0123456789abcdef";
export const meterEvent = "sandbox_minutes";

const usage = [{ measure: "sandboxMinutes", price: "price_minutes", event: meterEvent }];
export const plans = {
  version: 1,
  graceDays: 7,
  plans: [
    { name: "free", title: "Free", seats: 2, limits: { tasksAtOnce: 1, sandboxMinutes: 600 } },
    { name: "team", title: "Team", price: "price_team", seats: 2, seatPrice: "price_seat", usage },
    { name: "flat", title: "Flat", price: "price_flat", seats: 50 },
  ],
} as const;

export async function startStripe(t: TestContext): Promise<StripeEmulator> {
  const emulator = await StripeEmulator.start({ key: stripeKey });
  t.after(() => emulator.close());
  emulator.addPrice("price_team", 2_000);
  emulator.addPrice("price_seat", 500);
  emulator.addPrice("price_flat", 9_900);
  emulator.addPrice("price_minutes", 2, meterEvent);
  return emulator;
}

export function writePlans(dataDirectory: string, content: unknown = plans): void {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDirectory, "plans.json"), JSON.stringify(content));
}

export function settingsOf({ url }: StripeEmulator): StripeSettings {
  return { key: stripeKey, webhookSecret, url };
}

/** What billing says, once it satisfies `is`: it follows events. */
export async function untilOverview(
  client: Pick<StudioClient, "billing">,
  is: (overview: BillingOverview) => boolean,
): Promise<BillingOverview> {
  let changed = Promise.withResolvers<void>();
  const watch = await client.billing.on("changed", () => changed.resolve());
  const late = AbortSignal.timeout(30_000);
  try {
    for (;;) {
      changed = Promise.withResolvers<void>();
      const overview = await client.billing.overview();
      if (is(overview)) return overview;
      const timeout = new Promise<never>((_resolve, reject) => {
        late.addEventListener("abort", () => reject(new Error(`it stays: ${JSON.stringify(overview)}`)));
      });
      await Promise.race([changed.promise, timeout]);
    }
  } finally {
    await watch.close();
  }
}
