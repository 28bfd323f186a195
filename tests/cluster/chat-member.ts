import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { eventually } from "./nodes.ts";

const room = "hall";

/** A client that stays in a chat, and checks that each word arrives once and in order unless a gap was reported. */
export class ChatMember {
  readonly name: string;
  /** Events that came when another was due. */
  readonly faults: string[] = [];
  gaps = 0;
  /** Number of the last word. */
  heard = 0;
  readonly #connection: ReturnType<ReturnType<typeof chatAt>["connect"]>;
  #mayJump = true;

  constructor(name: string, url: string, key: string) {
    this.name = name;
    const connection = chatAt(url, key).connect();
    this.#connection = connection;
    connection.on("said", (word) => this.#hear(word));
    connection.onGap(() => {
      this.gaps += 1;
      this.#mayJump = true;
    });
  }

  async enter(): Promise<void> {
    await this.#connection.enter(room);
  }

  #hear(word: number): void {
    const isDue = word === this.heard + 1 || (this.#mayJump && word > this.heard);
    if (!isDue) this.faults.push(`${this.name} heard ${word} after ${this.heard}`);
    this.#mayJump = false;
    this.heard = word;
  }

  async heardUpTo(word: number): Promise<void> {
    await eventually(`${this.name} hears ${word}; the last was ${this.heard}`, () =>
      this.heard >= word ? true : undefined,
    );
  }

  dispose(): Promise<void> {
    return this.#connection.dispose();
  }
}

/** Between two words: a load that takes all cores slows down the moves and takeovers that it is about. */
const pauseMs = 100;

/** Speaks in a chat. */
export class Speaker {
  /** Number of words that were acknowledged. */
  said = 0;
  readonly #running: Promise<void>;
  #isStopped = false;

  constructor(urls: () => readonly string[], key: string) {
    this.#running = this.#speak(urls, key);
  }

  async #speak(urls: () => readonly string[], key: string): Promise<void> {
    for (let at = 0; !this.#isStopped; at++) {
      const all = urls();
      const url = all[at % all.length];
      assert.ok(url);
      this.said = await chatAt(url, key).say(room);
      await delay(pauseMs);
    }
  }

  async saidMore(words: number): Promise<void> {
    const target = this.said + words;
    await eventually(`${words} more words`, () => (this.said >= target ? true : undefined));
  }

  /** Throws if a word could not be said. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

export function chatAt(url: string, key: string) {
  return createClient<ClusterRegistry>(url).chat.getOrCreate([key]);
}

export function say(url: string, key: string): Promise<number> {
  return chatAt(url, key).say(room);
}
