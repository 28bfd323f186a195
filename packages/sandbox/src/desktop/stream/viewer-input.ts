import type { Mutex } from "../../internal/mutex.ts";
import { invalidAction } from "../errors.ts";
import type { Keyboard } from "../input/keyboard.ts";
import type { Mouse } from "../input/mouse.ts";
import { decodeInput, type InputMessage } from "./input-messages.ts";

/** The parts of an active desktop that input goes to. */
export interface InputTarget {
  readonly mouse: Mouse;
  readonly keyboard: Keyboard;
  /** So that the input of viewers and requests does not mix. */
  readonly input: Mutex;
  /** Resolves when the X server has taken everything. */
  readonly sync: () => Promise<void>;
}

/** Messages of one viewer that wait. One that sends more is no person. */
const maxWaiting = 1_000;
/** Browsers report the wheel in pixels: some hundred for one click of it. */
const pixelsPerClick = 100;
const shiftKeys: ReadonlySet<number> = new Set([0xffe1, 0xffe2]);
const controlKey = 0xffe3;

/** Input of one viewer. What it holds down is released when it leaves. */
export class ViewerInput {
  readonly #target: InputTarget;
  readonly #onError: (error: unknown) => void;
  readonly #keys = new Set<number>();
  readonly #buttons = new Set<number>();
  #waiting: InputMessage[] = [];
  #running: Promise<void> | undefined;
  #scrolled = { x: 0, y: 0 };
  #ended = false;

  constructor(target: InputTarget, onError: (error: unknown) => void) {
    this.#target = target;
    this.#onError = onError;
  }

  /** Takes one message. Throws `desktop_invalid_action` if it is malformed, or if too many wait. */
  push(bytes: Buffer): void {
    const message = decodeInput(bytes);
    if (message === undefined) throw invalidAction("a message of the input is malformed");
    if (this.#ended) return;
    // Only the last of several moves matters.
    if (message.type === "move" && this.#waiting.at(-1)?.type === "move") this.#waiting.pop();
    if (this.#waiting.length >= maxWaiting) throw invalidAction("the input comes faster than it can be used");
    this.#waiting.push(message);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Drops what waits, and releases what is held. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#waiting = [];
    await this.#running;
    const { mouse, keyboard, input, sync } = this.#target;
    await input.run(async () => {
      for (const button of this.#buttons) mouse.setButton(button, false);
      for (const keysym of this.#keys) await keyboard.setKey(keysym, false, false);
      await sync();
    });
  }

  async #run(): Promise<void> {
    const { input, sync } = this.#target;
    try {
      while (this.#waiting.length > 0) {
        await input.run(async () => {
          for (const message of this.#waiting.splice(0)) await this.#apply(message);
          await sync();
        });
      }
    } catch (error) {
      this.#waiting = [];
      this.#onError(error);
    }
  }

  async #apply(message: InputMessage): Promise<void> {
    const { mouse } = this.#target;
    switch (message.type) {
      case "move":
        mouse.pointTo(message);
        return;
      case "button":
        if (message.down) this.#buttons.add(message.button);
        else this.#buttons.delete(message.button);
        mouse.setButton(message.button, message.down);
        return;
      case "key":
        await this.#key(message.keysym, message.down);
        return;
      case "scroll":
        await this.#scroll(message.deltaX, message.deltaY, message.ctrl);
        return;
    }
  }

  /** The X server repeats held keys by itself, so what a browser repeats is left out. */
  async #key(keysym: number, down: boolean): Promise<void> {
    if (down === this.#keys.has(keysym)) return;
    const isShiftHeld = [...this.#keys].some((held) => shiftKeys.has(held));
    await this.#target.keyboard.setKey(keysym, down, isShiftHeld);
    if (down) this.#keys.add(keysym);
    else this.#keys.delete(keysym);
  }

  async #scroll(deltaX: number, deltaY: number, ctrl: boolean): Promise<void> {
    const { mouse, keyboard } = this.#target;
    const x = this.#scrolled.x + deltaX;
    const y = this.#scrolled.y + deltaY;
    const clicks = { x: Math.trunc(x / pixelsPerClick), y: Math.trunc(y / pixelsPerClick) };
    this.#scrolled = { x: x - clicks.x * pixelsPerClick, y: y - clicks.y * pixelsPerClick };
    const holdsControl = ctrl && !this.#keys.has(controlKey);
    if (holdsControl) await keyboard.setKey(controlKey, true, false);
    mouse.turnWheel(clicks.x, clicks.y);
    if (holdsControl) await keyboard.setKey(controlKey, false, false);
  }
}
