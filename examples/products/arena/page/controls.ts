/** Keys, mouse and touch, as what the player wants now. */
export interface Wish {
  readonly x: number;
  readonly y: number;
  /** In radians; undefined where the pointer does not aim: then it is where the fighter goes. */
  readonly aim: number | undefined;
  readonly fire: boolean;
}

const directions: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  KeyD: [1, 0],
  KeyW: [0, -1],
  KeyS: [0, 1],
};

/** A finger that has moved so many pixels goes at full speed. */
const stickPixels = 40;

export class Controls {
  readonly #canvas: HTMLCanvasElement;
  readonly #ended = new AbortController();
  readonly #keys = new Set<string>();
  #stick: { readonly id: number; readonly x: number; readonly y: number; dx: number; dy: number } | undefined;
  #mouse: { readonly x: number; readonly y: number } | undefined;
  #fires = false;
  #firesByTouch = false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    const { signal } = this.#ended;
    canvas.addEventListener("keydown", (event) => this.#key(event, true), { signal });
    addEventListener("keyup", (event) => this.#key(event, false), { signal });
    addEventListener("blur", () => this.#release(), { signal });
    canvas.addEventListener("blur", () => this.#release(), { signal });
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#move(event), { signal });
    for (const type of ["pointerup", "pointercancel"] as const)
      canvas.addEventListener(type, (event) => this.#up(event), { signal });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  /** Where the pointer is, as a share of the canvas. */
  get pointer(): { readonly x: number; readonly y: number } | undefined {
    return this.#mouse;
  }

  /** What the player wants, seen from a place on the field. */
  wish(aimFrom: (pointer: { x: number; y: number }) => number): Wish {
    let [x, y] = [0, 0];
    for (const key of this.#keys) {
      const [dx, dy] = directions[key] ?? [0, 0];
      x += dx;
      y += dy;
    }
    if (this.#stick !== undefined) {
      x += this.#stick.dx / stickPixels;
      y += this.#stick.dy / stickPixels;
    }
    const length = Math.max(1, Math.hypot(x, y));
    const fire = this.#fires || this.#firesByTouch || this.#keys.has("Space");
    const aim = this.#mouse === undefined ? undefined : aimFrom(this.#mouse);
    return { x: x / length, y: y / length, aim, fire };
  }

  /** The button beside the field, for fingers. */
  fireByTouch(fires: boolean): void {
    this.#firesByTouch = fires;
  }

  dispose(): void {
    this.#ended.abort();
  }

  #key(event: KeyboardEvent, isDown: boolean): void {
    const isOurs = event.code in directions || event.code === "Space";
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isDown) {
      event.preventDefault();
      this.#keys.add(event.code);
      // Whoever plays by keys aims where they go, wherever the pointer was left.
      if (event.code in directions && !this.#fires) this.#mouse = undefined;
    } else this.#keys.delete(event.code);
  }

  #down(event: PointerEvent): void {
    this.#canvas.focus();
    if (event.pointerType === "mouse") {
      this.#aim(event);
      this.#fires = event.button === 0;
      return;
    }
    this.#mouse = undefined;
    this.#stick ??= { id: event.pointerId, x: event.clientX, y: event.clientY, dx: 0, dy: 0 };
    this.#canvas.setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    if (event.pointerType === "mouse") this.#aim(event);
    else if (this.#stick?.id === event.pointerId) {
      this.#stick.dx = event.clientX - this.#stick.x;
      this.#stick.dy = event.clientY - this.#stick.y;
    }
  }

  #up(event: PointerEvent): void {
    if (event.pointerType === "mouse") this.#fires = false;
    else if (this.#stick?.id === event.pointerId) this.#stick = undefined;
  }

  #aim({ clientX, clientY }: PointerEvent): void {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    this.#mouse = { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  #release(): void {
    this.#keys.clear();
    this.#stick = undefined;
    this.#fires = false;
    this.#firesByTouch = false;
  }
}
