/** Applications on the desktop. */
import { problem } from "../../http/problem.ts";
import type { Managed } from "../../processes/managed.ts";
import type { Launcher } from "../display/launcher.ts";
import { findProgram, installCommand } from "../display/programs.ts";
import { appNotFound, invalidAction } from "../errors.ts";
import type { Windows } from "../windows/windows.ts";
import { type InstalledApp, installedApps } from "./installed.ts";

/** How long a launch waits for the window of the application. */
const windowTimeoutMs = 5_000;

export interface LaunchResult {
  readonly processId: string;
  readonly pid?: number;
  readonly windowId?: string;
}

export class Apps {
  readonly #launcher: Launcher;
  readonly #windows: Windows;

  constructor(launcher: Launcher, windows: Windows) {
    this.#launcher = launcher;
    this.#windows = windows;
  }

  /** The applications that are installed, by name. */
  async installed(): Promise<InstalledApp[]> {
    return await installedApps(this.#launcher.env);
  }

  /** Starts a program of PATH. With `wait` the answer has the id of its first window, if one opens in time. */
  async launch(app: string, args: readonly string[], wait: boolean): Promise<LaunchResult> {
    if (app.trim() === "") throw invalidAction("app must not be empty");
    const program = findProgram(app, this.#launcher.env.PATH);
    if (program === undefined) throw appNotFound(app);
    const before = await this.#windows.ids();
    const process = await this.#launcher.start(program, args);
    if (!wait) return describe(process);
    const isOwn = (pid: number) => process.members().includes(pid);
    const window = await this.#windows.opened(before, isOwn, windowTimeoutMs);
    return { ...describe(process), ...(window === undefined ? {} : { windowId: String(window) }) };
  }

  /** Opens a file or URL with the program for its type. */
  async open(target: string): Promise<LaunchResult> {
    if (target.trim() === "") throw invalidAction("target must not be empty");
    // Otherwise xdg-open would take it for one of its options.
    if (target.startsWith("-")) throw invalidAction("target must be a path or a URL");
    const { PATH, BROWSER } = this.#launcher.env;
    // xdg-open would take the program of a menu entry, which does not have the options for this desktop.
    const isWeb = BROWSER !== undefined && /^https?:\/\//i.test(target);
    const browser = isWeb ? findProgram(BROWSER, PATH) : undefined;
    if (browser !== undefined) return describe(await this.#launcher.start(browser, [target]));
    const program = findProgram("xdg-open", PATH);
    if (program === undefined) {
      throw problem("app_not_found", 404, `xdg-open is not installed: ${installCommand}`, { installCommand });
    }
    return describe(await this.#launcher.start(program, [target]));
  }
}

function describe(process: Managed): LaunchResult {
  const { id, pid } = process.info();
  return { processId: id, ...(pid === undefined ? {} : { pid }) };
}
