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
import { type Notice, Outbox, retryDelayMs } from "./outbox.ts";

const defaultListLimit = 20;
/** Timers stay short, since the clock may be set. */
const maxTimerMs = 60_000;

/**
 * Notices to the person. Each is stored first and then delivered, at least once and in order of their due times.
 * Without a configured delivery channel they are kept and can be listed.
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
    if (services.verifyOnly) return;
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
        const state = typeof args["state"] === "string" ? args["state"] : undefined;
        const limit = typeof args["limit"] === "number" ? args["limit"] : defaultListLimit;
        const notices = this.#requireOutbox().list(context.group, state, limit);
        return {
          ok: true,
          result: { notices: notices.map(toListItem) },
          // Notices of tainted sessions taint the session that reads them.
          ...(notices.some(({ tainted }) => tainted) ? { untrusted: true } : {}),
        };
      }
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: `Unknown tool: "${tool}"` });
    }
  }

  #requireOutbox(): Outbox {
    if (this.#outbox === undefined) throw new Error("The outbox is not open");
    return this.#outbox;
  }

  #send(args: Record<string, unknown>, context: PluginContext): Record<string, unknown> {
    const title = toPlainText(args["title"], " ").trim();
    if (title === "") {
      throw new ToolError({ code: "HANDLER_ERROR", message: "The title is empty", field: "title" });
    }
    const now = Date.now();
    const delayMs = this.#requireOutbox().rateLimitDelayMs(context.group, now);
    if (delayMs > 0) {
      throw new ToolError({
        code: "TOO_MANY_NOTICES",
        message: "The group has reached its limit of notices for now",
        retriable: true,
        retry_after: Math.ceil(delayMs / 1_000),
      });
    }
    const state = this.#channels.length > 0 ? "waiting" : "kept";
    const text = toPlainText(args["text"] ?? "", "\n").trim();
    const id = this.#requireOutbox().add({
      ...{ group: context.group, session: context.sessionId, title, text, at: now, state },
      urgency: String(args["urgency"] ?? "normal"),
      tainted: context.tainted === true,
    });
    // Also published to listeners in the gate's process. The outbox is authoritative, so failures are ignored.
    void this.#publish?.({
      topic: "notice.added",
      group: context.group,
      payload: { id, title, state },
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
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(deliveryTimeoutMs)]);
      try {
        const { id, group, title, text, urgency, tainted, at } = notice;
        const when = new Date(at).toISOString();
        await channel(JSON.stringify({ id, group, title, text, urgency, tainted, at: when }), id, signal);
        this.#requireOutbox().markSent(id);
      } catch (error) {
        // Shutdown is not a failed attempt: the next process continues.
        if (this.#stopping.signal.aborted) return;
        const problem = signal.aborted
          ? `No answer within ${deliveryTimeoutMs} ms`
          : error instanceof Error
            ? error.message
            : String(error);
        this.#requireOutbox().markFailed(notice, problem, Date.now());
      }
    }
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#delivering;
    this.#outbox?.close();
  }
}

/** Strips characters that could disguise a notice, and replaces line breaks by `lineBreak`. */
function toPlainText(value: unknown, lineBreak: string): string {
  return String(value)
    .toWellFormed()
    .replace(/\r\n?|[\n\u0085\u2028\u2029]/g, lineBreak)
    .replace(/[\p{Cf}]|(?!\n)\p{Cc}/gu, "");
}

function toListItem({ id, title, text, urgency, tainted, at, state, attempts, problem }: Notice) {
  return {
    ...{ id, title, text, urgency, tainted, at: new Date(at).toISOString(), state, attempts },
    ...(problem === null ? {} : { problem }),
  };
}

export default new NotifyHandler();
