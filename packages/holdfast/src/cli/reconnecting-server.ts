import { isErrorCode } from "@holdfast/core";
import type { ManagementClient } from "./management-client.ts";

/**
 * The server that a long-running command uses. It is looked up on first use, and again after it has gone, because a
 * server may be started after the command or restarted on another port.
 */
export class ReconnectingServer {
  readonly #find: () => Promise<ManagementClient>;
  #found: ManagementClient | undefined;
  /** Concurrent uses share one lookup. */
  #looking: Promise<ManagementClient> | undefined;

  /** `find` throws if there is no server. */
  constructor(find: () => Promise<ManagementClient>) {
    this.#find = find;
  }

  /**
   * Runs `work` with the server. If the server has gone, runs it once more with the next one: `repeatable` work
   * always, other work only if it was refused before it began.
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

  /** Releases the current server. */
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
    // A concurrent use may have released it already, and found the next one.
    if (this.#found !== client) return;
    this.#found = undefined;
    await client.close?.();
  }
}

/** Nothing answers, something else answers, or the login has ended. */
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
