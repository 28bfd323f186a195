import x11 from "x11";
import { counter } from "./counter.ts";

interface MotionEvent {
  readonly name?: string;
  readonly rootx?: number;
}

/** As much of the package `x11`, which has no types, as is used. */
interface Client {
  AllocID(): number;
  CreateWindow(...values: readonly unknown[]): void;
  CreateGC(id: number, window: number, values: object): void;
  MapWindow(window: number): void;
  PolyFillRectangle(window: number, context: number, rectangles: readonly number[]): void;
  GetInputFocus(done: (error: Error | null) => void): void;
  on(event: "event", listener: (event: MotionEvent) => void): void;
  terminate(): void;
}

interface X11 {
  createClient(
    options: { readonly display: string },
    done: (
      error: Error | undefined,
      display: { readonly client: Client; readonly screen: readonly { readonly root: number }[] },
    ) => void,
  ): void;
}

const pointerMotion = 1 << 6;

/** Milliseconds since the epoch, finer than `Date.now`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A window that shows a number as black and white squares, and notes when the pointer moves over it. */
export class CounterWindow {
  readonly #client: Client;
  readonly #window: number;
  readonly #contexts: readonly [black: number, white: number];
  #onMotion: ((x: number, at: number) => void) | undefined;

  private constructor(client: Client, root: number) {
    this.#client = client;
    this.#window = client.AllocID();
    this.#contexts = [client.AllocID(), client.AllocID()];
    const size = [0, 0, counter.bits * counter.pixels, counter.pixels];
    const values = { overrideRedirect: 1, backgroundPixel: 0, eventMask: pointerMotion };
    client.CreateWindow(this.#window, root, ...size, 0, 0, 0, 0, values);
    this.#contexts.forEach((context, index) => {
      client.CreateGC(context, this.#window, { foreground: index * 0xff_ff_ff });
    });
    client.MapWindow(this.#window);
    client.on("event", ({ name, rootx }) => {
      if (name === "MotionNotify" && rootx !== undefined) this.#onMotion?.(rootx, now());
    });
  }

  /** Opens it on a display whose authority file is in the environment of this process. */
  static async open(display: string): Promise<CounterWindow> {
    const window = await new Promise<CounterWindow>((resolve, reject) => {
      (x11 as X11).createClient({ display }, (error, { client, screen }) => {
        if (error !== undefined && error !== null) reject(error);
        else resolve(new CounterWindow(client, screen[0]?.root ?? 0));
      });
    });
    await window.paint(0);
    return window;
  }

  /** Resolves with the time before the X server was told; by then it has drawn the number. */
  async paint(value: number): Promise<number> {
    const paintedAt = now();
    for (const color of [0, 1] as const) {
      const squares = Array.from({ length: counter.bits }, (_each, bit) => bit).filter(
        (bit) => ((value >> bit) & 1) === color,
      );
      const rectangles = squares.flatMap((bit) => [bit * counter.pixels, 0, counter.pixels, counter.pixels]);
      if (squares.length > 0) this.#client.PolyFillRectangle(this.#window, this.#contexts[color], rectangles);
    }
    await new Promise<void>((resolve) => this.#client.GetInputFocus(() => resolve()));
    return paintedAt;
  }

  /** Resolves with the time when the pointer has come to `x`. */
  motionTo(x: number): Promise<number> {
    return new Promise((resolve) => {
      this.#onMotion = (reached, at) => {
        if (reached === x) resolve(at);
      };
    });
  }

  close(): void {
    this.#client.terminate();
  }
}
