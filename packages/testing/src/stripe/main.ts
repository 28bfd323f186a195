/**
 * Serves the emulator for a trial: `node packages/testing/src/stripe/main.ts [--port PORT] [--studio URL]`. Prints the
 * variables and the plans for the Studio. Its first page moves the clock.
 */
import { parseArgs } from "node:util";
import { StripeEmulator } from "./emulator.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "12111" },
    studio: { type: "string", default: "http://127.0.0.1:6420" },
  },
});
const key = "sk_test_trial";
const secret = "whsec_trial";
const emulator = await StripeEmulator.start({ key, port: Number(values.port) });
emulator.addPrice("price_team", 2_000);
emulator.addPrice("price_seat", 500);
emulator.addPrice("price_minutes", 2, "sandbox_minutes");
emulator.sendWebhooksTo(`${values.studio}/billing/webhook`, secret);
const plans = [
  { name: "free", title: "Free", seats: 1, limits: { tasksAtOnce: 1, sandboxMinutes: 600, modelCents: 500 } },
  {
    ...{ name: "team", title: "Team", description: "For a team.", price: "price_team", seats: 3 },
    seatPrice: "price_seat",
    usage: [{ measure: "sandboxMinutes", price: "price_minutes", event: "sandbox_minutes" }],
  },
];
console.log(`An emulator of Stripe runs. Put this into plans.json in the data directory of the Studio:

${JSON.stringify({ version: 1, graceDays: 14, plans }, null, 2)}

and start the Studio with:

HOLDFAST_STRIPE_KEY=${key} HOLDFAST_STRIPE_WEBHOOK_SECRET=${secret} HOLDFAST_STRIPE_URL=${emulator.url} npm start

A month passes with the button on ${emulator.url}`);
const stop = () => void emulator.close();
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
