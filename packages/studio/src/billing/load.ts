import type { Ports } from "@holdfast/core";
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
