import type {
  ChannelServices,
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import { type Notice, Outbox, restAfterMs } from "./outbox.ts";
import { command, type Way, wayTimeoutMs, webhook } from "./ways.ts";

const listed = 20;
/** The clock may be set, so that no sleep is long. */
const longestSleepMs = 60_000;

/**
 * Notices to the person. Each is on disk first and handed over afterwards, at least once and in the
 * order in which they are due; where the operator configured no way they are kept, and listed.
 */
class NotifyHandler implements PluginHandler {
  #outbox: Outbox | undefined;
  #ways: readonly Way[] = [];
  #publish: ChannelServices["publishEvent"] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #handing: Promise<void> | undefined;
  /** How often in a row the outbox could not keep what became of a notice. */
  #faults = 0;
  readonly #ending = new AbortController();

  async initialize(
    services: CoreServices & Partial<PluginServices> & Partial<ChannelServices>,
  ): Promise<void> {
    const { dataDirectory, egress = {}, config = {} } = services;
    if (dataDirectory === undefined) throw new Error("Notices need a folder for their data");
    const argv: unknown = config["command"] ?? [];
    const words = Array.isArray(argv) ? argv.map(String) : [];
    this.#ways = [
      ...(words.length === 0 ? [] : [command(words, dataDirectory)]),
      ...(egress["webhook"] === undefined
        ? []
        : [webhook(`${egress["webhook"]}${String(config["webhook_path"] ?? "/")}`)]),
    ];
    if (this.#ways.length > 1) throw new Error("Notices have one way: a command or a webhook");
    this.#publish = services.publishEvent;
    if (services.verifyOnly) return;
    this.#outbox = new Outbox(dataDirectory);
    if (this.#ways.length === 0) this.#outbox.keepWaiting();
    this.#wake();
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
        const limit = typeof args["limit"] === "number" ? args["limit"] : listed;
        const notices = this.#box().list(context.group, state, limit);
        return {
          ok: true,
          result: { notices: notices.map(told) },
          // What was written while words from outside were about brings them into the session that reads it.
          ...(notices.some(({ tainted }) => tainted) ? { untrusted: true } : {}),
        };
      }
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: `Unknown tool: "${tool}"` });
    }
  }

  #box(): Outbox {
    if (this.#outbox === undefined) throw new Error("The outbox is not open");
    return this.#outbox;
  }

  #send(args: Record<string, unknown>, context: PluginContext): Record<string, unknown> {
    const title = plain(args["title"], " ").trim();
    if (title === "") {
      throw new ToolError({ code: "HANDLER_ERROR", message: "The title says something", field: "title" });
    }
    const now = Date.now();
    const restMs = this.#box().restMs(context.group, now);
    if (restMs > 0) {
      throw new ToolError({
        code: "TOO_MANY_NOTICES",
        message: "The group has sent as many notices as it may for now",
        retriable: true,
        retry_after: Math.ceil(restMs / 1_000),
      });
    }
    const state = this.#ways.length > 0 ? "waiting" : "kept";
    const text = plain(args["text"] ?? "", "\n").trim();
    const id = this.#box().add({
      ...{ group: context.group, session: context.sessionId, title, text, at: now, state },
      urgency: String(args["urgency"] ?? "normal"),
      tainted: context.tainted === true,
    });
    // Whoever listens in the gate's own program hears of it too; the outbox is what counts.
    void this.#publish?.({
      topic: "notice.added",
      group: context.group,
      payload: { id, title, state },
    }).catch(() => {});
    this.#wake();
    return { id, state };
  }

  #wake(atLeastMs = 0): void {
    if (this.#handing !== undefined || this.#ending.signal.aborted || this.#ways.length === 0) return;
    clearTimeout(this.#timer);
    const next = this.#box().nextAt();
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#handing = this.#handOverAndWake();
      },
      Math.max(atLeastMs, Math.min(longestSleepMs, next - Date.now())),
    );
  }

  async #handOverAndWake(): Promise<void> {
    let atLeastMs = 0;
    try {
      await this.#handOver();
      this.#faults = 0;
    } catch (error) {
      // What is not marked as handed over is handed over again: ever more rarely, as after any failure.
      console.error("what became of a notice could not be kept", error);
      atLeastMs = restAfterMs(this.#faults);
      this.#faults += 1;
    }
    this.#handing = undefined;
    this.#wake(atLeastMs);
  }

  async #handOver(): Promise<void> {
    const [way] = this.#ways;
    while (way !== undefined && !this.#ending.signal.aborted) {
      const notice = this.#box().due(Date.now());
      if (notice === undefined) return;
      const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(wayTimeoutMs)]);
      try {
        const { id, group, title, text, urgency, tainted, at } = notice;
        const when = new Date(at).toISOString();
        await way(JSON.stringify({ id, group, title, text, urgency, tainted, at: when }), id, signal);
        this.#box().sent(id);
      } catch (error) {
        // The end of this process is nobody's failure: the next one goes on.
        if (this.#ending.signal.aborted) return;
        const problem = signal.aborted
          ? `No answer within ${wayTimeoutMs} ms`
          : error instanceof Error
            ? error.message
            : String(error);
        this.#box().failed(notice, problem, Date.now());
      }
    }
  }

  async shutdown(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    await this.#handing;
    this.#outbox?.close();
  }
}

/** Nothing that could make a notice look like something else; line breaks become `lineBreak`. */
function plain(value: unknown, lineBreak: string): string {
  return String(value)
    .toWellFormed()
    .replace(/\r\n?|[\n\u0085\u2028\u2029]/g, lineBreak)
    .replace(/[\p{Cf}]|(?!\n)\p{Cc}/gu, "");
}

function told({ id, title, text, urgency, tainted, at, state, attempts, problem }: Notice) {
  return {
    ...{ id, title, text, urgency, tainted, at: new Date(at).toISOString(), state, attempts },
    ...(problem === null ? {} : { problem }),
  };
}

export default new NotifyHandler();
