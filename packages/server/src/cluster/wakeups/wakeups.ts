import type { Logger } from "@holdfast/core";
import { serverLimits } from "../../limits.ts";
import type { NodeAddress } from "../placement.ts";
import { decodeHint, encodeHint, type Hint } from "./hint.ts";
import type { WakeupTransport } from "./transport.ts";

export interface WakeupsOptions {
  readonly log: Logger;
  /** Reads the leases again if another node knows a newer revision. */
  leases(revision: number): Promise<void>;
  /** Looks for due actors at this time. */
  due(at: number): void;
  /** Starts a node that takes actors with this name and place, if this one can. */
  start(name: string, place: string | undefined): void;
}

/**
 * Tells other nodes where to look again, with the first of the transports that reaches them. Whatever is lost is found
 * by the next renewal of the session or the next look for due actors.
 */
export class Wakeups {
  readonly #options: WakeupsOptions;
  /** In order of preference. */
  #transports: readonly WakeupTransport[] = [];
  #hasLoggedInvalid = false;

  constructor(options: WakeupsOptions) {
    this.#options = options;
  }

  use(transports: readonly WakeupTransport[]): void {
    this.#transports = transports;
  }

  /** True while messages of other nodes are likely to arrive here. */
  get isUp(): boolean {
    return this.#transports.some(({ isUp }) => isUp);
  }

  /** Names of the transports that are up, in order of preference. */
  get up(): readonly WakeupTransport["name"][] {
    return this.#transports.filter(({ isUp }) => isUp).map(({ name }) => name);
  }

  /** Resolves when the nodes that can be reached have acted on the hint, where their transport reports that. */
  async tell(nodes: readonly NodeAddress[], hint: Hint): Promise<void> {
    const message = encodeHint(hint);
    await Promise.all(nodes.map((node) => this.#send(node, message)));
  }

  /** Acts on a message of another node. */
  async receive(message: string): Promise<void> {
    const { log } = this.#options;
    const hint = decodeHint(message);
    if (hint === undefined) {
      log[this.#hasLoggedInvalid ? "debug" : "warn"]("a wake-up was dropped: its format is unknown", {
        length: message.length,
      });
      this.#hasLoggedInvalid = true;
      return;
    }
    switch (hint.kind) {
      case "leases":
        try {
          await this.#options.leases(hint.revision);
        } catch (error) {
          log.debug("the leases could not be read after a wake-up", { error });
        }
        return;
      case "due":
        this.#options.due(hint.at);
        return;
      case "start":
        this.#options.start(hint.name, hint.place);
        return;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }

  async #send(node: NodeAddress, message: string): Promise<void> {
    for (const transport of this.#transports) {
      if (await transport.send(node, message)) return;
    }
    this.#options.log.debug("another node could not be woken", { node: node.id });
  }
}

/** Maximum time between two looks for due actors, in milliseconds. */
export function alarmPollMs(wakeups: Pick<Wakeups, "isUp">): number {
  return wakeups.isUp ? serverLimits.alarmPollWithWakeupsMs : serverLimits.alarmPollMs;
}
