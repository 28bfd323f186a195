import type { Ports } from "@holdfast/core";
import { operator } from "../access/person.ts";
import type { CheckedConnection } from "../administration/connections.ts";
import type { BillingPort } from "../backend/billing/state.ts";
import type { StudioBackends } from "../backends.ts";
import type { PeopleSetup } from "../people/setup.ts";
import type { StripeSettings } from "./stripe.ts";

export interface BillingParts {
  readonly options: { readonly billing?: StripeSettings };
  readonly ports: Ports;
  readonly backends: StudioBackends;
}

/** Loaded on demand: without a key of Stripe, nothing of it is there. Throws `billing.*`. */
export async function loadBilling(
  { options, ports, backends, dataDirectory }: BillingParts & { readonly dataDirectory: string },
  origin: () => string,
  people: PeopleSetup | undefined,
): Promise<BillingPort | undefined> {
  if (options.billing === undefined) return undefined;
  const { setUpBilling } = await import("./setup.ts");
  let studio: Promise<string> | undefined;
  return setUpBilling({
    ...{ settings: options.billing, dataDirectory, ports, origin },
    studio: () => {
      studio ??= backends.identity().catch((error: unknown) => {
        studio = undefined;
        throw error;
      });
      return studio;
    },
    members: async (organization) => people?.countMembers(organization),
    emailOf: async (person, organization) =>
      (await people?.standing(person, organization))?.email ?? undefined,
    // Before anybody has joined, everything is the operator's.
    owners: async (organization) => {
      const owners = (await people?.owners(organization)) ?? [];
      return owners.length === 0 ? [operator.id] : owners;
    },
  });
}

/** Tells billing who has joined or left. If that is lost, the next look at Stripe counts the members. */
export function tellBilling({ options, ports, backends }: BillingParts) {
  if (options.billing === undefined) return {};
  const membersChanged = (organization: string): void => {
    backends.billing
      .membersChanged(organization)
      .catch((error: unknown) => ports.log.warn("could not tell billing about members", { error }));
  };
  return { membersChanged };
}

/** Stripe among the connections of the settings: a check reads the prices of all plans. */
export function paymentsConnection({ payments, plans }: BillingPort, url?: string): CheckedConnection {
  const host = url === undefined ? "api.stripe.com" : new URL(url).host;
  return {
    ...{ id: "payments", name: "Stripe" },
    detail: () => `${plans.length} plans are sold through ${host}`,
    async check() {
      const ids = plans.flatMap(({ price, seatPrice, usage }) => [
        price,
        seatPrice,
        ...usage.map((use) => use.price),
      ]);
      const prices = [...new Set(ids)].filter((id) => id !== undefined);
      await Promise.all(prices.map((id) => payments.price(id)));
      return `${host} accepts the key, and knows the ${prices.length} prices of the plans`;
    },
  };
}
