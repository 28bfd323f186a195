import type { KeyModifiers } from "../types.ts";
import type { XConnection } from "../x/connection.ts";
import { isCharacter, keysymOfCharacter, keysymOfKey, keysymsOfShortcut } from "./key-names.ts";
import { Keymap } from "./keymap.ts";

/** Events are sent in groups of this many characters, each followed by a round trip, which paces the sender. */
const charactersAtATime = 64;

export class Keyboard {
  readonly #connection: XConnection;
  readonly #keymap: Keymap;
  readonly #shift: number;

  private constructor(connection: XConnection, keymap: Keymap) {
    this.#connection = connection;
    this.#keymap = keymap;
    this.#shift = keymap.position(keysymOfKey("shift")).keycode;
  }

  static async create(connection: XConnection): Promise<Keyboard> {
    const keymap = await Keymap.load(connection);
    await keymap.prepare([keysymOfKey("shift")]);
    return new Keyboard(connection, keymap);
  }

  /** Types a text, with `delayMs` between the characters. Stops when `signal` aborts. */
  async type(text: string, delayMs: number, signal: AbortSignal): Promise<void> {
    const keysyms = Array.from(text.replaceAll("\r\n", "\n"), keysymOfCharacter);
    const perGroup = delayMs > 0 ? 1 : charactersAtATime;
    for (const part of this.#parts(keysyms)) {
      await this.#keymap.prepare(part);
      for (let at = 0; at < part.length && !signal.aborted; at += perGroup) {
        for (const keysym of part.slice(at, at + perGroup)) this.#tap(keysym);
        await this.#connection.sync();
        if (delayMs > 0) await pause(delayMs, signal);
      }
    }
  }

  /** Presses a shortcut such as "ctrl+l": its keys in order, and releases them in reverse. */
  async press(shortcut: string, modifiers: KeyModifiers): Promise<void> {
    const keysyms = keysymsOfShortcut(shortcut, modifiers);
    await this.#keymap.prepare(keysyms);
    const keys = keysyms.map((keysym) => this.#keymap.position(keysym));
    const shift = keys.some((key) => key.shift) && !keys.some((key) => key.keycode === this.#shift);
    const keycodes = [...(shift ? [this.#shift] : []), ...keys.map(({ keycode }) => keycode)];
    for (const keycode of keycodes) this.#send(keycode, true);
    for (const keycode of keycodes.reverse()) this.#send(keycode, false);
    await this.#connection.sync();
  }

  async down(key: string): Promise<void> {
    await this.#hold(key, true);
  }

  async up(key: string): Promise<void> {
    await this.#hold(key, false);
  }

  /**
   * Presses or releases the key of a keysym, as a person's keyboard reports it: Shift is a key of its own there. A
   * character that this keyboard has on another level than that one gets its own Shift for the moment of the press.
   */
  async setKey(keysym: number, down: boolean, isShiftHeld: boolean): Promise<void> {
    await this.#keymap.prepare([keysym]);
    const { keycode, shift } = this.#keymap.position(keysym);
    const changesShift = down && (shift ? !isShiftHeld : isShiftHeld && isCharacter(keysym));
    if (changesShift) this.#send(this.#shift, shift);
    this.#send(keycode, down);
    if (changesShift) this.#send(this.#shift, !shift);
  }

  async #hold(key: string, down: boolean): Promise<void> {
    const keysym = keysymOfKey(key);
    await this.#keymap.prepare([keysym]);
    const { keycode, shift } = this.#keymap.position(keysym);
    const keycodes = shift ? [this.#shift, keycode] : [keycode];
    for (const each of down ? keycodes : keycodes.reverse()) this.#send(each, down);
    await this.#connection.sync();
  }

  /** Splits a text where it needs more keysyms than there are spare keys. */
  *#parts(keysyms: readonly number[]): Generator<readonly number[]> {
    const onSpareKeys = new Set<number>();
    let start = 0;
    for (const [index, keysym] of keysyms.entries()) {
      if (onSpareKeys.has(keysym) || this.#keymap.isBuiltIn(keysym)) continue;
      if (onSpareKeys.size === this.#keymap.capacity) {
        yield keysyms.slice(start, index);
        start = index;
        onSpareKeys.clear();
      }
      onSpareKeys.add(keysym);
    }
    yield keysyms.slice(start);
  }

  #tap(keysym: number): void {
    const { keycode, shift } = this.#keymap.position(keysym);
    if (shift) this.#send(this.#shift, true);
    this.#send(keycode, true);
    this.#send(keycode, false);
    if (shift) this.#send(this.#shift, false);
  }

  #send(keycode: number, down: boolean): void {
    const { test } = this.#connection;
    this.#connection.send(() => test.FakeInput(down ? test.KeyPress : test.KeyRelease, keycode, 0, 0, 0, 0));
  }
}

/** Waits, at most until `signal` aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}
