import type {
  ChannelServices,
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  PluginVerifyResult,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import type { SearchObject } from "imapflow";
import { Mailbox, mailboxLimits } from "./mailbox.ts";
import { compose, send, verifySmtp } from "./outgoing.ts";
import { type MailServer, type MailSettings, readSettings, refused } from "./settings.ts";
import { MailWatcher } from "./watcher.ts";

/** Mail tools. Passwords stay in this process, which can reach only the two configured servers. */
class MailHandler implements PluginHandler {
  #settings: MailSettings | undefined;
  #mailbox: Mailbox | undefined;
  #watcher: MailWatcher | undefined;

  async initialize(
    services: CoreServices & Partial<PluginServices> & Partial<ChannelServices>,
  ): Promise<void> {
    this.#settings = readSettings(services);
    const { imap, watch, address } = this.#settings;
    if (imap === undefined) return;
    this.#mailbox = new Mailbox(imap);
    const { dataDirectory, publishEvent: publish, verifyOnly } = services;
    if (watch === undefined || dataDirectory === undefined || publish === undefined || verifyOnly) return;
    // A separate connection, so that waiting for new mail does not delay tool calls.
    const mailbox = new Mailbox(imap);
    this.#watcher = new MailWatcher({ mailbox, settings: watch, address, dataDirectory, publish });
    this.#watcher.start();
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    context: PluginContext,
  ): Promise<ToolInvocationResult> {
    const groups = this.#settings?.groups;
    if (groups !== undefined && !groups.includes(context.group)) {
      throw refused("The operator does not allow mail for this group", undefined, "NOT_ALLOWED");
    }
    return { ok: true, result: await this.#call(tool, args, context) };
  }

  async #call(
    tool: string,
    args: Record<string, unknown>,
    { signal }: PluginContext,
  ): Promise<Record<string, unknown>> {
    const folder = parseFolder(args["folder"]);
    const uid = Number(args["uid"]);
    switch (tool) {
      case "mail_list":
        return { folders: await this.#requireMailbox().folders(signal) };
      case "mail_search": {
        const limit = typeof args["limit"] === "number" ? args["limit"] : mailboxLimits.listed;
        return {
          folder,
          ...(await this.#requireMailbox().search(folder, parseCriteria(args), limit, signal)),
        };
      }
      case "mail_read": {
        const most = typeof args["max_bytes"] === "number" ? args["max_bytes"] : mailboxLimits.textBytes;
        return { folder, ...(await this.#requireMailbox().read(folder, uid, most, signal)) };
      }
      case "mail_attachment":
        return {
          folder,
          ...(await this.#requireMailbox().attachment(folder, uid, String(args["part"]), signal)),
        };
      case "mail_send":
        return this.#send(args, folder, signal);
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  async #send(
    args: Record<string, unknown>,
    folder: string,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, unknown>> {
    const { smtp, settings } = this.#sender();
    const replyUid = args["reply_to_uid"];
    const replyTarget =
      typeof replyUid === "number"
        ? await this.#requireMailbox().replyHeaders(folder, replyUid, signal)
        : undefined;
    const outgoing = await compose(args, settings, replyTarget);
    const { accepted, rejected } = await send(outgoing, smtp, settings.address, signal);
    return {
      message_id: outgoing.messageId,
      accepted: [...accepted],
      ...(rejected.length === 0 ? {} : { rejected: [...rejected] }),
      ...(settings.sentFolder === "" ? {} : { copied: await this.#copy(settings, outgoing.raw) }),
    };
  }

  /** The message is sent: a failed copy is reported but is no error. */
  async #copy({ sentFolder }: MailSettings, raw: Buffer): Promise<boolean> {
    try {
      await this.#requireMailbox().append(sentFolder, raw);
      return true;
    } catch {
      return false;
    }
  }

  #requireMailbox(): Mailbox {
    if (this.#mailbox === undefined) throw notConfigured("imap");
    return this.#mailbox;
  }

  #sender(): { smtp: MailServer; settings: MailSettings } {
    const settings = this.#settings;
    if (settings?.smtp === undefined) throw notConfigured("smtp");
    return { smtp: settings.smtp, settings };
  }

  async verify(): Promise<PluginVerifyResult> {
    const { imap, smtp } = this.#settings ?? {};
    if (imap === undefined && smtp === undefined)
      return { ok: false, message: "No mail server is configured" };
    try {
      if (imap !== undefined) await this.#requireMailbox().verify();
      if (smtp !== undefined) await verifySmtp(smtp);
      return { ok: true, message: "The mail servers accept the credentials" };
    } catch (error) {
      return {
        ok: false,
        message: error instanceof ToolError ? error.message : "The mail servers do not respond",
      };
    }
  }

  async shutdown(): Promise<void> {
    await this.#watcher?.stop();
    await this.#mailbox?.close();
  }
}

function notConfigured(connection: "imap" | "smtp"): ToolError {
  return refused(
    `The operator has not configured this mail server (it needs the connection "${connection}" and an address)`,
    undefined,
    "NOT_CONFIGURED",
  );
}

function parseFolder(value: unknown): string {
  if (value === undefined) return "INBOX";
  if (typeof value !== "string" || value === "" || /\p{Cc}/u.test(value)) {
    throw refused("This is not a valid folder name", "folder");
  }
  return value;
}

function parseCriteria(args: Record<string, unknown>): SearchObject {
  const criteria: SearchObject = {};
  for (const name of ["text", "from", "to", "subject"] as const) {
    const value = args[name];
    if (typeof value !== "string" || value === "") continue;
    if (/\p{Cc}/u.test(value)) throw refused("A search text must be a single line", name);
    criteria[name] = value;
  }
  for (const name of ["since", "before"] as const) {
    const value = args[name];
    if (value === undefined) continue;
    if (!isExistingDay(String(value)))
      throw refused("A date is an existing day, written like 2026-01-31", name);
    criteria[name] = String(value);
  }
  if (args["unseen"] === true) criteria.seen = false;
  if (typeof args["before_uid"] === "number") criteria.uid = `1:${args["before_uid"] - 1}`;
  return Object.keys(criteria).length === 0 ? { all: true } : criteria;
}

/** `Date` reads February 30 as a day of March. */
function isExistingDay(text: string): boolean {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

export default new MailHandler();
