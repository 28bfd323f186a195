/**
 * Emulator of Stripe's API on loopback, as far as a subscription needs it: customers, prices, checkout and portal with
 * their hosted pages, subscriptions, invoices, meters, idempotency keys, and signed webhooks. Tests set its clock, its
 * cards, its faults and its rate limit.
 */
export type { WebhookDelivery } from "../forge-server/webhook-sender.ts";
export { StripeEmulator, type StripeFault } from "./emulator.ts";
export { signatureHeader } from "./events.ts";
export type { KeptStripe } from "./kept.ts";
export type { Customer, Invoice, MeterEvent, Price, Subscription } from "./objects.ts";
