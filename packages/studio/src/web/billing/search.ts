export interface BillingSearch {
  /** The page of Stripe from which a person comes back. */
  readonly from?: "checkout" | "portal";
}

export function readBillingSearch({ from }: Readonly<Record<string, unknown>>): BillingSearch {
  return from === "checkout" || from === "portal" ? { from } : {};
}
