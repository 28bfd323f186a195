/** The desktop of a sandbox: a screen without a monitor, which clients look at and use over HTTP. */
import { isHoldfastError, type Logger } from "@holdfast/core";
import { problem } from "../http/problem.ts";
import { Mutex } from "../internal/mutex.ts";
import { Slots } from "../internal/slots.ts";
import type { SandboxLimits } from "../limits.ts";
import type { ProcessTable } from "../processes/table.ts";
import type { BrowserNetwork } from "./apps/browsers.ts";
import { type ImageEncoder, loadEncoder } from "./capture/encoder.ts";
import { takeScreenshot } from "./capture/screenshots.ts";
import { findProgram, installCommand, missingPrograms } from "./display/programs.ts";
import { notActive } from "./errors.ts";
import { makeConfinedDirectory } from "./recording/confined-directory.ts";
import { Recordings } from "./recording/recordings.ts";
import { DesktopSession } from "./session.ts";
import type {
  DesktopErrorInfo,
  DesktopState,
  DesktopStatus,
  RecordingInfo,
  Region,
  ScreenshotOptions,
  StartOptions,
} from "./types.ts";

export interface DesktopOptions {
  readonly table: ProcessTable;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the server, which confines where recordings may be. */
  readonly root: string | undefined;
  /** Directory of recordings, unless a start names another one. */
  readonly stateDirectory: string;
  readonly jailed: boolean;
  readonly browserNetwork: BrowserNetwork;
  readonly limits: SandboxLimits;
  readonly log: Logger;
}

/** Encoders use more than one core each. Other requests wait. */
const concurrentScreenshots = 2;

/** Starts and stops the desktop. At most one is active. */
export class Desktop {
  readonly #options: DesktopOptions;
  readonly #transitions = new Mutex();
  /** Each has a copy of the screen until it is encoded. */
  readonly #screenshots = new Slots(concurrentScreenshots);
  #state: DesktopState = "inactive";
  #session: DesktopSession | undefined;
  #lastError: DesktopErrorInfo | undefined;
  #encoder: ImageEncoder | undefined;
  #recordings: Promise<Recordings> | undefined;

  constructor(options: DesktopOptions) {
    this.#options = options;
  }

  /** What programs need to reach the desktop, such as DISPLAY; empty unless it is active. */
  get env(): Readonly<Record<string, string>> {
    return this.#session?.display.env ?? {};
  }

  /** The active desktop. Throws `conflict` if there is none. */
  get session(): DesktopSession {
    if (this.#session === undefined) throw notActive();
    return this.#session;
  }

  get isActive(): boolean {
    return this.#session !== undefined;
  }

  async status(): Promise<DesktopStatus> {
    const missing = missingPrograms(this.#options.env.PATH);
    const session = this.#session;
    if (session === undefined) return this.#inactiveStatus(missing);
    const { display, resolution, startedAt, windows } = session;
    return {
      state: this.#state,
      display: display.name,
      authority: display.authority,
      resolution,
      startedAt,
      missingDependencies: missing,
      processes: display.processes(),
      // The connection may end meanwhile; the next status tells.
      windows: await windows.list().catch(() => []),
    };
  }

  /** Starts the desktop, or returns the status of the active one unchanged. */
  async start(options: StartOptions): Promise<DesktopStatus> {
    return await this.#transitions.run(async () => {
      if (this.#session !== undefined) return await this.status();
      if (process.platform !== "linux") {
        throw problem("not_supported", 501, "desktops are available on Linux only");
      }
      this.#checkPrograms();
      await this.#useStateDirectory(options.stateDirectory);
      this.#state = "starting";
      try {
        const { limits } = this.#options;
        const session = await DesktopSession.start(this.#options, options, limits);
        this.#session = session;
        this.#state = "active";
        this.#lastError = undefined;
        void session.display.connection.closed.then(() => this.#onLost(session));
      } catch (error) {
        this.#fail(error);
        throw error;
      }
      return await this.status();
    });
  }

  /** Ends the desktop and everything on it. Idempotent. */
  async stop(): Promise<DesktopStatus> {
    return await this.#transitions.run(async () => {
      const session = this.#session;
      if (session !== undefined) {
        this.#state = "stopping";
        await this.#end(session);
      }
      this.#state = "inactive";
      this.#lastError = undefined;
      return await this.status();
    });
  }

  async close(): Promise<void> {
    await this.stop();
  }

  async screenshot(options: ScreenshotOptions, region?: Region): Promise<Buffer> {
    const { session } = this;
    this.#encoder ??= loadEncoder(findProgram("ffmpeg", this.#options.env.PATH));
    const encoder = this.#encoder;
    return await this.#screenshots.run(() => takeScreenshot(session, encoder, options, region));
  }

  async recordings(): Promise<Recordings> {
    const { stateDirectory, limits } = this.#options;
    this.#recordings ??= Recordings.open(stateDirectory, limits.maxRecordingBytes);
    return await this.#recordings;
  }

  async startRecording(fps: number | undefined): Promise<RecordingInfo> {
    const { display, resolution, recordingFps } = this.session;
    const screen = { launcher: display.launcher, display: display.name, ...resolution };
    return await (await this.recordings()).start(screen, fps ?? recordingFps);
  }

  #inactiveStatus(missing: readonly string[]): DesktopStatus {
    const common = { missingDependencies: missing, processes: [] };
    if (missing.length > 0 && this.#state === "inactive") {
      const message = `missing programs: ${missing.join(", ")}`;
      return {
        ...{ state: "install_required", lastError: { code: "desktop_dependencies_missing", message } },
        ...common,
        installCommand,
      };
    }
    return { state: this.#state, ...common, ...(this.#lastError ? { lastError: this.#lastError } : {}) };
  }

  #checkPrograms(): void {
    const missing = missingPrograms(this.#options.env.PATH);
    if (missing.length === 0) return;
    const detail = `missing programs: ${missing.join(", ")}. Install them: ${installCommand}`;
    throw problem("desktop_dependencies_missing", 503, detail, {
      missingDependencies: missing,
      installCommand,
    });
  }

  async #useStateDirectory(directory: string | undefined): Promise<void> {
    if (directory === undefined || (await this.recordings()).directory === directory) return;
    const { root, limits } = this.#options;
    const path = root === undefined ? directory : await makeConfinedDirectory(directory, root);
    this.#recordings = Recordings.open(path, limits.maxRecordingBytes);
  }

  #onLost(session: DesktopSession): void {
    void this.#transitions.run(async () => {
      if (this.#session !== session) return;
      await this.#end(session);
      this.#fail(problem("desktop_runtime_failed", 503, "the X server ended"));
      this.#options.log.warn("desktop lost", { display: session.display.name });
    });
  }

  async #end(session: DesktopSession): Promise<void> {
    await (await this.recordings()).close();
    await session.end();
    this.#session = undefined;
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    this.#lastError = isHoldfastError(error)
      ? { code: error.code, message: error.message }
      : { code: "desktop_runtime_failed", message: String(error) };
  }
}
