import type {
  ChannelServices,
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import { command, type DeliveryChannel, deliveryTimeoutMs, webhook } from "./delivery-channels.ts";
import {
  type DeliveredNotice,
  deliveryBody,
  listResult,
  parseList,
  parseNotice,
  retryDelayMs,
  tooManyNotices,
} from "./notice.ts";
import { Outbox } from "./outbox.ts";

/** Timers stay short, since the clock may be set. */
const maxTimerMs = 60_000;

/**
 * Notices to the person. Each is stored first and then delivered, at least once and in order of their due times.
 * Without a configured delivery channel they are kept and can be listed. At a node of a cluster they are in the store of
 * all nodes, and this process only delivers those that it is handed.
 */
class NotifyHandler implements PluginHandler {
  #outbox: Outbox | undefined;
  #channels: readonly DeliveryChannel[] = [];
  #publish: ChannelServices["publishEvent"] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delivering: Promise<void> | undefined;
  /** Consecutive failures to store the outcome of a delivery. */
  #storeFailures = 0;
  readonly #stopping = new AbortController();

  async initialize(
    services: CoreServices & Partial<PluginServices> & Partial<ChannelServices>,
  ): Promise<void> {
    const { dataDirectory, egress = {}, config = {} } = services;
    if (dataDirectory === undefined) throw new Error("The notify plugin needs a data directory");
    const argv: unknown = config["command"] ?? [];
    const words = Array.isArray(argv) ? argv.map(String) : [];
    this.#channels = [
      ...(words.length === 0 ? [] : [command(words, dataDirectory)]),
      ...(egress["webhook"] === undefined
        ? []
        : [webhook(`${egress["webhook"]}${String(config["webhook_path"] ?? "/")}`)]),
    ];
    if (this.#channels.length > 1)
      throw new Error("Configure either a command or a webhook for notices, not both");
    this.#publish = services.publishEvent;
    if (services.verifyOnly || services.sharesData === true) return;
    this.#outbox = new Outbox(dataDirectory);
    if (this.#channels.length === 0) this.#outbox.keepWithoutDelivery();
    this.#scheduleDelivery();
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    context: PluginContext,
  ): Promise<ToolInvocationResult> {
    switch (tool) {
      case "notify_send":
        return { ok: true, result: this.#send(args, context) };
      case "notify_list": {
        const { state, limit } = parseList(args);
        return listResult(this.#requireOutbox().list(context.group, state, limit));
      }
      // The manifest has neither of the following: only the gate of a node can call them.
      case "notify_channel":
        return { ok: true, result: { configured: this.#channels.length > 0 } };
      case "notify_deliver":
        return { ok: true, result: await this.#deliverOne(args["notice"] as DeliveredNotice) };
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: `Unknown tool: "${tool}"` });
    }
  }

  #requireOutbox(): Outbox {
    if (this.#outbox === undefined) throw new Error("The outbox is not open");
    return this.#outbox;
  }

  #send(args: Record<string, unknown>, context: PluginContext): Record<string, unknown> {
    const notice = parseNotice(args, context);
    const now = Date.now();
    const delayMs = this.#requireOutbox().rateLimitDelayMs(context.group, now);
    if (delayMs > 0) throw tooManyNotices(delayMs);
    const state = this.#channels.length > 0 ? "waiting" : "kept";
    const id = this.#requireOutbox().add({ ...notice, group: context.group, at: now, state });
    // Also published to listeners in the gate's process. The outbox is authoritative, so failures are ignored.
    void this.#publish?.({
      topic: "notice.added",
      group: context.group,
      payload: { id, title: notice.title, state },
    }).catch(() => {});
    this.#scheduleDelivery();
    return { id, state };
  }

  #scheduleDelivery(atLeastMs = 0): void {
    if (this.#delivering !== undefined || this.#stopping.signal.aborted || this.#channels.length === 0)
      return;
    clearTimeout(this.#timer);
    const next = this.#requireOutbox().nextAt();
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#delivering = this.#deliverAndReschedule();
      },
      Math.max(atLeastMs, Math.min(maxTimerMs, next - Date.now())),
    );
  }

  async #deliverAndReschedule(): Promise<void> {
    let atLeastMs = 0;
    try {
      await this.#deliver();
      this.#storeFailures = 0;
    } catch (error) {
      // An outcome that was not stored means another delivery: back off.
      console.error("the outcome of a notice could not be stored", error);
      atLeastMs = retryDelayMs(this.#storeFailures);
      this.#storeFailures += 1;
    }
    this.#delivering = undefined;
    this.#scheduleDelivery(atLeastMs);
  }

  async #deliver(): Promise<void> {
    const [channel] = this.#channels;
    while (channel !== undefined && !this.#stopping.signal.aborted) {
      const notice = this.#requireOutbox().nextDue(Date.now());
      if (notice === undefined) return;
      const problem = await this.#handOver(channel, notice);
      // Shutdown is not a failed attempt: the next process continues.
      if (this.#stopping.signal.aborted) return;
      if (problem === undefined) this.#requireOutbox().markSent(notice.id);
      else this.#requireOutbox().markFailed(notice, problem, Date.now());
    }
  }

  /** Delivers a notice of the store that all nodes share. */
  async #deliverOne(notice: DeliveredNotice): Promise<Record<string, unknown>> {
    const [channel] = this.#channels;
    if (channel === undefined) return { configured: false };
    const problem = await this.#handOver(channel, notice);
    if (this.#stopping.signal.aborted) throw new Error("The notify plugin is stopping");
    return { configured: true, ...(problem === undefined ? {} : { problem }) };
  }

  /** Returns why the notice could not be delivered; undefined if it was. */
  async #handOver(channel: DeliveryChannel, notice: DeliveredNotice): Promise<string | undefined> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(deliveryTimeoutMs)]);
    try {
      await channel(deliveryBody(notice), notice.id, signal);
      return undefined;
    } catch (error) {
      if (signal.aborted) return `No answer within ${deliveryTimeoutMs} ms`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#delivering;
    this.#outbox?.close();
  }
}

export default new NotifyHandler();
