import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChannelServices } from "@holdfast/gate/plugin";
import type { Mailbox } from "./mailbox.ts";
import { type WatchSettings, watchLimits } from "./watch-settings.ts";

export interface WatcherParts {
  readonly mailbox: Mailbox;
  readonly settings: WatchSettings;
  /** The person's own address, whose messages begin nothing: an answer must not answer itself. */
  readonly address: string;
  readonly dataDirectory: string;
  readonly publish: ChannelServices["publishEvent"];
}

/** Up to where messages were told, in the words of IMAP: uids mean something under one validity alone. */
interface Mark {
  readonly folder: string;
  readonly validity: string;
  readonly uid: number;
}

/**
 * Publishes each message that arrives, once it is watched. The mark is moved on after an event was taken
 * over, so that a crash between the two publishes it again, with the same `event_id`.
 */
export class MailWatcher {
  readonly #parts: WatcherParts;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: WatcherParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await this.#parts.mailbox.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    let failures = 0;
    while (!signal.aborted) {
      let pauseMs = this.#parts.settings.seconds * 1_000;
      try {
        const { more, next } = await this.#look();
        if (more || (await this.#arrival(next, pauseMs))) pauseMs = 0;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        pauseMs = Math.min(watchLimits.retryMs * 2 ** failures, watchLimits.maxRetryMs);
        failures += 1;
        console.error("new mail could not be told; it is tried again", error);
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** True when the time to look again has come, false where the server does not tell it. */
  async #arrival(next: number, ms: number): Promise<boolean> {
    const { mailbox, settings } = this.#parts;
    const told = await mailbox.arrival(settings.folder, next, ms, this.#ending.signal);
    return told !== undefined;
  }

  /** What there is now; `more` when there may be more, `next` as the folder counts. */
  async #look(): Promise<{ readonly more: boolean; readonly next: number }> {
    const { mailbox, settings } = this.#parts;
    const { folder } = settings;
    const { signal } = this.#ending;
    const { validity, next } = await mailbox.position(folder, signal);
    const mark = await this.#mark();
    if (mark?.folder !== folder || mark.validity !== validity) {
      // What was there before anybody watched is no news.
      await this.#keep({ folder, validity, uid: next - 1 });
      return { more: false, next };
    }
    if (next - 1 <= mark.uid) return { more: false, next };
    const uids = await mailbox.after(folder, mark.uid, signal);
    for (const uid of uids.slice(0, watchLimits.messagesAtOnce)) {
      await this.#tell(folder, validity, uid);
      await this.#keep({ folder, validity, uid });
    }
    if (uids.length > watchLimits.messagesAtOnce) return { more: true, next };
    // Those that are gone already are not looked for again.
    if (uids.length === 0) await this.#keep({ folder, validity, uid: next - 1 });
    return { more: false, next };
  }

  async #tell(folder: string, validity: string, uid: number): Promise<void> {
    const { mailbox, settings, publish } = this.#parts;
    const message = await mailbox.news(folder, uid, watchLimits.textBytes, this.#ending.signal);
    if (message === undefined || !this.#isNews(message.address)) return;
    const { from, subject, text, truncated, attachments } = message;
    const about = [
      `Subject: ${subject}`,
      `Message ${uid} of the folder ${folder} (mail_read gives all of it).`,
      ...(attachments === 0 ? [] : [`Attachments: ${attachments}.`]),
    ];
    await publish({
      topic: "mail.received",
      group: settings.group,
      payload: {
        ...{ channel: "mail", sender: from.slice(0, 256), subject, folder, uid },
        event_id: `${folder}/${validity}/${uid}`,
        body: `${about.join("\n")}\n\n${text}${truncated ? "\n[The rest is left out.]" : ""}`,
      },
    });
  }

  #isNews(address: string): boolean {
    const sender = address.toLowerCase();
    const { from } = this.#parts.settings;
    if (sender === this.#parts.address.toLowerCase()) return false;
    return (
      from === undefined ||
      from.some((each) => (each.startsWith("@") ? sender.endsWith(each) : sender === each))
    );
  }

  #path(): string {
    return join(this.#parts.dataDirectory, "watch.json");
  }

  async #mark(): Promise<Mark | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path(), "utf8");
    } catch (error) {
      if (Reflect.get(Object(error), "code") === "ENOENT") return undefined;
      throw error;
    }
    const { folder, validity, uid } = JSON.parse(text) as Mark;
    return { folder: String(folder), validity: String(validity), uid: Number(uid) };
  }

  async #keep(mark: Mark): Promise<void> {
    const file = await open(`${this.#path()}.new`, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(mark));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path()}.new`, this.#path());
  }
}
