import { isErrorCode } from "@holdfast/core";
import type { ManagementClient } from "./management-client.ts";

/**
 * The server that a long-running command asks: looked for at the first use, and anew once what was found
 * is gone, since a server may be started after the command, or again on another port.
 */
export class ReconnectingServer {
  readonly #find: () => Promise<ManagementClient>;
  #found: ManagementClient | undefined;
  /** Several uses at one time look once. */
  #looking: Promise<ManagementClient> | undefined;

  /** `find` throws where there is no server. */
  constructor(find: () => Promise<ManagementClient>) {
    this.#find = find;
  }

  /**
   * Does some work with the server. Work that a server that is gone has not done is done again with the one
   * that is found then, once: `repeatable` work always, other work only where it was refused before it began.
   */
  async use<Result>(
    work: (client: ManagementClient) => Promise<Result>,
    repeatable: boolean,
  ): Promise<Result> {
    const client = await this.#look();
    try {
      return await work(client);
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#forget(client);
      if (!repeatable && !isRefused(error)) throw error;
      return await work(await this.#look());
    }
  }

  /** Ends what was opened to reach it. */
  async close(): Promise<void> {
    await this.#looking?.catch(() => undefined);
    if (this.#found !== undefined) await this.#forget(this.#found);
  }

  async #look(): Promise<ManagementClient> {
    if (this.#found !== undefined) return this.#found;
    this.#looking ??= this.#find();
    try {
      this.#found = await this.#looking;
      return this.#found;
    } finally {
      this.#looking = undefined;
    }
  }

  async #forget(client: ManagementClient): Promise<void> {
    // Another use that met its end has done so, and may have found the next one.
    if (this.#found !== client) return;
    this.#found = undefined;
    await client.close?.();
  }
}

/** Nobody answers there, something else does, or the login has ended. */
function isGone(error: unknown): boolean {
  return (
    isRefused(error) ||
    isErrorCode(error, "client", "network_error") ||
    isErrorCode(error, "message", "malformed_error")
  );
}

function isRefused(error: unknown): boolean {
  return isErrorCode(error, "inspector", "unauthorized");
}
