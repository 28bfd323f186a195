/** What the desktop uses of the package `x11`: its clients, with the requests and events of the X protocol. */

/** Receives a reply, or an error of the X server; returns true when it has handled the error. */
export type Done<T> = (error: Error | null | undefined, value: T) => boolean;

export interface XScreen {
  readonly root: number;
  readonly pixel_width: number;
  readonly pixel_height: number;
}

export interface XDisplay {
  readonly client: XClient;
  readonly screen: readonly XScreen[];
  readonly min_keycode: number;
  readonly max_keycode: number;
}

/** An event; which members it has depends on its name. Windows and atoms are numbers. */
export interface XEvent {
  readonly name?: string;
  readonly wid?: number;
  readonly atom?: number;
  readonly state?: number;
  readonly time?: number;
  readonly owner?: number;
  readonly requestor?: number;
  readonly selection?: number;
  readonly target?: number;
  readonly property?: number;
}

export interface XPointer {
  readonly child: number;
  readonly rootX: number;
  readonly rootY: number;
}

export interface XGeometry {
  readonly width: number;
  readonly height: number;
}

export interface XProperty {
  /** Atom; 0 if the property does not exist. */
  readonly type: number;
  readonly format: number;
  readonly bytesAfter: number;
  readonly data: Buffer;
}

export interface XCursorImage {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly xhot: number;
  readonly yhot: number;
  /** ARGB, premultiplied. */
  readonly cursorImage: Buffer;
}

export interface XTest {
  readonly KeyPress: number;
  readonly KeyRelease: number;
  readonly ButtonPress: number;
  readonly ButtonRelease: number;
  readonly MotionNotify: number;
  FakeInput(type: number, detail: number, delayMs: number, window: number, x: number, y: number): void;
}

export interface XFixes {
  QueryVersion(major: number, minor: number, done: Done<unknown>): void;
  GetCursorImage(done: Done<XCursorImage>): void;
}

export interface XSharedSegment {
  readonly size: number;
  readonly buffer: Buffer;
  getImage(
    drawable: number,
    x: number,
    y: number,
    width: number,
    height: number,
    planeMask: number,
    format: number | undefined,
    offset: number,
    done: Done<{ readonly size: number }>,
  ): void;
  detach(): void;
}

export interface XSharedMemory {
  usable(done: Done<boolean>): void;
  createSegment(bytes: number, done: Done<XSharedSegment>): void;
}

export interface XClient {
  /** Cache of atoms by name. */
  atoms: Record<string, number>;
  readonly stream: { destroy(): void; on(event: "close", listener: () => void): void };
  on(event: "event", listener: (event: XEvent) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  require(name: "xtest", done: Done<XTest>): void;
  require(name: "fixes", done: Done<XFixes>): void;
  require(name: "shm", done: Done<XSharedMemory>): void;
  terminate(): void;
  AllocID(): number;
  InternAtom(onlyIfExists: boolean, name: string, done: Done<number>): void;
  GetInputFocus(done: Done<unknown>): void;
  QueryPointer(window: number, done: Done<XPointer>): void;
  TranslateCoordinates(
    from: number,
    to: number,
    x: number,
    y: number,
    done: Done<{ readonly destX: number; readonly destY: number }>,
  ): void;
  GetGeometry(window: number, done: Done<XGeometry>): void;
  GetWindowAttributes(window: number, done: Done<{ readonly mapState: number }>): void;
  GetProperty(
    remove: 0 | 1,
    window: number,
    property: number,
    type: number,
    offset: number,
    length: number,
    done: Done<XProperty>,
  ): void;
  ChangeProperty(
    mode: number,
    window: number,
    property: number,
    type: number,
    format: number,
    data: Buffer,
    done?: Done<unknown>,
  ): void;
  DeleteProperty(window: number, property: number, done?: Done<unknown>): void;
  CreateWindow(
    id: number,
    parent: number,
    x: number,
    y: number,
    width: number,
    height: number,
    borderWidth: number,
    depth: number,
    windowClass: number,
    visual: number,
    values: Readonly<Record<string, number>>,
  ): void;
  ChangeWindowAttributes(
    window: number,
    values: Readonly<Record<string, number>>,
    done?: Done<unknown>,
  ): void;
  SetSelectionOwner(owner: number, selection: number, time: number): void;
  GetSelectionOwner(selection: number, done: Done<number>): void;
  ConvertSelection(
    requestor: number,
    selection: number,
    target: number,
    property: number,
    time: number,
  ): void;
  SendEvent(
    destination: number,
    propagate: number,
    mask: number,
    event: Readonly<Record<string, unknown>>,
    done?: Done<unknown>,
  ): void;
  GetKeyboardMapping(first: number, count: number, done: Done<readonly (readonly number[])[]>): void;
  ChangeKeyboardMapping(first: number, perKeycode: number, keysyms: readonly number[]): void;
  GetImage(
    format: number,
    drawable: number,
    x: number,
    y: number,
    width: number,
    height: number,
    planeMask: number,
    done: Done<{ readonly data: Buffer }>,
  ): void;
}

export interface X11 {
  createClient(
    options: {
      readonly display: string;
      readonly auth: { readonly name: string; readonly data: string };
      readonly bufferRequests?: boolean;
    },
    done: (error: Error | undefined, display: XDisplay) => void,
  ): XClient;
  readonly eventMask: Readonly<Record<string, number>>;
  /** `XK_a` and so on. */
  readonly keySyms: Readonly<Record<string, number | { readonly code?: number }>>;
}
