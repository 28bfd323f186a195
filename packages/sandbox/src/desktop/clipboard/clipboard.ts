/** The clipboard of the desktop: the server owns what it wrote, and asks other programs for what they own. */

import { problem } from "../../http/problem.ts";
import { Mutex } from "../../internal/mutex.ts";
import type { Selection } from "../types.ts";
import type { XConnection } from "../x/connection.ts";
import type { XEvent } from "../x/protocol.ts";
import { type SelectionAtoms, SelectionOwner } from "./selection-owner.ts";

/** How long a program may take to hand over its content, or the next part of it. */
const answerTimeoutMs = 3_000;
const propertyChanged = 0;

export class Clipboard {
  readonly #connection: XConnection;
  readonly #window: number;
  readonly #atoms: SelectionAtoms;
  readonly #selections: Readonly<Record<Selection, number>>;
  readonly #owner: SelectionOwner;
  readonly #maxBytes: number;
  /** Property of the own window that programs put their content into. */
  readonly #property: number;
  readonly #mutex = new Mutex();

  private constructor(
    connection: XConnection,
    window: number,
    atoms: SelectionAtoms & {
      readonly clipboard: number;
      readonly primary: number;
      readonly property: number;
    },
    maxBytes: number,
  ) {
    this.#connection = connection;
    this.#window = window;
    this.#atoms = atoms;
    this.#selections = { clipboard: atoms.clipboard, primary: atoms.primary };
    this.#property = atoms.property;
    this.#maxBytes = maxBytes;
    this.#owner = new SelectionOwner(connection, window, atoms);
  }

  static async create(connection: XConnection, maxBytes: number): Promise<Clipboard> {
    const names = {
      targets: "TARGETS",
      timestamp: "TIMESTAMP",
      utf8: "UTF8_STRING",
      string: "STRING",
      text: "TEXT",
      plain: "text/plain",
      plainUtf8: "text/plain;charset=utf-8",
      incremental: "INCR",
      atom: "ATOM",
      integer: "INTEGER",
      clipboard: "CLIPBOARD",
      primary: "PRIMARY",
      property: "SELECTION_DATA",
    } as const;
    const entries = Object.entries(names).map(async ([key, name]) => [key, await connection.atom(name)]);
    // The names are those of `names`, which the compiler cannot infer through `fromEntries`.
    const atoms = Object.fromEntries(await Promise.all(entries)) as Record<keyof typeof names, number>;
    const window = connection.createHelperWindow();
    return new Clipboard(connection, window, atoms, maxBytes);
  }

  /** The text of a selection; empty if no program owns it, or if it has no text. */
  async read(selection: Selection): Promise<string> {
    return await this.#mutex.run(async () => {
      const atom = this.#selections[selection];
      const own = this.#owner.content(atom);
      if (own !== undefined) return own;
      const owner = await this.#connection.reply<number>((client, done) =>
        client.GetSelectionOwner(atom, done),
      );
      if (owner === 0) return "";
      const utf8 = await this.#convert(atom, this.#atoms.utf8);
      if (utf8 !== undefined) return utf8.toString("utf8");
      return (await this.#convert(atom, this.#atoms.string))?.toString("latin1") ?? "";
    });
  }

  async write(text: string, selections: readonly Selection[]): Promise<void> {
    await this.#mutex.run(async () => {
      const time = await this.#timestamp();
      for (const selection of selections) {
        if (await this.#owner.own(this.#selections[selection], text, time)) continue;
        throw failed(`another program keeps the ${selection} selection`);
      }
    });
  }

  close(): void {
    this.#owner.close();
  }

  /** Asks the owner for the content in the form of `target`; undefined if it has none of that form. */
  async #convert(selection: number, target: number): Promise<Buffer | undefined> {
    const notified = this.#next(
      (event) => event.name === "SelectionNotify" && event.requestor === this.#window,
    );
    this.#connection.send((client) => {
      client.DeleteProperty(this.#window, this.#property);
      client.ConvertSelection(this.#window, selection, target, this.#property, 0);
    });
    const { property } = await notified;
    if (property === 0) return undefined;
    const content = await this.#content();
    const isParts = content?.type === this.#atoms.incremental;
    if (isParts) return await this.#collect();
    this.#remove();
    return content?.data;
  }

  /** Receives the content in parts: deleting the property asks for the next one, and an empty one is the end. */
  async #collect(): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    for (;;) {
      const changed = this.#next((event) => this.#isChange(event));
      this.#remove();
      await changed;
      const part = await this.#content();
      if (part === undefined || part.data.length === 0) break;
      parts.push(part.data);
      size += part.data.length;
      if (size > this.#maxBytes) throw this.#tooLarge();
    }
    this.#remove();
    return Buffer.concat(parts);
  }

  async #content() {
    const content = await this.#connection.property(this.#window, this.#property, {
      maxBytes: this.#maxBytes + 1,
    });
    if (content !== undefined && content.data.length > this.#maxBytes) throw this.#tooLarge();
    return content;
  }

  #remove(): void {
    this.#connection.send((client) => client.DeleteProperty(this.#window, this.#property));
  }

  #isChange({ name, wid, atom, state }: XEvent): boolean {
    return (
      name === "PropertyNotify" &&
      wid === this.#window &&
      atom === this.#property &&
      state === propertyChanged
    );
  }

  async #next(matches: (event: XEvent) => boolean): Promise<XEvent> {
    const event = await this.#connection.nextEvent(matches, answerTimeoutMs);
    if (event === undefined) throw noAnswer();
    return event;
  }

  /** The time of the X server, by a change that it reports. A selection must be taken at a time. */
  async #timestamp(): Promise<number> {
    const notified = this.#next((event) => this.#isChange(event));
    this.#connection.send((client) =>
      client.ChangeProperty(0, this.#window, this.#property, this.#atoms.string, 8, Buffer.alloc(0)),
    );
    return (await notified).time ?? 0;
  }

  #tooLarge(): Error {
    return failed(`the selection is larger than ${this.#maxBytes} bytes`);
  }
}

function failed(detail: string): Error {
  return problem("desktop_clipboard_failed", 502, detail);
}

function noAnswer(): Error {
  return failed(`the program that owns the selection did not answer in ${answerTimeoutMs} ms`);
}
