import { ToolError } from "@holdfast/gate/plugin";
import {
  type FetchMessageObject,
  ImapFlow,
  type MessageAddressObject,
  type MessageStructureObject,
  type SearchObject,
} from "imapflow";
import { type MailServer, refused } from "./settings.ts";

export const mailboxLimits = {
  folders: 500,
  listed: 20,
  textBytes: 64 * 1024,
  attachmentBytes: 512 * 1024,
  attachments: 100,
  /** Longest header text in a result. */
  headerCharacters: 1_000,
  addresses: 100,
  references: 50,
  connectMs: 10_000,
  answerMs: 25_000,
  /** How often IDLE is renewed: a quiet server must not run into `answerMs`. */
  renewMs: 15_000,
  /** Idle time before the connection is closed. */
  idleMs: 60_000,
} as const;

/** IMAP client of one mailbox. Opens its connection on demand. Reading never changes the mailbox. */
export class Mailbox {
  readonly #server: MailServer;
  readonly #renewMs: number;
  #client: Promise<ImapFlow> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #activeCalls = 0;

  constructor(server: MailServer, renewMs: number = mailboxLimits.renewMs) {
    this.#server = server;
    this.#renewMs = renewMs;
  }

  async folders(signal?: AbortSignal): Promise<Record<string, unknown>[]> {
    return this.#withClient(signal, async (client) => {
      const all = await client.list({ statusQuery: { messages: true, unseen: true } });
      return all.slice(0, mailboxLimits.folders).map(({ path, specialUse, status }) => ({
        folder: path,
        ...(specialUse === undefined ? {} : { use: specialUse.replace(/^\\/, "").toLowerCase() }),
        ...(status === undefined ? {} : { messages: status.messages ?? 0, unseen: status.unseen ?? 0 }),
      }));
    });
  }

  /** Newest messages first. */
  async search(
    folder: string,
    criteria: SearchObject,
    limit: number,
    signal?: AbortSignal,
  ): Promise<{ messages: Record<string, unknown>[]; more: boolean }> {
    return this.#inFolder(folder, signal, async (client) => {
      const found = await client.search(criteria, { uid: true });
      const uids = (found === false || found === undefined ? [] : found).sort((a, b) => b - a);
      const wanted = uids.slice(0, limit);
      if (wanted.length === 0) return { messages: [], more: false };
      const query = { envelope: true, flags: true, internalDate: true, size: true };
      const messages = await client.fetchAll(wanted, query, { uid: true });
      return {
        messages: messages.sort((a, b) => b.uid - a.uid).map(summary),
        more: uids.length > wanted.length,
      };
    });
  }

  async read(folder: string, uid: number, maxBytes: number, signal?: AbortSignal) {
    return this.#inFolder(folder, signal, async (client) => {
      const message = await fetchOne(client, uid);
      const { text, html, truncated, others } = await readBody(client, message, maxBytes);
      return {
        ...summary(message),
        ...envelopeOf(message),
        [html ? "html" : "text"]: text,
        ...(truncated ? { truncated } : {}),
        attachments: others.slice(0, mailboxLimits.attachments).map(attachmentOf),
      };
    });
  }

  /**
   * Current position of a folder: new messages get the uid `next` or higher. Closes the folder, since the IMAP client
   * would report its cached position. For a mailbox with one user.
   */
  async position(folder: string, signal?: AbortSignal): Promise<{ validity: string; next: number }> {
    return this.#withClient(signal, async (client) => {
      if (client.mailbox !== false) await client.mailboxClose();
      const status = await client.status(folder, { uidValidity: true, uidNext: true });
      const { uidValidity, uidNext } = status === false ? {} : status;
      if (uidValidity === undefined || uidNext === undefined) throw refused(`No such mail folder: ${folder}`);
      return { validity: String(uidValidity), next: uidNext };
    });
  }

  /**
   * Waits by IDLE for a message with the uid `next` or higher. True when there may be one, false after `ms`; undefined
   * immediately when the server does not support IDLE. Throws when the connection is lost.
   */
  async waitForArrival(
    folder: string,
    next: number,
    ms: number,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    return this.#inFolder(folder, signal, async (client) => {
      if (!client.capabilities.has("IDLE")) return undefined;
      // Arrived since the last check.
      if (client.mailbox !== false && client.mailbox.uidNext > next) return true;
      const arrived = await waitForNotification(client, ms);
      // The next command ends IDLE.
      await client.noop();
      if (!client.usable) throw new Error("the connection was lost");
      return arrived;
    });
  }

  /** Uids of the messages after `uid`, oldest first. */
  async uidsAfter(folder: string, uid: number, signal?: AbortSignal): Promise<number[]> {
    return this.#inFolder(folder, signal, async (client) => {
      // NOOP makes the server report new messages of a folder that is already open.
      await client.noop();
      const found = await client.search({ uid: `${uid + 1}:*` }, { uid: true });
      // IMAP always includes the last message in such a range.
      return (found === false || found === undefined ? [] : found)
        .filter((each) => each > uid)
        .sort((a, b) => a - b);
    });
  }

  /** Message for an event; undefined when it was deleted. */
  async readForEvent(folder: string, uid: number, maxBytes: number, signal?: AbortSignal) {
    return this.#inFolder(folder, signal, async (client) => {
      try {
        const message = await fetchOne(client, uid);
        const { text, truncated, others } = await readBody(client, message, maxBytes);
        const [from] = message.envelope?.from ?? [];
        return {
          address: from?.address ?? "",
          from: toAddressList(from === undefined ? [] : [from])[0] ?? "",
          subject: truncateHeader(message.envelope?.subject ?? ""),
          ...{ text, truncated, attachments: others.length },
        };
      } catch (error) {
        if (error instanceof ToolError && error.code === "NOT_FOUND") return undefined;
        throw error;
      }
    });
  }

  async attachment(folder: string, uid: number, part: string, signal?: AbortSignal) {
    return this.#inFolder(folder, signal, async (client) => {
      const message = await fetchOne(client, uid);
      const found = leafParts(message.bodyStructure).find((each) => each.part === part);
      if (found === undefined)
        throw refused("The message has no attachment with this part", "part", "NOT_FOUND");
      const { bytes, truncated } = await download(client, uid, part, mailboxLimits.attachmentBytes);
      if (truncated) {
        throw refused(
          `Attachments are limited to ${mailboxLimits.attachmentBytes} bytes`,
          "part",
          "ATTACHMENT_TOO_LARGE",
        );
      }
      return { ...attachmentOf(found), bytes: bytes.length, base64: bytes.toString("base64") };
    });
  }

  /** Headers for a reply: Message-ID and References. */
  async replyHeaders(folder: string, uid: number, signal?: AbortSignal) {
    return this.#inFolder(folder, signal, async (client) => {
      const { envelope, headers } = await fetchOne(client, uid);
      const ids = (text: string) => text.match(/<[^<>\s]{1,250}>/g) ?? [];
      const [messageId] = ids(envelope?.messageId ?? "");
      if (messageId === undefined) {
        throw refused("The message has no Message-ID to reply to", "reply_to_uid");
      }
      return {
        messageId,
        references: ids(headers?.toString("latin1") ?? "").slice(-mailboxLimits.references),
      };
    });
  }

  /** Appends a message to a folder, marked as read. */
  async append(folder: string, raw: Buffer): Promise<void> {
    await this.#withClient(undefined, async (client) => {
      if ((await client.append(folder, raw, ["\\Seen"])) === false) {
        throw refused(`No such mail folder: ${folder}`);
      }
    });
  }

  async verify(): Promise<void> {
    await this.#withClient(undefined, async (client) => {
      await client.noop();
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const client = this.#client;
    this.#client = undefined;
    await client?.then(
      (each) => each.close(),
      () => {},
    );
  }

  async #inFolder<Result>(
    folder: string,
    signal: AbortSignal | undefined,
    run: (client: ImapFlow) => Promise<Result>,
  ): Promise<Result> {
    return this.#withClient(signal, async (client) => {
      const lock = await client.getMailboxLock(folder, { readOnly: true }).catch((error: unknown) => {
        if (client.usable) throw refused(`No such mail folder: ${folder}`, "folder", "NOT_FOUND");
        throw error;
      });
      try {
        return await run(client);
      } finally {
        lock.release();
      }
    });
  }

  async #withClient<Result>(
    signal: AbortSignal | undefined,
    run: (client: ImapFlow) => Promise<Result>,
  ): Promise<Result> {
    clearTimeout(this.#idleTimer);
    this.#activeCalls += 1;
    try {
      const client = await this.#ensureConnected();
      // IMAP cannot cancel a command, so that an abort closes the connection.
      const abort = () => client.close();
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort, { once: true });
      try {
        return await run(client);
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    } catch (error) {
      throw failure(error);
    } finally {
      this.#activeCalls -= 1;
      if (this.#activeCalls === 0)
        this.#idleTimer = setTimeout(() => void this.close(), mailboxLimits.idleMs).unref();
    }
  }

  async #ensureConnected(): Promise<ImapFlow> {
    const previous = this.#client;
    const present = await previous?.catch(() => undefined);
    if (present?.usable === true) return present;
    // Another call may have connected already; both share the connection.
    if (this.#client === previous || this.#client === undefined)
      this.#client = connect(this.#server, this.#renewMs);
    return this.#client;
  }
}

async function connect(server: MailServer, renewMs: number): Promise<ImapFlow> {
  const { connection, security, tls, user, password } = server;
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: connection.localPort,
    secure: security === "tls",
    doSTARTTLS: security === "starttls",
    tls,
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    auth: { user, pass: password() },
    logger: false,
    disableAutoIdle: true,
    maxIdleTime: renewMs,
    connectionTimeout: mailboxLimits.connectMs,
    greetingTimeout: mailboxLimits.connectMs,
    socketTimeout: mailboxLimits.answerMs,
  });
  // Pending commands report the error; without a listener it would end the process.
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** True when the number of messages changed, false after `ms`; undefined when the server ended IDLE. */
async function waitForNotification(client: ImapFlow, ms: number): Promise<boolean | undefined> {
  const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
  const onExists = () => resolve(true);
  const ended = () => resolve(undefined);
  const timer = setTimeout(() => resolve(false), ms);
  client.once("exists", onExists);
  client.once("close", ended);
  void client.idle().then(ended, ended);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    client.off("exists", onExists);
    client.off("close", ended);
  }
}

function failure(error: unknown): unknown {
  if (error instanceof ToolError) return error;
  if (Reflect.get(Object(error), "authenticationFailed") === true) {
    return refused("The mail server refused the credentials", undefined, "MAIL_LOGIN_FAILED");
  }
  const serverText: unknown = Reflect.get(Object(error), "responseText");
  const code: unknown = Reflect.get(Object(error), "code");
  const reason =
    typeof serverText === "string"
      ? serverText.replace(/\p{Cc}+/gu, " ").slice(0, 300)
      : String(code ?? "no answer");
  return new ToolError({
    code: "MAIL_UNAVAILABLE",
    message: `The mail server is unavailable (${reason})`,
    retriable: true,
  });
}

async function fetchOne(client: ImapFlow, uid: number): Promise<FetchMessageObject> {
  const query = {
    envelope: true,
    flags: true,
    internalDate: true,
    size: true,
    bodyStructure: true,
    headers: ["references"],
  };
  const message = await client.fetchOne(String(uid), query, { uid: true });
  if (message === false || message === undefined) {
    throw refused("No such message", "uid", "NOT_FOUND");
  }
  return message;
}

/** Downloads and decodes a part, up to `most` bytes. */
async function download(client: ImapFlow, uid: number, part: string, most: number) {
  const { content } = await client.download(String(uid), part, { uid: true });
  const chunks: Buffer[] = [];
  let size = 0;
  if (content !== undefined) {
    for await (const chunk of content) {
      chunks.push(Buffer.from(chunk));
      size += chunk.length;
      if (size > most) break;
    }
  }
  return { bytes: Buffer.concat(chunks).subarray(0, most), truncated: size > most };
}

/** Text of a message, preferably plain, and its attachments. */
async function readBody(client: ImapFlow, { uid, bodyStructure }: FetchMessageObject, most: number) {
  const parts = leafParts(bodyStructure);
  const body =
    parts.find((each) => isText(each, "text/plain")) ?? parts.find((each) => isText(each, "text/html"));
  const { bytes, truncated } =
    body?.part === undefined
      ? { bytes: Buffer.alloc(0), truncated: false }
      : await download(client, uid, body.part, most);
  // Drops an incomplete character at the end.
  const text = new TextDecoder().decode(bytes, { stream: truncated }).replaceAll("\r\n", "\n");
  return {
    ...{ text, truncated, html: body?.type === "text/html" },
    others: parts.filter((each) => each !== body),
  };
}

function leafParts(node: MessageStructureObject | undefined): MessageStructureObject[] {
  if (node === undefined) return [];
  const leaves: MessageStructureObject[] = [];
  const waiting = [node];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (next.childNodes !== undefined && !next.type.startsWith("message/"))
      waiting.unshift(...next.childNodes);
    else leaves.push({ ...next, part: next.part ?? "1" });
  }
  return leaves;
}

function isText({ type, disposition }: MessageStructureObject, wanted: string): boolean {
  return type === wanted && disposition !== "attachment";
}

function attachmentOf({ part, type, size, parameters, dispositionParameters }: MessageStructureObject) {
  const name = dispositionParameters?.["filename"] ?? parameters?.["name"];
  return {
    part,
    type,
    ...(name === undefined ? {} : { name: truncateHeader(name) }),
    encoded_bytes: size ?? 0,
  };
}

function truncateHeader(text: string): string {
  return text.slice(0, mailboxLimits.headerCharacters);
}

function toAddressList(addresses: readonly MessageAddressObject[] = []): string[] {
  return addresses
    .slice(0, mailboxLimits.addresses)
    .map(({ name, address }) => truncateHeader(name ? `${name} <${address ?? ""}>` : (address ?? "")));
}

function dateOf(value: Date | string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function summary({ uid, envelope, flags, internalDate, size }: FetchMessageObject): Record<string, unknown> {
  const received = dateOf(internalDate);
  return {
    uid,
    from: toAddressList(envelope?.from),
    to: toAddressList(envelope?.to),
    subject: truncateHeader(envelope?.subject ?? ""),
    ...(received === undefined ? {} : { received }),
    seen: flags?.has("\\Seen") === true,
    bytes: size ?? 0,
  };
}

function envelopeOf({ envelope }: FetchMessageObject): Record<string, unknown> {
  const date = dateOf(envelope?.date);
  return {
    cc: toAddressList(envelope?.cc),
    reply_to: toAddressList(envelope?.replyTo),
    ...(date === undefined ? {} : { date }),
    ...(envelope?.messageId === undefined ? {} : { message_id: truncateHeader(envelope.messageId) }),
    ...(envelope?.inReplyTo === undefined ? {} : { in_reply_to: truncateHeader(envelope.inReplyTo) }),
  };
}
