import { join } from "node:path";
import type { ProcessTable } from "../processes/table.ts";
import type { DesktopOptions } from "./desktop.ts";
import type { DesktopPart } from "./setup.ts";

export interface LazyDesktopOptions extends Omit<DesktopOptions, "table" | "stateDirectory"> {
  readonly home: string;
  readonly dataDirectory: string | undefined;
}

/** WebSockets of the desktop. Known before its modules are. */
export const desktopSockets: readonly string[] = ["/v1/desktop/stream/signaling"];

/** The desktop of a server. Its modules are loaded with the first request for it. */
export class LazyDesktop {
  readonly #options: LazyDesktopOptions;
  #part: DesktopPart | undefined;

  constructor(options: LazyDesktopOptions) {
    this.#options = options;
  }

  /** What programs need to reach the desktop, such as DISPLAY; empty unless it is active. */
  get env(): Readonly<Record<string, string>> {
    return this.#part?.desktop.env ?? {};
  }

  async load(table: ProcessTable): Promise<DesktopPart> {
    const { createDesktop } = await import("./setup.ts");
    const { home, dataDirectory } = this.#options;
    const stateDirectory = join(dataDirectory ?? join(home, ".local/state/holdfast"), "desktop");
    this.#part ??= createDesktop({ ...this.#options, table, stateDirectory });
    return this.#part;
  }

  async close(): Promise<void> {
    await this.#part?.desktop.close();
  }
}
