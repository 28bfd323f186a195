import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { Vault } from "@holdfast/gate";
import type { WebhookSettings } from "../backend/repositories/contract.ts";
import type { ForgeDelivery, ForgeEvent, Webhook } from "../forges/webhooks/event.ts";
import { readGiteaWebhook } from "../forges/webhooks/gitea.ts";
import { readGitHubWebhook } from "../forges/webhooks/github.ts";
import { readGitLabWebhook } from "../forges/webhooks/gitlab.ts";
import { studioLimits } from "../limits.ts";
import { readBody } from "./read-body.ts";
import type { WebhookRoute } from "./webhooks.ts";

/** The repository actors, as far as the route needs them. */
export interface WebhookRepositories {
  /** Undefined when there is no such repository, or none with webhooks. */
  settings(id: string): Promise<WebhookSettings | undefined>;
  /** Durable when it resolves; false for a delivery that was taken before. */
  deliver(id: string, delivery: ForgeDelivery): Promise<boolean>;
  /** Notes a delivery that was refused, for those who look for the reason. */
  refuse(id: string, failure: { readonly code: string; readonly message: string }): Promise<void>;
}

const readers = {
  github: readGitHubWebhook,
  gitlab: readGitLabWebhook,
  gitea: readGiteaWebhook,
} as const;

/**
 * `POST /forges/REPOSITORY`: a webhook of the repository's forge, authenticated by its secret. Responds with 202 when it is
 * durable. Throws `forge.webhook_refused`, equally for an unknown repository and a wrong secret, `forge.webhook_malformed`
 * and `message.incoming_too_long`.
 */
export function createForgeWebhook(repositories: WebhookRepositories, vault: Vault): WebhookRoute {
  return async (path, request, response) => {
    const [, , id = "", ...rest] = path.split("/");
    if (request.method !== "POST" || rest.length > 0)
      throw new HoldfastError("gateway", "method_not_allowed", "Use POST on /forges/REPOSITORY");
    const body = await readBody(request, studioLimits.maxForgeWebhookBytes);
    const settings = await repositories.settings(id);
    const secret =
      settings === undefined ? undefined : await vault.readSecret({ name: settings.secret, owner: {} });
    const header = (name: string) => {
      const value = request.headers[name];
      return typeof value === "string" && value.length <= 1_024 ? value : undefined;
    };
    const webhook: Webhook = { header, body, secrets: secret === undefined ? [] : [secret] };
    // Without a secret, every delivery is refused like one with a wrong signature.
    const { deliveryId, event } = await read(webhook, settings?.forge ?? "github").catch(
      async (error: unknown) => {
        // An unknown repository has nobody to tell.
        if (settings !== undefined && isHoldfastError(error)) {
          const { group, code, message } = error;
          await repositories.refuse(id, { code: `${group}.${code}`, message });
        }
        throw error;
      },
    );
    const isNew = await repositories.deliver(id, { deliveryId, event: withShortTexts(event) });
    response.writeHead(202, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify({ duplicate: !isNew }));
  };
}

async function read(webhook: Webhook, forge: WebhookSettings["forge"]): Promise<ForgeDelivery> {
  return readers[forge](webhook);
}

/** What a repository keeps of an event: texts of people can exceed what a call may carry. */
function withShortTexts(event: ForgeEvent): ForgeEvent {
  switch (event.kind) {
    case "pull_request":
      return { ...event, pullRequest: { ...event.pullRequest, body: shortened(event.pullRequest.body) } };
    case "issue":
      return { ...event, issue: { ...event.issue, body: shortened(event.issue.body) } };
    case "comment":
      return { ...event, comment: { ...event.comment, body: shortened(event.comment.body) } };
    case "check":
    case "push":
    case "installation":
    case "other":
      return event;
  }
}

function shortened(text: string): string {
  return text.slice(0, studioLimits.maxEventTextCharacters);
}
