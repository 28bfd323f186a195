import { mkdir } from "node:fs/promises";
import { StripeEmulator } from "../stripe/emulator.ts";
import { type DemoPaymentsState, readState, writeState } from "./state-file.ts";

const key = "sk_test_demo_team";
const webhookSecret = "whsec_demo_team";

/** What the demo team can buy. The free plan bounds nothing that a trial needs. */
export const plans = {
  version: 1,
  graceDays: 14,
  plans: [
    {
      ...{ name: "free", title: "Free", description: "To look around.", seats: 3 },
      limits: { tasksAtOnce: 20, sandboxMinutes: 6_000 },
    },
    {
      ...{ name: "crew", title: "Crew", description: "For a crew.", price: "price_crew", seats: 1 },
      ...{ seatPrice: "price_seat" },
      usage: [{ measure: "sandboxMinutes", price: "price_minutes", event: "sandbox_minutes" }],
    },
  ],
} as const;

/** Stripe of the demo team: an emulator that survives its process. */
export class DemoPayments {
  readonly #stripe: StripeEmulator;

  private constructor(stripe: StripeEmulator) {
    this.#stripe = stripe;
  }

  /** Starts it, on the port that it had before. Rejects with EADDRINUSE when another process has that. */
  static async start({ directory }: { readonly directory: string }): Promise<DemoPayments> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const state = await readState<DemoPaymentsState>(directory);
    const stripe: StripeEmulator = await StripeEmulator.start({
      ...{ key, kept: state?.stripe },
      ...(state === undefined ? {} : { port: state.port }),
      onWrite: () => save(),
    });
    const save = () =>
      writeState(directory, {
        ...{ version: 1, port: Number(new URL(stripe.url).port), stripe: stripe.kept() },
      });
    if (state === undefined) {
      stripe.addPrice("price_crew", 2_000);
      stripe.addPrice("price_seat", 500);
      stripe.addPrice("price_minutes", 2, "sandbox_minutes");
      save();
    }
    return new DemoPayments(stripe);
  }

  get url(): string {
    return this.#stripe.url;
  }

  /** The account, as the Studio needs it. */
  get settings(): { readonly key: string; readonly webhookSecret: string; readonly url: string } {
    return { key, webhookSecret, url: this.#stripe.url };
  }

  /** Sends webhooks to the Studio at `studioUrl` from now on, also those that an earlier process may have lost. */
  begin(studioUrl: string): void {
    this.#stripe.sendWebhooksTo(`${studioUrl}/billing/webhook`, webhookSecret);
    this.#stripe.repeatEvents();
  }

  close(): Promise<void> {
    return this.#stripe.close();
  }
}
