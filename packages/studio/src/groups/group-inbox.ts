import { HoldfastError, type Logger } from "@holdfast/core";
import type { EventEnvelope, PluginsConfig, Vault } from "@holdfast/gate";
import type { GroupEvent } from "../backend/group-state.ts";
import type { GroupEventAccepted } from "../contract.ts";
import { studioLimits } from "../limits.ts";
import type { GroupBook } from "./group-book.ts";
import { isForPlugins, pluginEvent, type WebhookDelivery, webhookEvent } from "./group-events.ts";
import { verifyWebhook, type WebhookHeaders } from "./webhook-secret.ts";

/** Hands an event to the actor of its group; durable when it resolves. */
export type AcceptEvent = (group: string, event: GroupEvent) => Promise<GroupEventAccepted>;

type OnEvent = NonNullable<PluginsConfig["onEvent"]>;

/**
 * Where events of plugins and webhooks come in. Plugins run before the actors do: what they publish
 * meanwhile waits a little, and is then refused, so that whoever keeps it publishes it again.
 */
export class GroupInbox {
  readonly #book: GroupBook;
  readonly #log: Logger;
  readonly #ready = Promise.withResolvers<AcceptEvent>();

  constructor(book: GroupBook, log: Logger) {
    this.#book = book;
    this.#log = log;
    this.#ready.promise.catch(() => {});
  }

  /** From now on events are taken. */
  open(accept: AcceptEvent): void {
    this.#ready.resolve(accept);
  }

  close(): void {
    this.#ready.reject(closed());
  }

  /**
   * An event that is for other plugins alone begins nothing here, and they get it.
   * Throws `group.not_found`, `group.event_not_taken`, `group.queue_full`, `group.not_ready`.
   */
  readonly fromPlugin: OnEvent = async (envelope: EventEnvelope, manifest) => {
    const { topic, source } = envelope;
    const named = this.#book.list().find(({ name }) => name === envelope.group);
    if (isForPlugins(named, topic)) {
      this.#log.debug("an event of a plugin begins no turn", { group: envelope.group, topic, source });
      return;
    }
    const group = this.#book.require(envelope.group);
    const event = pluginEvent(group, envelope, manifest.session);
    const accept = await this.#accept();
    await accept(group.name, event);
  };

  /** Throws `group.webhook_refused` for an unknown webhook as for a wrong secret, `group.queue_full`. */
  async fromWebhook(
    place: { readonly group: string; readonly hook: string },
    request: { readonly headers: WebhookHeaders; readonly body: Buffer; readonly deliveryId: string },
    vault: Vault,
  ): Promise<GroupEventAccepted> {
    const group = this.#book.list().find(({ name }) => name === place.group);
    const hook = group?.webhooks.find(({ name }) => name === place.hook);
    const secret = hook === undefined ? undefined : await vault.readSecret({ name: hook.secret, owner: {} });
    const proven = verifyWebhook(secret, request.headers, request.body);
    if (group === undefined || hook === undefined || !proven) throw refused();
    const delivery: WebhookDelivery = {
      deliveryId: request.deliveryId,
      senderId: request.headers.deliveryId,
      contentType: request.headers.contentType,
      body: request.body.toString("utf8"),
    };
    const accept = await this.#accept();
    return accept(group.name, webhookEvent(group, hook, delivery));
  }

  async #accept(): Promise<AcceptEvent> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(notReady()), studioLimits.eventAcceptMs);
    try {
      return await Promise.race([this.#ready.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function notReady(): HoldfastError {
  const message = "The server is starting: publish the event again";
  return new HoldfastError("group", "not_ready", message, { statusCode: 503 });
}

function closed(): HoldfastError {
  return new HoldfastError("group", "not_ready", "The server is shutting down", { statusCode: 503 });
}

function refused(): HoldfastError {
  const message = "There is no such webhook, or the request does not carry its secret";
  return new HoldfastError("group", "webhook_refused", message, { statusCode: 401 });
}
