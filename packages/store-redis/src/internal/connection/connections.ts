import { Backoff, type RetryLimits } from "@holdfast/store-kit";
import type { Argument, Command, Reply } from "../command.ts";
import { failureOf, mapServerError } from "../errors.ts";
import { turnScripts } from "../scripts/commit.ts";
import type { Script } from "../scripts/script.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";

/** One connection for turns, one for everything else, so that a read does not wait behind commits. */
export class Connections {
  readonly turns: Connection;
  readonly #reads: Connection;
  readonly #settings: ConnectionSettings;
  readonly #retry: RetryLimits;

  constructor(settings: ConnectionSettings, retry: RetryLimits) {
    this.#settings = settings;
    this.#retry = retry;
    this.turns = new Connection(settings, turnScripts);
    this.#reads = new Connection(settings);
  }

  /** Runs a script that may be repeated, over lost connections. Throws typed errors. */
  run(script: Script, ...args: readonly Argument[]): Promise<Reply> {
    return this.#retried(() => this.#reads.run(script, args));
  }

  /** The same for one command. */
  command(...command: Command): Promise<Reply> {
    return this.#retried(() => this.#reads.send(command));
  }

  async #retried(attempt: () => Promise<Reply>): Promise<Reply> {
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const failure = failureOf(error);
        backoff ??= new Backoff(this.#settings.ports, this.#retry);
        const goesOn = failure !== "final" && failure !== "fence" && (await backoff.wait());
        if (!goesOn) throw mapServerError(error);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.turns.close(), this.#reads.close()]);
  }
}
