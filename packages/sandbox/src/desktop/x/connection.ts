/** The X protocol: one connection to the display, its atoms, properties and events. */

import { runtimeFailed } from "../errors.ts";
import { x11 } from "./library.ts";
import type { Done, XClient, XDisplay, XEvent, XFixes, XProperty, XTest } from "./protocol.ts";

/** Largest part of a property that one request reads, in units of four bytes. */
const propertyUnits = 65_536;

const inputOnly = 2;

/** Calls one request with a callback. */
type Request<T> = (client: XClient, done: Done<T>) => void;

/** A connection that stays open as long as the desktop. Requests keep their order. */
export class XConnection {
  readonly client: XClient;
  readonly root: number;
  readonly width: number;
  readonly height: number;
  readonly keycodes: { readonly first: number; readonly last: number };
  readonly test: XTest;
  readonly fixes: XFixes;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  readonly #atoms = new Map<string, Promise<number>>();
  readonly #listeners = new Set<(event: XEvent) => void>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #resolveClosed: () => void;
  #open = true;

  private constructor(display: XDisplay, test: XTest, fixes: XFixes) {
    const [screen] = display.screen;
    if (screen === undefined) throw runtimeFailed("the X server has no screen");
    this.client = display.client;
    this.root = screen.root;
    this.width = screen.pixel_width;
    this.height = screen.pixel_height;
    this.keycodes = { first: display.min_keycode, last: display.max_keycode };
    this.test = test;
    this.fixes = fixes;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.client.on("event", (event) => {
      for (const listener of [...this.#listeners]) listener(event);
    });
    this.client.stream.on("close", () => this.#onClosed());
  }

  /** Connects to `display`, such as ":99", with the secret of its authority file. */
  static async connect(display: string, cookie: Buffer): Promise<XConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<XDisplay>();
    const client = x11.createClient(
      {
        display,
        auth: { name: "MIT-MAGIC-COOKIE-1", data: cookie.toString("latin1") },
        bufferRequests: true,
      },
      (error, connected) => (error ? reject(error) : resolve(connected)),
    );
    // Errors of requests without a callback: a window that has just gone, for example.
    client.on("error", () => {});
    const connected = await promise;
    // The package shares its cache of atoms between connections, but each X server numbers them anew.
    client.atoms = {};
    const test = await settle<XTest>((done) => client.require("xtest", done));
    const fixes = await settle<XFixes>((done) => client.require("fixes", done));
    await settle((done) => fixes.QueryVersion(4, 0, done));
    const connection = new XConnection(connected, test, fixes);
    // The window manager tells of windows by properties of the root window.
    const eventMask = x11.eventMask.PropertyChange ?? 0;
    connection.send(() => client.ChangeWindowAttributes(connection.root, { eventMask }));
    await connection.sync();
    return connection;
  }

  /** Sends a request and waits for its reply. Rejects with the error of the X server. */
  async reply<T>(request: Request<T>): Promise<T> {
    if (!this.#open) throw connectionLost();
    let abandon: ((error: Error) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        abandon = reject;
        this.#pending.add(reject);
        request(this.client, (error, value) => {
          if (error) reject(error);
          else resolve(value);
          return true;
        });
      });
    } finally {
      if (abandon !== undefined) this.#pending.delete(abandon);
    }
  }

  /** Sends requests that have no reply. Their errors are ignored. */
  send(requests: (client: XClient) => void): void {
    if (!this.#open) throw connectionLost();
    requests(this.client);
  }

  /** Resolves when the X server has processed everything that was sent. */
  async sync(): Promise<void> {
    await this.reply<unknown>((client, done) => client.GetInputFocus(done));
  }

  /** Creates a window that is never shown. Changes of its properties are reported. */
  createHelperWindow(): number {
    const window = this.client.AllocID();
    const eventMask = x11.eventMask.PropertyChange ?? 0;
    this.send((client) =>
      client.CreateWindow(window, this.root, -10, -10, 1, 1, 0, 0, inputOnly, 0, { eventMask }),
    );
    return window;
  }

  atom(name: string): Promise<number> {
    let atom = this.#atoms.get(name);
    if (atom === undefined) {
      atom = this.reply<number>((client, done) => client.InternAtom(false, name, done));
      this.#atoms.set(name, atom);
    }
    return atom;
  }

  /** Reads a property, at least its first `maxBytes`; undefined if it does not exist. */
  async property(
    window: number,
    atom: number,
    { maxBytes = Number.POSITIVE_INFINITY } = {},
  ): Promise<XProperty | undefined> {
    const parts: Buffer[] = [];
    for (let offset = 0, size = 0; ; offset += propertyUnits) {
      const part = await this.reply<XProperty>((client, done) =>
        client.GetProperty(0, window, atom, 0, offset, propertyUnits, done),
      );
      if (part.type === 0) return undefined;
      parts.push(part.data);
      size += part.data.length;
      if (part.bytesAfter === 0 || size >= maxBytes) return { ...part, data: Buffer.concat(parts) };
    }
  }

  /** Calls `listener` for every event. Returns a function that ends this. */
  listen(listener: (event: XEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with the first event that `matches`; with undefined after `timeoutMs` or at the end of the connection. */
  nextEvent(matches: (event: XEvent) => boolean, timeoutMs: number): Promise<XEvent | undefined> {
    const { promise, resolve } = Promise.withResolvers<XEvent | undefined>();
    const stop = this.listen((event) => {
      if (matches(event)) resolve(event);
    });
    const timer = setTimeout(resolve, timeoutMs, undefined);
    void this.closed.then(() => resolve(undefined));
    return promise.finally(() => {
      clearTimeout(timer);
      stop();
    });
  }

  close(): void {
    if (!this.#open) return;
    this.client.terminate();
    this.client.stream.destroy();
    this.#onClosed();
  }

  #onClosed(): void {
    this.#open = false;
    for (const reject of [...this.#pending]) reject(connectionLost());
    this.#resolveClosed();
  }
}

async function settle<T>(request: (done: Done<T>) => void): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    request((error, value) => {
      if (error) reject(error);
      else resolve(value);
      return true;
    });
  });
}

function connectionLost(): Error {
  return runtimeFailed("the connection to the display was lost");
}
