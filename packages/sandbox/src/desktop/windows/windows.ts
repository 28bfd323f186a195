/** Windows of the desktop, as its window manager lists them. Source: Extended Window Manager Hints 1.5. */

import { problem } from "../../http/problem.ts";
import { runtimeFailed, windowNotFound } from "../errors.ts";
import type { DesktopWindowInfo } from "../types.ts";
import type { XConnection } from "../x/connection.ts";
import { x11 } from "../x/library.ts";
import type { XGeometry } from "../x/protocol.ts";

/** Smaller windows are helpers of programs, as in the peer. */
const minWidth = 120;
const minHeight = 80;

/** How long the window manager may take for a change. It may also ignore one, as programs limit their sizes. */
const changeTimeoutMs = 1_000;
/** How long the window manager may take from its announcement until it answers. */
const readyTimeoutMs = 10_000;
/** Sender of a request to the window manager: a pager, which acts for the user. */
const fromPager = 2;
const mapStateViewable = 2;

/** Flags of `_NET_MOVERESIZE_WINDOW`: which values are given, in bits 8 to 11, and the sender from bit 12. */
const moveFlags = (1 << 8) | (1 << 9) | (fromPager << 12);
const resizeFlags = (1 << 10) | (1 << 11) | (fromPager << 12);

export class Windows {
  readonly #connection: XConnection;
  /** A window that is never shown, for {@link #barrier}. */
  readonly #helper: number;

  constructor(connection: XConnection) {
    this.#connection = connection;
    this.#helper = connection.createHelperWindow();
  }

  /**
   * Resolves when the window manager answers. While it starts, it loses what it is asked, so that programs whose window
   * it should change wait for seconds: it is asked again until it answers.
   */
  async ready(): Promise<void> {
    const deadline = performance.now() + readyTimeoutMs;
    for (let waitMs = 10; performance.now() < deadline; waitMs = Math.min(waitMs * 2, changeTimeoutMs)) {
      if (await this.#barrier(waitMs)) return;
    }
    throw runtimeFailed(`the window manager did not answer within ${readyTimeoutMs} ms`);
  }

  /** The visible windows that have a title and a size for people, in the order in which they were opened. */
  async list(): Promise<DesktopWindowInfo[]> {
    const [ids, active] = await Promise.all([this.#clientList(), this.#active()]);
    const windows = await Promise.all(ids.map((id) => this.#describe(id, active).catch(() => undefined)));
    return windows.filter(
      (window) =>
        window !== undefined && window.title !== "" && window.width >= minWidth && window.height >= minHeight,
    ) as DesktopWindowInfo[];
  }

  /** The window that has the focus. Throws `no_focused_window`. */
  async focused(): Promise<DesktopWindowInfo> {
    const active = await this.#active();
    const window = active === 0 ? undefined : await this.#describe(active, active).catch(() => undefined);
    if (window === undefined) throw problem("no_focused_window", 404, "no window has the focus");
    return window;
  }

  async focus(id: string): Promise<DesktopWindowInfo> {
    const { root } = this.#connection;
    const active = await this.#connection.atom("_NET_ACTIVE_WINDOW");
    const deadline = performance.now() + changeTimeoutMs;
    let window = await this.#change(id, "_NET_ACTIVE_WINDOW", [fromPager, 0, 0, 0, 0]);
    // The window manager reports the focus when the X server has told it.
    while (!window.isActive && performance.now() < deadline) {
      const changed = this.#connection.nextEvent(
        ({ name, wid, atom }) => name === "PropertyNotify" && wid === root && atom === active,
        deadline - performance.now(),
      );
      window = await this.#describeFound(id);
      if (!window.isActive) await changed;
    }
    return window;
  }

  /** Moves a window: its frame, whose border and title are outside of what `x` and `y` of the answer tell. */
  async move(id: string, x: number, y: number): Promise<DesktopWindowInfo> {
    return await this.#change(id, "_NET_MOVERESIZE_WINDOW", [moveFlags, x, y, 0, 0]);
  }

  async resize(id: string, width: number, height: number): Promise<DesktopWindowInfo> {
    return await this.#change(id, "_NET_MOVERESIZE_WINDOW", [resizeFlags, 0, 0, width, height]);
  }

  /**
   * Asks the program of a window to close it, as the button of its frame does. Resolves to false if the window stays,
   * as that of a program which asks a question first.
   */
  async close(id: string): Promise<boolean> {
    const { root } = this.#connection;
    const window = await this.#find(id);
    const [list, type] = await Promise.all([
      this.#connection.atom("_NET_CLIENT_LIST"),
      this.#connection.atom("_NET_CLOSE_WINDOW"),
    ]);
    const deadline = performance.now() + changeTimeoutMs;
    this.#tellManager(window, type, [0, fromPager, 0, 0, 0]);
    for (;;) {
      const changed = this.#connection.nextEvent(
        ({ name, wid, atom }) => name === "PropertyNotify" && wid === root && atom === list,
        Math.max(0, deadline - performance.now()),
      );
      if (!(await this.#clientList()).includes(window)) return true;
      if ((await changed) === undefined) return false;
    }
  }

  /**
   * Resolves with the first window of these processes; undefined after `timeoutMs`. A window that does not tell its
   * process counts if it was not open `before`. Ids alone do not tell, because X uses them again.
   */
  async opened(
    before: ReadonlySet<number>,
    isOwn: (pid: number) => boolean,
    timeoutMs: number,
  ): Promise<number | undefined> {
    const { root } = this.#connection;
    const list = await this.#connection.atom("_NET_CLIENT_LIST");
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const changed = this.#connection.nextEvent(
        ({ name, wid, atom }) => name === "PropertyNotify" && wid === root && atom === list,
        Math.max(0, deadline - performance.now()),
      );
      for (const id of await this.#clientList()) {
        const pid = await this.#pid(id);
        if (pid === undefined ? before.has(id) : !isOwn(pid)) continue;
        // The window manager lists a window before it shows it.
        await this.#barrier();
        return id;
      }
      if ((await changed) === undefined) return undefined;
    }
  }

  /** The ids of all windows that the window manager manages. */
  async ids(): Promise<ReadonlySet<number>> {
    return new Set(await this.#clientList());
  }

  async #change(id: string, message: string, data: readonly number[]): Promise<DesktopWindowInfo> {
    const window = await this.#find(id);
    const type = await this.#connection.atom(message);
    this.#tellManager(window, type, data);
    await this.#barrier();
    return await this.#describeFound(id);
  }

  async #describeFound(id: string): Promise<DesktopWindowInfo> {
    return await this.#describe(await this.#find(id), await this.#active()).catch(() => {
      throw windowNotFound(id);
    });
  }

  async #find(id: string): Promise<number> {
    const window = /^(0x[0-9a-f]+|\d+)$/i.test(id) ? Number(id) : Number.NaN;
    if ((await this.#clientList()).includes(window)) return window;
    throw windowNotFound(id);
  }

  /**
   * Waits until the window manager has handled all requests before this one: it answers the request for the extents of
   * a frame by a property of the window, also for a window that it does not manage. False if it does not answer.
   */
  async #barrier(timeoutMs: number = changeTimeoutMs): Promise<boolean> {
    const [request, extents] = await Promise.all([
      this.#connection.atom("_NET_REQUEST_FRAME_EXTENTS"),
      this.#connection.atom("_NET_FRAME_EXTENTS"),
    ]);
    const answered = this.#connection.nextEvent(
      ({ name, wid, atom }) => name === "PropertyNotify" && wid === this.#helper && atom === extents,
      timeoutMs,
    );
    this.#tellManager(this.#helper, request, [0, 0, 0, 0, 0]);
    return (await answered) !== undefined;
  }

  #tellManager(window: number, type: number, data: readonly number[]): void {
    const { root } = this.#connection;
    const { SubstructureNotify = 0, SubstructureRedirect = 0 } = x11.eventMask;
    const event = { name: "ClientMessage", format: 32, wid: window, message_type: type, data };
    this.#connection.send((client) =>
      client.SendEvent(root, 0, SubstructureNotify | SubstructureRedirect, event),
    );
  }

  async #describe(id: number, active: number): Promise<DesktopWindowInfo> {
    const { root } = this.#connection;
    const [attributes, geometry, origin, title] = await Promise.all([
      this.#connection.reply<{ readonly mapState: number }>((client, done) =>
        client.GetWindowAttributes(id, done),
      ),
      this.#connection.reply<XGeometry>((client, done) => client.GetGeometry(id, done)),
      this.#connection.reply<{ readonly destX: number; readonly destY: number }>((client, done) =>
        client.TranslateCoordinates(id, root, 0, 0, done),
      ),
      this.#title(id),
    ]);
    if (attributes.mapState !== mapStateViewable) throw windowNotFound(String(id));
    return {
      id: String(id),
      title,
      x: origin.destX,
      y: origin.destY,
      width: geometry.width,
      height: geometry.height,
      isActive: id === active,
    };
  }

  async #title(id: number): Promise<string> {
    const named = await this.#connection.property(id, await this.#connection.atom("_NET_WM_NAME"));
    if (named !== undefined) return named.data.toString("utf8");
    const old = await this.#connection.property(id, await this.#connection.atom("WM_NAME"));
    return old?.data.toString("latin1") ?? "";
  }

  async #pid(id: number): Promise<number | undefined> {
    const property = await this.#connection
      .property(id, await this.#connection.atom("_NET_WM_PID"))
      .catch(() => undefined);
    return property?.data.length === 4 ? property.data.readUInt32LE(0) : undefined;
  }

  async #active(): Promise<number> {
    const { root } = this.#connection;
    const property = await this.#connection.property(root, await this.#connection.atom("_NET_ACTIVE_WINDOW"));
    return property?.data.length === 4 ? property.data.readUInt32LE(0) : 0;
  }

  async #clientList(): Promise<number[]> {
    const { root } = this.#connection;
    const property = await this.#connection.property(root, await this.#connection.atom("_NET_CLIENT_LIST"));
    const data = property?.data ?? Buffer.alloc(0);
    return Array.from({ length: Math.floor(data.length / 4) }, (_each, index) =>
      data.readUInt32LE(index * 4),
    );
  }
}
