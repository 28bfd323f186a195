import type { XConnection } from "../x/connection.ts";

/** How to press a keysym: a key, with or without Shift. */
export interface KeyPosition {
  readonly keycode: number;
  readonly shift: boolean;
}

/**
 * How long programs get to read a changed keymap before a key that they may still look up gets another keysym. There
 * is no event for it.
 */
const settleMs = 120;

/** Keysyms of vendors: of keys such as the volume, which no text needs. */
const vendorKeysyms = 0x1000_0000;
/** Without Shift and with it. */
const levels = 2;

/**
 * The keyboard's table of keysyms. A keysym that no key has is put on a spare key, so that any character of Unicode can
 * be typed. The spare keys are adjacent: then one request changes all of them, and programs read the table once.
 */
export class Keymap {
  readonly #connection: XConnection;
  readonly #positions: Map<number, KeyPosition>;
  readonly #firstSpare: number;
  /** Keysyms of the spare keys, both levels of one after the other. */
  readonly #slots: (number | undefined)[];
  /** The slot that was given a keysym the longest ago. */
  #oldest = 0;

  private constructor(
    connection: XConnection,
    positions: Map<number, KeyPosition>,
    firstSpare: number,
    spareKeys: number,
  ) {
    this.#connection = connection;
    this.#positions = positions;
    this.#firstSpare = firstSpare;
    this.#slots = new Array<number | undefined>(spareKeys * levels).fill(undefined);
  }

  static async load(connection: XConnection): Promise<Keymap> {
    const { first, last } = connection.keycodes;
    const rows = await connection.reply<readonly (readonly number[])[]>((client, done) =>
      client.GetKeyboardMapping(first, last - first + 1, done),
    );
    const spare = longestRun(
      rows.map((row) => row.every((keysym) => keysym === 0 || keysym >= vendorKeysyms)),
    );
    const positions = new Map<number, KeyPosition>();
    for (const [index, [plain = 0, shifted = 0]] of rows.entries()) {
      if (index >= spare.start && index < spare.start + spare.length) continue;
      const keycode = first + index;
      if (plain !== 0 && !positions.has(plain)) positions.set(plain, { keycode, shift: false });
      if (shifted !== 0 && !positions.has(shifted)) positions.set(shifted, { keycode, shift: true });
    }
    return new Keymap(connection, positions, first + spare.start, spare.length);
  }

  /** Number of keysyms that can be on spare keys at a time. */
  get capacity(): number {
    return this.#slots.length;
  }

  /** Whether a key has this keysym by itself, and no spare key is needed. */
  isBuiltIn(keysym: number): boolean {
    return this.#positions.has(keysym) && !this.#slots.includes(keysym);
  }

  /** Puts keysyms that no key has on spare keys. At most {@link capacity} of `keysyms` may need one. */
  async prepare(keysyms: readonly number[]): Promise<void> {
    const missing = [...new Set(keysyms)].filter((keysym) => !this.#positions.has(keysym));
    if (missing.length === 0) return;
    const needed = new Set(keysyms);
    const taken = missing.map((keysym) => this.#take(keysym, needed));
    // Programs look keys up when they read an event, which may be later: they get time before a key is used again.
    if (taken.some((isReused) => isReused)) {
      await this.#connection.sync();
      await new Promise((resolve) => setTimeout(resolve, settleMs));
    }
    const table = this.#slots.map((keysym, index) => keysym ?? this.#slots[index - (index % levels)] ?? 0);
    this.#connection.send((client) => client.ChangeKeyboardMapping(this.#firstSpare, levels, table));
    await this.#connection.sync();
  }

  position(keysym: number): KeyPosition {
    const position = this.#positions.get(keysym);
    if (position === undefined) throw new Error(`keysym ${keysym} was not prepared`);
    return position;
  }

  /** Gives a slot that no keysym of `needed` has to `keysym`. Returns whether it had another one. */
  #take(keysym: number, needed: ReadonlySet<number>): boolean {
    for (let tried = 0; tried < this.#slots.length; tried += 1) {
      const slot = this.#oldest;
      this.#oldest = (slot + 1) % this.#slots.length;
      const former = this.#slots[slot];
      if (former !== undefined && needed.has(former)) continue;
      if (former !== undefined) this.#positions.delete(former);
      this.#slots[slot] = keysym;
      const keycode = this.#firstSpare + Math.floor(slot / levels);
      this.#positions.set(keysym, { keycode, shift: slot % levels === 1 });
      return former !== undefined;
    }
    throw new Error("more keysyms than spare keys");
  }
}

/** The longest run of true. */
function longestRun(flags: readonly boolean[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [index, flag] of flags.entries()) {
    if (!flag) start = index + 1;
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start };
  }
  return longest;
}
