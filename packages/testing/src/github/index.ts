/**
 * Emulator of a GitHub Enterprise Server on loopback: an App with installations, the OAuth web flow, the REST API of
 * repositories and pull requests, webhooks, and real git over smart HTTP. Tests set its faults and its rate limit.
 */
export type { RateLimit } from "../forge-server/emulator.ts";
export type { HostedRepository } from "../forge-server/repository.ts";
export type { ForgeFault } from "../forge-server/server.ts";
export type { WebhookDelivery, WebhookSender } from "../forge-server/webhook-sender.ts";
export { Accounts, type Installation } from "./accounts.ts";
export { GitHubEmulator } from "./emulator.ts";
