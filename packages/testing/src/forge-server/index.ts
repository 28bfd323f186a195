/** Types of what all emulators of forges share. */

export type { ForgeEmulator, RateLimit } from "./emulator.ts";
export type { HostedPullRequest, HostedRepository } from "./repository.ts";
export type { ForgeFault } from "./server.ts";
export type { WebhookDelivery, WebhookSender } from "./webhook-sender.ts";
