import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelServices } from "@holdfast/gate/plugin";
import type { Mailbox } from "./mailbox.ts";
import { type WatchSettings, watchLimits } from "./watch-settings.ts";

export interface MailWatcherOptions {
  readonly mailbox: Mailbox;
  readonly settings: WatchSettings;
  /** The person's own address. Its messages are not published: a reply must not trigger another reply. */
  readonly address: string;
  readonly dataDirectory: string;
  readonly publish: ChannelServices["publishEvent"];
}

/** Cursor of published messages. IMAP uids are meaningful only together with their UIDVALIDITY. */
interface Cursor {
  readonly folder: string;
  readonly validity: string;
  readonly uid: number;
}

/**
 * Publishes each new message. The cursor advances after its event was accepted, so that after a crash in between it is
 * published again with the same `event_id`.
 */
export class MailWatcher {
  readonly #options: MailWatcherOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: MailWatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#options.mailbox.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      let pauseMs = this.#options.settings.seconds * 1_000;
      try {
        const { more, next } = await this.#publishNew();
        if (more || (await this.#waitForArrival(next, pauseMs))) pauseMs = 0;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        pauseMs = Math.min(watchLimits.retryMs * 2 ** failures, watchLimits.maxRetryMs);
        failures += 1;
        console.error("new mail could not be published; retrying", error);
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Waits for new mail. True when it is time to check again, false when the server cannot notify. */
  async #waitForArrival(next: number, ms: number): Promise<boolean> {
    const { mailbox, settings } = this.#options;
    const arrived = await mailbox.waitForArrival(settings.folder, next, ms, this.#stopping.signal);
    return arrived !== undefined;
  }

  /** Publishes the messages after the cursor. `more`: there may be further ones. `next`: uid of the next message. */
  async #publishNew(): Promise<{ readonly more: boolean; readonly next: number }> {
    const { mailbox, settings } = this.#options;
    const { folder } = settings;
    const { signal } = this.#stopping;
    const { validity, next } = await mailbox.position(folder, signal);
    const cursor = await this.#readCursor();
    if (cursor?.folder !== folder || cursor.validity !== validity) {
      // Messages from before the first check are not new.
      await this.#writeCursor({ folder, validity, uid: next - 1 });
      return { more: false, next };
    }
    if (next - 1 <= cursor.uid) return { more: false, next };
    const uids = await mailbox.uidsAfter(folder, cursor.uid, signal);
    for (const uid of uids.slice(0, watchLimits.messagesAtOnce)) {
      await this.#publish(folder, validity, uid);
      await this.#writeCursor({ folder, validity, uid });
    }
    if (uids.length > watchLimits.messagesAtOnce) return { more: true, next };
    // All of them were deleted: skip their uids.
    if (uids.length === 0) await this.#writeCursor({ folder, validity, uid: next - 1 });
    return { more: false, next };
  }

  async #publish(folder: string, validity: string, uid: number): Promise<void> {
    const { mailbox, settings, publish } = this.#options;
    const message = await mailbox.readForEvent(folder, uid, watchLimits.textBytes, this.#stopping.signal);
    if (message === undefined || !this.#isAcceptedSender(message.address)) return;
    const { from, subject, text, truncated, attachments } = message;
    const header = [
      `Subject: ${subject}`,
      `Message ${uid} of the folder ${folder} (use mail_read for the complete message).`,
      ...(attachments === 0 ? [] : [`Attachments: ${attachments}.`]),
    ];
    await publish({
      topic: "mail.received",
      group: settings.group,
      payload: {
        ...{ channel: "mail", sender: from.slice(0, 256), subject, folder, uid },
        event_id: `${folder}/${validity}/${uid}`,
        body: `${header.join("\n")}\n\n${text}${truncated ? "\n[The rest is left out.]" : ""}`,
      },
    });
  }

  #isAcceptedSender(address: string): boolean {
    const sender = address.toLowerCase();
    const { from } = this.#options.settings;
    if (sender === this.#options.address.toLowerCase()) return false;
    return (
      from === undefined ||
      from.some((each) => (each.startsWith("@") ? sender.endsWith(each) : sender === each))
    );
  }

  #path(): string {
    return join(this.#options.dataDirectory, "watch.json");
  }

  async #readCursor(): Promise<Cursor | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path(), "utf8");
    } catch (error) {
      if (Reflect.get(Object(error), "code") === "ENOENT") return undefined;
      throw error;
    }
    const { folder, validity, uid } = JSON.parse(text) as Cursor;
    return { folder: String(folder), validity: String(validity), uid: Number(uid) };
  }

  async #writeCursor(cursor: Cursor): Promise<void> {
    const file = await open(`${this.#path()}.new`, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(cursor));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path()}.new`, this.#path());
  }
}
