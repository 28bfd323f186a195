/** Input as from a mouse and a keyboard, by the extension XTEST. */

import { invalidAction } from "../errors.ts";
import type { MouseButton, MousePosition } from "../types.ts";
import type { XConnection } from "../x/connection.ts";
import type { XPointer } from "../x/protocol.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

const buttons: Readonly<Record<MouseButton, number>> = { left: 1, middle: 2, right: 3 };

/** Buttons of the wheel: up, down, left, right. */
const wheel = { up: 4, down: 5, left: 6, right: 7 } as const;

/** Intermediate positions of a drag: programs recognize a drag by motion with a pressed button. */
const dragSteps = 8;

export class Mouse {
  readonly #connection: XConnection;

  constructor(connection: XConnection) {
    this.#connection = connection;
  }

  async position(): Promise<MousePosition> {
    const { root } = this.#connection;
    const pointer = await this.#pointer(root);
    const window = await this.#windowBelow(pointer);
    return {
      x: pointer.rootX,
      y: pointer.rootY,
      screen: 0,
      ...(window === undefined ? {} : { window: String(window) }),
    };
  }

  async move(to: Point): Promise<MousePosition> {
    this.#move(to);
    return await this.position();
  }

  async click(at: Point, button: MouseButton, count: number): Promise<MousePosition> {
    this.#move(at);
    for (let done = 0; done < count; done += 1) this.#click(buttons[button]);
    return await this.position();
  }

  async press(button: MouseButton, at: Point | undefined): Promise<MousePosition> {
    if (at !== undefined) this.#move(at);
    this.#button(buttons[button], true);
    return await this.position();
  }

  async release(button: MouseButton, at: Point | undefined): Promise<MousePosition> {
    if (at !== undefined) this.#move(at);
    this.#button(buttons[button], false);
    return await this.position();
  }

  async drag(from: Point, to: Point, button: MouseButton): Promise<MousePosition> {
    this.#check(to);
    this.#move(from);
    this.#button(buttons[button], true);
    for (let step = 1; step <= dragSteps; step += 1) {
      const part = step / dragSteps;
      this.#move({
        x: Math.round(from.x + (to.x - from.x) * part),
        y: Math.round(from.y + (to.y - from.y) * part),
      });
    }
    this.#button(buttons[button], false);
    return await this.position();
  }

  /** Turns the wheel by these numbers of clicks; positive is down and right. */
  async scroll(at: Point, deltaX: number, deltaY: number): Promise<MousePosition> {
    this.#move(at);
    this.turnWheel(deltaX, deltaY);
    return await this.position();
  }

  /** Moves without waiting. A position outside of the screen is its edge. */
  pointTo({ x, y }: Point): void {
    const { width, height } = this.#connection;
    this.#move({ x: Math.min(x, width - 1), y: Math.min(y, height - 1) });
  }

  /** Presses or releases a button, from 1 (left) to 3 (right), without waiting. */
  setButton(button: number, down: boolean): void {
    this.#button(button, down);
  }

  /** Turns the wheel where the pointer is, without waiting. */
  turnWheel(deltaX: number, deltaY: number): void {
    for (let done = 0; done < Math.abs(deltaY); done += 1) this.#click(deltaY < 0 ? wheel.up : wheel.down);
    for (let done = 0; done < Math.abs(deltaX); done += 1) this.#click(deltaX < 0 ? wheel.left : wheel.right);
  }

  #check({ x, y }: Point): void {
    const { width, height } = this.#connection;
    if (x < width && y < height) return;
    throw invalidAction(`${x}, ${y} is outside of the screen, which has ${width} x ${height} pixels`);
  }

  #move(to: Point): void {
    this.#check(to);
    const { test, root } = this.#connection;
    this.#connection.send(() => test.FakeInput(test.MotionNotify, 0, 0, root, to.x, to.y));
  }

  #click(button: number): void {
    this.#button(button, true);
    this.#button(button, false);
  }

  #button(button: number, down: boolean): void {
    const { test } = this.#connection;
    this.#connection.send(() =>
      test.FakeInput(down ? test.ButtonPress : test.ButtonRelease, button, 0, 0, 0, 0),
    );
  }

  async #pointer(window: number): Promise<XPointer> {
    return await this.#connection.reply<XPointer>((client, done) => client.QueryPointer(window, done));
  }

  /** The client's window below the pointer: a child of the frame that the window manager drew around it. */
  async #windowBelow({ child }: XPointer): Promise<number | undefined> {
    if (child === 0) return undefined;
    const inner = await this.#pointer(child).catch(() => undefined);
    return inner === undefined || inner.child === 0 ? child : inner.child;
  }
}
