import { Mutex } from "../internal/mutex.ts";
import type { SandboxLimits } from "../limits.ts";
import { Accessibility } from "./accessibility/accessibility.ts";
import { Apps } from "./apps/apps.ts";
import { ReusedBuffer } from "./capture/reused-buffer.ts";
import { XScreenCapture } from "./capture/screen.ts";
import { Clipboard } from "./clipboard/clipboard.ts";
import { Display, type DisplayOptions } from "./display/display.ts";
import { Keyboard } from "./input/keyboard.ts";
import { Mouse } from "./input/mouse.ts";
import { DesktopStream } from "./stream/stream.ts";
import type { DesktopResolution, StartOptions } from "./types.ts";
import { Windows } from "./windows/windows.ts";

/** What an active desktop can do. */
export class DesktopSession {
  readonly display: Display;
  readonly resolution: DesktopResolution;
  readonly recordingFps: number;
  readonly startedAt = new Date().toISOString();
  readonly mouse: Mouse;
  readonly keyboard: Keyboard;
  readonly windows: Windows;
  readonly capture: XScreenCapture;
  readonly pixels = new ReusedBuffer();
  readonly clipboard: Clipboard;
  readonly apps: Apps;
  readonly accessibility: Accessibility;
  /** So that the events of two requests do not mix. */
  readonly input = new Mutex();
  readonly stream: DesktopStream;

  private constructor(
    display: Display,
    options: StartOptions,
    limits: SandboxLimits,
    parts: Pick<DesktopSession, "keyboard" | "windows" | "capture" | "clipboard">,
  ) {
    this.display = display;
    const { width, height, dpi } = options;
    this.resolution = { width, height, dpi };
    this.recordingFps = options.recordingFps;
    this.mouse = new Mouse(display.connection);
    this.keyboard = parts.keyboard;
    this.windows = parts.windows;
    this.capture = parts.capture;
    this.clipboard = parts.clipboard;
    this.accessibility = new Accessibility(display.bus, this.resolution);
    this.apps = new Apps(display.launcher, parts.windows);
    const { launcher, name, directory, connection } = display;
    const { frameRate } = options.stream;
    this.stream = new DesktopStream({
      screen: { launcher, display: name, width, height, frameRate },
      directory,
      settings: options.stream,
      target: {
        ...{ mouse: this.mouse, keyboard: this.keyboard, input: this.input },
        sync: () => connection.sync(),
      },
      limits,
    });
  }

  static async start(
    displayOptions: DisplayOptions,
    options: StartOptions,
    limits: SandboxLimits,
  ): Promise<DesktopSession> {
    const display = await Display.start(displayOptions, options);
    const { connection } = display;
    try {
      const windows = new Windows(connection);
      const [keyboard, capture, clipboard] = await Promise.all([
        Keyboard.create(connection),
        XScreenCapture.create(connection),
        Clipboard.create(connection, limits.maxClipboardBytes),
        windows.ready(),
      ]);
      return new DesktopSession(display, options, limits, { keyboard, windows, capture, clipboard });
    } catch (error) {
      await display.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.stream.close();
    this.clipboard.close();
    this.capture.close();
    await this.display.end();
  }
}
