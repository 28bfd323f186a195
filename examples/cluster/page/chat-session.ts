/** A client that stays in the chat room, and checks that it hears each line once and in order. */
import type { Client } from "holdfast/client";
import type { DemoRegistry, Line } from "../actors.ts";
import { note } from "./timeline.ts";

export interface ChatView {
  readonly lines: readonly Line[];
  readonly received: number;
  /** Lines that never arrived. */
  readonly missing: number;
  /** Lines that arrived more than once, or out of order. */
  readonly repeated: number;
  /** Times at which the server said that events were lost with a node, and the client read the room again. */
  readonly caughtUp: number;
  readonly status: string;
  readonly node: string;
}

const shown = 12;
const talk = [
  "Is anybody still there?",
  "I am. Which node are we on?",
  "No idea. Somebody keeps killing them.",
  "And yet you hear me.",
  "Each line once, in order.",
  "Then let us go on.",
] as const;
const talkEveryMs = 1_200;

export class ChatSession {
  view: ChatView = {
    ...{ lines: [], received: 0, missing: 0, repeated: 0, caughtUp: 0, status: "connecting", node: "" },
  };
  readonly #room;
  readonly #connection;
  /** Number of the last line; undefined until the room has been read. */
  #last: number | undefined;
  /** Number of the last line that was heard, not read. */
  #lastHeard = 0;
  /** Readings of the room in progress. */
  #readings = 0;
  /** Lines heard meanwhile. */
  #waiting: Line[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(client: Client<DemoRegistry>) {
    this.#room = client.room.getOrCreate(["lobby"]);
    this.#connection = this.#room.connect();
    this.#connection.on("said", (line) => this.#heard(line));
    this.#connection.onStatusChange((status) => this.#set({ status }));
    this.#connection.onGap(() => {
      note("Events of the chat were lost with a node; its client reads the room again", "seen");
      this.#set({ caughtUp: this.view.caughtUp + 1 });
      void this.#read();
    });
    // Once it is connected, it hears all that is said.
    void this.#read(this.#connection.ready);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async say(from: string, text: string): Promise<void> {
    this.#set({ node: await this.#room.say(from, text) });
  }

  /** Ann and Ben talk for as long as the page is open; in one tab of several. */
  async talk(): Promise<void> {
    await navigator.locks.request("talk", async () => {
      for (let at = 0; ; at++) {
        const text = talk[at % talk.length] ?? "";
        await this.say(at % 2 === 0 ? "Ann" : "Ben", text).catch((error: unknown) =>
          note(`A line could not be said: ${String(error)}`, "seen"),
        );
        await new Promise((resolve) => setTimeout(resolve, talkEveryMs));
      }
    });
  }

  /** Reads what was said: at the start, and when events were lost. What is heard meanwhile comes after it. */
  async #read(before: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#readings += 1;
    try {
      await before;
      const { lines, node } = await this.#room.history();
      this.#set({ node });
      this.#addNew(lines);
      // Of an empty room, the first line is to come.
      this.#last ??= 0;
    } catch (error) {
      note(`The room could not be read: ${String(error)}`, "seen");
    } finally {
      this.#readings -= 1;
    }
    if (this.#readings > 0) return;
    this.#addNew(this.#waiting);
    this.#waiting = [];
  }

  /** An event may come after a reading that has its line already. */
  #heard(line: Line): void {
    if (line.number <= this.#lastHeard) return this.#set({ repeated: this.view.repeated + 1 });
    this.#lastHeard = line.number;
    if (this.#readings > 0) this.#waiting.push(line);
    else this.#addNew([line]);
  }

  #addNew(lines: readonly Line[]): void {
    for (const line of lines) if (this.#last === undefined || line.number > this.#last) this.#add(line);
  }

  #add(line: Line): void {
    const missing = this.#last === undefined ? 0 : line.number - this.#last - 1;
    this.#last = line.number;
    const { view } = this;
    this.#set({
      lines: [...view.lines, line].slice(-shown),
      received: view.received + 1,
      missing: view.missing + missing,
    });
  }

  #set(change: Partial<ChatView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.#listeners) listener();
  }
}
