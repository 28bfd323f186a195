/** People on several nodes: what every node must know about the others. */
import type { ActorConnBase, ClientBase, EventToken } from "@holdfast/client";
import type { Ports, Timer } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";
import type { PersonSignals } from "../access-changes.ts";

export interface AccessWatchOptions {
  readonly client: ClientBase;
  readonly changes: PersonSignals;
  readonly ports: Pick<Ports, "tasks" | "log">;
}

/**
 * Ends at this node what is open of people whose rights changed at another one. While the node does not hear of the
 * others, anybody's rights may have changed: what is open is checked again every `accessRecheckMs`.
 */
export class AccessWatch {
  readonly #connection: ActorConnBase<{ readonly changed: EventToken<string> }>;
  readonly #options: AccessWatchOptions;
  #recheck: Timer | undefined;

  constructor(options: AccessWatchOptions) {
    this.#options = options;
    const { client, changes, ports } = options;
    this.#connection = client.getOrCreate("accessChanges", ["local"]).connect();
    this.#connection.on("changed", (person) => changes.changed(person));
    this.#connection.onGap(() => changes.changedForAll());
    this.#connection.onOpen(() => this.#stopRechecking());
    this.#connection.onClose(() => this.#recheckLater());
    this.#connection.onError((error) => {
      ports.log.warn("a node does not hear whose rights change at other nodes", { error });
    });
    // What changed before it was open was missed.
    this.#connection.ready.then(
      () => changes.changedForAll(),
      () => {},
    );
    this.#recheckLater();
  }

  async close(): Promise<void> {
    await this.#connection.dispose();
    this.#stopRechecking();
  }

  #recheckLater(): void {
    const { changes, ports } = this.#options;
    this.#recheck ??= ports.tasks.after(studioLimits.accessRecheckMs, () => {
      this.#recheck = undefined;
      changes.changedForAll();
      this.#recheckLater();
    });
  }

  #stopRechecking(): void {
    this.#recheck?.cancel();
    this.#recheck = undefined;
  }
}
