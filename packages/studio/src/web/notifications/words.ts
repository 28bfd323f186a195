import type { InboxKind, NotificationChannel } from "../../contract.ts";

export const channelNames: Readonly<Record<NotificationChannel, string>> = {
  push: "Browser",
  mail: "Mail",
  webhook: "Webhook",
  slack: "Slack",
};

export const kindNames: Readonly<Record<InboxKind, string>> = {
  asks: "An approval waits",
  handover: "A task is handed over",
  mentioned: "Somebody mentions you",
  "review-requested": "A review is requested",
  failed: "A task failed",
  finished: "A task finished",
  "ci-failed": "Checks failed",
  payment: "A payment failed, or succeeded later",
};
