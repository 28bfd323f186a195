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
  /** Of one answer that a server owes. */
  answerMs: 30_000,
  connectMs: 10_000,
} as const;

/** A message that is complete: its bytes, and who gets them. */
export interface Outgoing {
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly raw: Buffer;
}

/** The message that is answered. */
export interface Answered {
  readonly messageId: string;
  readonly references: readonly string[];
}

const plainAddress =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

function addresses(value: unknown, field: string, { recipients: allowed }: MailSettings): string[] {
  const given: unknown[] = Array.isArray(value) ? value : [];
  return given.map((each) => {
    if (typeof each !== "string" || each.length > 254 || !plainAddress.test(each)) {
      throw refused("An address is plain: name@example.com", field);
    }
    const lower = each.toLowerCase();
    const domain = lower.slice(lower.lastIndexOf("@"));
    if (allowed !== undefined && !allowed.includes(lower) && !allowed.includes(domain)) {
      throw refused(`The operator does not let ${each} be written to`, field, "RECIPIENT_NOT_ALLOWED");
    }
    return each;
  });
}

/** One line without anything that could end it, or show it otherwise than it is. */
function line(value: unknown, field: string): string {
  const text = String(value);
  if (/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(text) || !text.isWellFormed()) {
    throw refused("This is one line of plain text", field);
  }
  return text;
}

function attachments(value: unknown): { filename: string; content: Buffer }[] {
  const given: unknown[] = Array.isArray(value) ? value : [];
  let bytes = 0;
  return given.map((each) => {
    const { name, base64, ...rest } = Object(each) as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw refused(`An attachment has no "${unknown}"`, "attachments");
    const filename = line(name ?? "", "attachments");
    if (filename === "" || filename.length > outgoingLimits.fileNameCharacters || /[/\\]/.test(filename)) {
      throw refused("The name of an attachment is a plain file name", "attachments");
    }
    if (typeof base64 !== "string" || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
      throw refused("The content of an attachment is base64", "attachments");
    }
    const content = Buffer.from(base64, "base64");
    bytes += content.length;
    if (bytes > outgoingLimits.attachmentBytes) {
      throw refused(`Attachments have at most ${outgoingLimits.attachmentBytes} bytes`, "attachments");
    }
    return { filename, content };
  });
}

/** Builds the message, or says which argument is at fault. */
export async function compose(
  args: Record<string, unknown>,
  settings: MailSettings,
  answered?: Answered,
): Promise<Outgoing> {
  const [to, cc, bcc] = ["to", "cc", "bcc"].map((field) => addresses(args[field], field, settings));
  const recipients = [...new Set([...(to ?? []), ...(cc ?? []), ...(bcc ?? [])])];
  if (recipients.length === 0) throw refused("Nobody would get the message", "to");
  if (recipients.length > outgoingLimits.recipients) {
    throw refused(`A message has at most ${outgoingLimits.recipients} recipients`, "to");
  }
  const messageId = `<${randomUUID()}@${settings.address.slice(settings.address.lastIndexOf("@") + 1)}>`;
  const list = (each: readonly string[] = []) => each.map((address) => ({ name: "", address }));
  const composer = new MailComposer({
    messageId,
    from: { name: line(settings.name, "from"), address: settings.address },
    to: list(to),
    cc: list(cc),
    subject: line(args["subject"] ?? "", "subject"),
    text: String(args["text"] ?? "").toWellFormed(),
    attachments: attachments(args["attachments"]),
    // Nothing that a message says is looked up on this machine or elsewhere.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(answered === undefined
      ? {}
      : { inReplyTo: answered.messageId, references: [...answered.references, answered.messageId] }),
  });
  return { messageId, recipients, raw: await composer.compile().build() };
}

export interface Sent {
  readonly accepted: readonly string[];
  /** Those that the server did not take; the others got it. */
  readonly rejected: readonly string[];
}

/** Gives a message to the server of the person. An aborted `signal` ends the connection, whatever was said by it. */
export async function send(
  { raw, recipients }: Outgoing,
  server: MailServer,
  from: string,
  signal?: AbortSignal,
): Promise<Sent> {
  const transport = transportTo(server);
  // It is read by the connection alone, so whether it is at its end tells if the server may have all of it.
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

/** Logs in and says nothing more. */
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

/** What the server said is told, in one line; whether it helps to try again, too. `handed`: the message was given away. */
function failure(error: unknown, handed = false): ToolError {
  const code: unknown = Reflect.get(Object(error), "code");
  const status: unknown = Reflect.get(Object(error), "responseCode");
  const said: unknown = Reflect.get(Object(error), "response");
  const answer = typeof said === "string" ? `: ${said.replace(/[\p{Cc}]+/gu, " ").slice(0, 300)}` : "";
  if (code === "EAUTH") return refused("The mail server refuses the login", undefined, "MAIL_LOGIN_FAILED");
  if (typeof status === "number" && status >= 500) {
    return refused(`The mail server refuses the message${answer}`, undefined, "MAIL_REFUSED");
  }
  // Nothing came back, so that it may have arrived: who tries again would send it twice.
  if (status === undefined && handed) {
    return refused(
      "The connection broke at the end: the message may have been sent",
      undefined,
      "MAIL_UNCERTAIN",
    );
  }
  return new ToolError({
    code: "MAIL_UNAVAILABLE",
    message: `The mail server cannot be used now${answer || ` (${String(code ?? "no answer")})`}`,
    retriable: true,
  });
}
