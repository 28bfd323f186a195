import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { Vault } from "@holdfast/gate";
import type { GroupInbox } from "../groups/group-inbox.ts";
import { studioLimits } from "../limits.ts";
import { readBody } from "./read-body.ts";

export interface WebhookRouteOptions {
  readonly inbox: GroupInbox;
  readonly vault: Vault;
  readonly random: Ports["random"];
}

export type WebhookRoute = (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

/** Headers in which senders put their delivery id. */
const deliveryHeaders = ["idempotency-key", "webhook-id", "x-github-delivery", "x-request-id"];

/**
 * `POST /hooks/GROUP/NAME`: an event for a group, authenticated by the webhook's secret. Responds with 202 when the
 * event is durable. Throws `group.webhook_refused`, `group.queue_full`, `message.incoming_too_long`.
 */
export function createWebhookRoute({ inbox, vault, random }: WebhookRouteOptions): WebhookRoute {
  return async (path, request, response) => {
    const [, , group = "", hook = "", ...rest] = path.split("/");
    if (request.method !== "POST" || rest.length > 0)
      throw new HoldfastError("gateway", "method_not_allowed", "Use POST on /hooks/GROUP/NAME");
    const header = (name: string) => {
      const value = request.headers[name];
      return typeof value === "string" && value.length <= 1_024 ? value : undefined;
    };
    const authorization = header("authorization");
    const signature = header("x-hub-signature-256");
    const deliveryId = deliveryHeaders.map(header).find((each) => each !== undefined);
    const event = await inbox.acceptFromWebhook(
      { group, hook },
      {
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(signature === undefined ? {} : { signature }),
          ...(deliveryId === undefined ? {} : { deliveryId }),
          contentType: header("content-type") ?? "no type",
        },
        body: await readBody(request, studioLimits.maxWebhookBytes),
        deliveryId: uuidv4(random),
      },
      vault,
    );
    response.writeHead(202, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify({ event: event.seq, duplicate: event.duplicate }));
  };
}
