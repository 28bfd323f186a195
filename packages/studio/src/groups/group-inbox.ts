import { HoldfastError, type Logger } from "@holdfast/core";
import type { EventEnvelope, PluginsConfig, Vault } from "@holdfast/gate";
import type { GroupEvent } from "../backend/group-state.ts";
import type { GroupEventAccepted } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import {
  groupEventFromPlugin,
  groupEventFromWebhook,
  isOnlyForPlugins,
  type WebhookDelivery,
} from "./group-events.ts";
import type { GroupRegistry } from "./group-registry.ts";
import { verifyWebhook, type WebhookHeaders } from "./webhook-secret.ts";

/** Passes an event to the actor of its group; durable when it resolves. */
export type AcceptEvent = (group: string, event: GroupEvent) => Promise<GroupEventAccepted>;

type OnEvent = NonNullable<PluginsConfig["onEvent"]>;

/**
 * Entry point for events from plugins and webhooks. Plugins start before the actors: an event that arrives too early
 * waits briefly and is then rejected, so that a plugin that persists it can publish it again.
 */
export class GroupInbox {
  readonly #registry: GroupRegistry;
  readonly #log: Logger;
  readonly #opened = Promise.withResolvers<AcceptEvent>();

  constructor(registry: GroupRegistry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
    this.#opened.promise.catch(() => {});
  }

  /** Starts accepting events. */
  open(accept: AcceptEvent): void {
    this.#opened.resolve(accept);
  }

  close(): void {
    this.#opened.reject(shuttingDown());
  }

  /**
   * Accepts a plugin's event. Ignores an event that is only for other plugins. Throws `group.not_found`,
   * `group.event_not_taken`, `group.queue_full`, `group.not_ready`.
   */
  readonly acceptFromPlugin: OnEvent = async (envelope: EventEnvelope, manifest) => {
    const { topic, source } = envelope;
    const configured = this.#registry.list().find(({ name }) => name === envelope.group);
    if (isOnlyForPlugins(configured, topic)) {
      this.#log.debug("an event of a plugin starts no turn", { group: envelope.group, topic, source });
      return;
    }
    const group = this.#registry.require(envelope.group);
    const event = groupEventFromPlugin(group, envelope, manifest.session);
    const accept = await this.#waitUntilOpen();
    await accept(group.name, event);
  };

  /**
   * Accepts a webhook request. Throws `group.webhook_refused`, equally for an unknown webhook and a wrong secret, and
   * `group.queue_full`.
   */
  async acceptFromWebhook(
    route: { readonly group: string; readonly hook: string },
    request: { readonly headers: WebhookHeaders; readonly body: Buffer; readonly deliveryId: string },
    vault: Vault,
  ): Promise<GroupEventAccepted> {
    const group = this.#registry.list().find(({ name }) => name === route.group);
    const hook = group?.webhooks.find(({ name }) => name === route.hook);
    const secret = hook === undefined ? undefined : await vault.readSecret({ name: hook.secret, owner: {} });
    const isAuthentic = verifyWebhook(secret, request.headers, request.body);
    if (group === undefined || hook === undefined || !isAuthentic) throw webhookRefused();
    const delivery: WebhookDelivery = {
      deliveryId: request.deliveryId,
      senderId: request.headers.deliveryId,
      contentType: request.headers.contentType,
      body: request.body.toString("utf8"),
    };
    const accept = await this.#waitUntilOpen();
    return accept(group.name, groupEventFromWebhook(group, hook, delivery));
  }

  async #waitUntilOpen(): Promise<AcceptEvent> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(notReady()), studioLimits.eventAcceptMs);
    try {
      return await Promise.race([this.#opened.promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function notReady(): HoldfastError {
  const message = "The server is starting. Publish the event again.";
  return new HoldfastError("group", "not_ready", message, { statusCode: 503 });
}

function shuttingDown(): HoldfastError {
  return new HoldfastError("group", "not_ready", "The server is shutting down", { statusCode: 503 });
}

function webhookRefused(): HoldfastError {
  const message =
    "The webhook does not exist, or the request does not prove that it knows the webhook's secret";
  return new HoldfastError("group", "webhook_refused", message, { statusCode: 401 });
}
