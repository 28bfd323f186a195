import type { XConnection } from "../x/connection.ts";
import { x11 } from "../x/library.ts";
import type { XEvent } from "../x/protocol.ts";

/** Content up to this size is handed over at once, larger content in parts of it (the INCR protocol). */
const partBytes = 128 * 1_024;
const maxTransfers = 64;
/** A program that takes no further part for this long has lost interest. */
const transferTimeoutMs = 10_000;

const replaceProperty = 0;
const propertyDeleted = 1;

/** Atoms of the selection protocol. */
export interface SelectionAtoms {
  readonly targets: number;
  readonly timestamp: number;
  readonly utf8: number;
  readonly string: number;
  readonly text: number;
  readonly plain: number;
  readonly plainUtf8: number;
  readonly incremental: number;
  readonly atom: number;
  readonly integer: number;
}

interface Owned {
  readonly bytes: Buffer;
  readonly since: number;
}

interface Transfer {
  readonly requestor: number;
  readonly property: number;
  readonly target: number;
  readonly bytes: Buffer;
  sent: number;
  timer: NodeJS.Timeout;
}

/**
 * Owner of selections, which answers the programs that ask for their content. Source: Inter-Client Communication
 * Conventions Manual 2.0, section 2.
 */
export class SelectionOwner {
  readonly #connection: XConnection;
  readonly #window: number;
  readonly #atoms: SelectionAtoms;
  readonly #owned = new Map<number, Owned>();
  readonly #transfers = new Map<string, Transfer>();
  readonly #stop: () => void;

  constructor(connection: XConnection, window: number, atoms: SelectionAtoms) {
    this.#connection = connection;
    this.#window = window;
    this.#atoms = atoms;
    this.#stop = connection.listen((event) => this.#onEvent(event));
  }

  /** Takes a selection. Resolves to false if another program owns it nevertheless. */
  async own(selection: number, text: string, time: number): Promise<boolean> {
    this.#owned.set(selection, { bytes: Buffer.from(text, "utf8"), since: time });
    this.#connection.send((client) => client.SetSelectionOwner(this.#window, selection, time));
    const owner = await this.#connection.reply<number>((client, done) =>
      client.GetSelectionOwner(selection, done),
    );
    if (owner === this.#window) return true;
    this.#owned.delete(selection);
    return false;
  }

  /** The content of a selection that is owned here. */
  content(selection: number): string | undefined {
    return this.#owned.get(selection)?.bytes.toString("utf8");
  }

  close(): void {
    this.#stop();
    for (const { timer } of this.#transfers.values()) clearTimeout(timer);
    this.#transfers.clear();
  }

  #onEvent(event: XEvent): void {
    const { name, owner, selection = 0 } = event;
    if (name === "SelectionClear" && owner === this.#window) this.#owned.delete(selection);
    if (name === "SelectionRequest" && owner === this.#window) this.#answer(event);
    if (name === "PropertyNotify" && event.state === propertyDeleted) this.#continue(event);
  }

  #answer({ requestor = 0, selection = 0, target = 0, property = 0, time = 0 }: XEvent): void {
    // Clients of before 1989 name no property.
    const place = property === 0 ? target : property;
    const owned = this.#owned.get(selection);
    const given = owned !== undefined && this.#put(owned, requestor, target, place);
    this.#connection.send((client) =>
      client.SendEvent(requestor, 0, 0, {
        ...{ name: "SelectionNotify", seq: 0, time, requestor, selection, target },
        property: given ? place : 0,
      }),
    );
  }

  /** Puts the content, in the form of `target`, into a property of the requestor. Returns false if it has none. */
  #put(owned: Owned, requestor: number, target: number, property: number): boolean {
    const { targets, timestamp, atom, integer } = this.#atoms;
    const texts = this.#textTargets();
    if (target === targets) {
      this.#change(requestor, property, atom, 32, numbers([targets, timestamp, ...texts]));
      return true;
    }
    if (target === timestamp) {
      this.#change(requestor, property, integer, 32, numbers([owned.since]));
      return true;
    }
    if (!texts.includes(target)) return false;
    const type = target === this.#atoms.text ? this.#atoms.utf8 : target;
    const bytes =
      target === this.#atoms.string ? Buffer.from(owned.bytes.toString("utf8"), "latin1") : owned.bytes;
    if (bytes.length <= partBytes) {
      this.#change(requestor, property, type, 8, bytes);
      return true;
    }
    return this.#begin({ requestor, property, target: type, bytes });
  }

  #textTargets(): number[] {
    const { utf8, plainUtf8, plain, text, string } = this.#atoms;
    return [utf8, plainUtf8, plain, text, string];
  }

  #begin(transfer: Pick<Transfer, "requestor" | "property" | "target" | "bytes">): boolean {
    if (this.#transfers.size >= maxTransfers) return false;
    const { requestor, property, bytes } = transfer;
    const key = keyOf(requestor, property);
    clearTimeout(this.#transfers.get(key)?.timer);
    const timer = setTimeout(() => this.#transfers.delete(key), transferTimeoutMs);
    this.#transfers.set(key, { ...transfer, sent: 0, timer });
    const eventMask = x11.eventMask.PropertyChange ?? 0;
    this.#connection.send((client) => client.ChangeWindowAttributes(requestor, { eventMask }));
    this.#change(requestor, property, this.#atoms.incremental, 32, numbers([bytes.length]));
    return true;
  }

  /** Sends the next part when the requestor has deleted the one before; an empty part is the end. */
  #continue({ wid = 0, atom = 0 }: XEvent): void {
    const key = keyOf(wid, atom);
    const transfer = this.#transfers.get(key);
    if (transfer === undefined) return;
    const part = transfer.bytes.subarray(transfer.sent, transfer.sent + partBytes);
    transfer.sent += part.length;
    transfer.timer.refresh();
    this.#change(transfer.requestor, transfer.property, transfer.target, 8, part);
    if (part.length > 0) return;
    clearTimeout(transfer.timer);
    this.#transfers.delete(key);
  }

  #change(window: number, property: number, type: number, format: number, data: Buffer): void {
    this.#connection.send((client) =>
      client.ChangeProperty(replaceProperty, window, property, type, format, data),
    );
  }
}

function keyOf(window: number, property: number): string {
  return `${window}.${property}`;
}

/** Numbers as a property of format 32 has them. */
function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, index * 4);
  return bytes;
}
