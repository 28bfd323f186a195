import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { ToolError } from "@holdfast/gate/plugin";
import nodemailer from "nodemailer";
import MailComposer from "nodemailer/lib/mail-composer";
import { type MailServer, type MailSettings, refused } from "./settings.ts";

export const outgoingLimits = {
  recipients: 50,
  attachmentBytes: 512 * 1024,
  fileNameCharacters: 150,
  /** Timeout of each SMTP reply. */
  answerMs: 30_000,
  connectMs: 10_000,
} as const;

/** Composed message: its bytes and recipients. */
export interface ComposedMessage {
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly raw: Buffer;
}

/** Headers of the message that this one replies to. */
export interface ReplyTarget {
  readonly messageId: string;
  readonly references: readonly string[];
}

const plainAddress =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

function parseAddresses(value: unknown, field: string, { recipients: allowed }: MailSettings): string[] {
  const given: unknown[] = Array.isArray(value) ? value : [];
  return given.map((each) => {
    if (typeof each !== "string" || each.length > 254 || !plainAddress.test(each)) {
      throw refused("An address is written like name@example.com, without a display name", field);
    }
    const lower = each.toLowerCase();
    const domain = lower.slice(lower.lastIndexOf("@"));
    if (allowed !== undefined && !allowed.includes(lower) && !allowed.includes(domain)) {
      throw refused(`The operator does not allow mail to ${each}`, field, "RECIPIENT_NOT_ALLOWED");
    }
    return each;
  });
}

/** Validates a single line, without control characters or any that disguise its text. */
function parseLine(value: unknown, field: string): string {
  const text = String(value);
  if (/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text) || !text.isWellFormed()) {
    throw refused("This must be a single line of plain text", field);
  }
  return text;
}

function parseAttachments(value: unknown): { filename: string; content: Buffer }[] {
  const given: unknown[] = Array.isArray(value) ? value : [];
  let bytes = 0;
  return given.map((each) => {
    const { name, base64, ...rest } = Object(each) as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw refused(`An attachment has no property "${unknown}"`, "attachments");
    const filename = parseLine(name ?? "", "attachments");
    if (filename === "" || filename.length > outgoingLimits.fileNameCharacters || /[/\\]/.test(filename)) {
      throw refused("The name of an attachment must be a plain file name", "attachments");
    }
    if (typeof base64 !== "string" || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
      throw refused("The content of an attachment must be base64", "attachments");
    }
    const content = Buffer.from(base64, "base64");
    bytes += content.length;
    if (bytes > outgoingLimits.attachmentBytes) {
      throw refused(
        `Attachments are limited to ${outgoingLimits.attachmentBytes} bytes in total`,
        "attachments",
      );
    }
    return { filename, content };
  });
}

/** Composes the message. Throws an error that names the invalid argument. */
export async function compose(
  args: Record<string, unknown>,
  settings: MailSettings,
  replyTarget?: ReplyTarget,
): Promise<ComposedMessage> {
  const [to, cc, bcc] = ["to", "cc", "bcc"].map((field) => parseAddresses(args[field], field, settings));
  const recipients = [...new Set([...(to ?? []), ...(cc ?? []), ...(bcc ?? [])])];
  if (recipients.length === 0) throw refused("The message needs at least one recipient", "to");
  if (recipients.length > outgoingLimits.recipients) {
    throw refused(`A message has at most ${outgoingLimits.recipients} recipients`, "to");
  }
  const messageId = `<${randomUUID()}@${settings.address.slice(settings.address.lastIndexOf("@") + 1)}>`;
  const list = (each: readonly string[] = []) => each.map((address) => ({ name: "", address }));
  const composer = new MailComposer({
    messageId,
    from: { name: parseLine(settings.name, "from"), address: settings.address },
    to: list(to),
    cc: list(cc),
    subject: parseLine(args["subject"] ?? "", "subject"),
    text: String(args["text"] ?? "").toWellFormed(),
    attachments: parseAttachments(args["attachments"]),
    // The composer must not read files or URLs that a message names.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(replyTarget === undefined
      ? {}
      : { inReplyTo: replyTarget.messageId, references: [...replyTarget.references, replyTarget.messageId] }),
  });
  return { messageId, recipients, raw: await composer.compile().build() };
}

export interface SendResult {
  readonly accepted: readonly string[];
  /** Recipients that the server refused; the others received the message. */
  readonly rejected: readonly string[];
}

/** Sends a message over SMTP. An aborted `signal` closes the connection, whatever its state. */
export async function send(
  { raw, recipients }: ComposedMessage,
  server: MailServer,
  from: string,
  signal?: AbortSignal,
): Promise<SendResult> {
  const transport = transportTo(server);
  // Only the connection reads this stream: once it has ended, the server may have the complete message.
  const content = Readable.from([raw]);
  try {
    const { accepted, rejected } = await transport.sendMail({
      envelope: { from, to: [...recipients] },
      raw: content,
      ...(signal === undefined ? {} : { signal }),
    });
    return { accepted: accepted.map(textOf), rejected: rejected.map(textOf) };
  } catch (error) {
    throw failure(error, content.readableEnded);
  } finally {
    transport.close();
  }
}

/** Verifies that the server accepts the login. */
export async function verifySmtp(server: MailServer): Promise<void> {
  const transport = transportTo(server);
  try {
    await transport.verify();
  } catch (error) {
    throw failure(error);
  } finally {
    transport.close();
  }
}

function transportTo({ connection, security, tls, user, password }: MailServer) {
  return nodemailer.createTransport({
    host: "127.0.0.1",
    port: connection.localPort,
    secure: security === "tls",
    requireTLS: security === "starttls",
    ignoreTLS: security === "none",
    tls,
    auth: { user, pass: password() },
    disableFileAccess: true,
    disableUrlAccess: true,
    connectionTimeout: outgoingLimits.connectMs,
    greetingTimeout: outgoingLimits.connectMs,
    socketTimeout: outgoingLimits.answerMs,
  });
}

function textOf(address: unknown): string {
  return typeof address === "string" ? address : String(Reflect.get(Object(address), "address"));
}

/**
 * Maps an SMTP failure to an error with the server's reply and whether a retry helps. `handed`: the server may have
 * the complete message.
 */
function failure(error: unknown, mayBeSent = false): ToolError {
  const code: unknown = Reflect.get(Object(error), "code");
  const status: unknown = Reflect.get(Object(error), "responseCode");
  const serverText: unknown = Reflect.get(Object(error), "response");
  const serverReply =
    typeof serverText === "string" ? `: ${serverText.replace(/[\p{Cc}]+/gu, " ").slice(0, 300)}` : "";
  if (code === "EAUTH")
    return refused("The mail server refused the credentials", undefined, "MAIL_LOGIN_FAILED");
  if (typeof status === "number" && status >= 500) {
    return refused(`The mail server refused the message${serverReply}`, undefined, "MAIL_REFUSED");
  }
  // No reply: the message may have arrived, and a retry could send it twice.
  if (status === undefined && mayBeSent) {
    return refused(
      "The connection was lost before the mail server confirmed the message: it may have been sent",
      undefined,
      "MAIL_UNCERTAIN",
    );
  }
  return new ToolError({
    code: "MAIL_UNAVAILABLE",
    message: `The mail server is unavailable${serverReply || ` (${String(code ?? "no answer")})`}`,
    retriable: true,
  });
}
