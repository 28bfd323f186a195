/** Billing of a hosted Studio. Loaded only with a key of Stripe: without one, nothing of it is there. */
import type { Ports } from "@holdfast/core";
import { pagesOf } from "../access/organization-ids.ts";
import type { BillingPort } from "../backend/billing/state.ts";
import { loadPlans } from "./plans.ts";
import { createStripePayments, type StripeSettings } from "./stripe.ts";

export interface BillingSetupOptions extends Pick<BillingPort, "members" | "emailOf" | "owners" | "studio"> {
  readonly settings: StripeSettings;
  readonly dataDirectory: string;
  readonly ports: Pick<Ports, "clock" | "log">;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
}

/** Throws `billing.invalid_plans`, `billing.invalid_settings`, `billing.package_missing`. */
export async function setUpBilling(options: BillingSetupOptions): Promise<BillingPort> {
  const { settings, dataDirectory, ports, origin, members, emailOf, owners, studio } = options;
  const list = await loadPlans(dataDirectory);
  const returnUrl = (organization: string) => `${origin()}${pagesOf(organization)}/settings/billing`;
  const payments = await createStripePayments({ ...settings, ports, studio, returnUrl });
  return { ...list, payments, members, emailOf, owners, studio };
}
