import type { StoreNotifications } from "@holdfast/actors";
import type { Logger } from "@holdfast/core";
import type { NodeAddress } from "../placement.ts";
import type { ReceiveWakeup, WakeupTransport } from "./transport.ts";

export interface NotifyWakeupsOptions {
  readonly notifications: StoreNotifications;
  /** Id of this node. */
  readonly node: string;
  readonly log: Logger;
  readonly receive: ReceiveWakeup;
  /** Called when messages arrive again: some may have been lost. */
  connected(): void;
}

/** Wake-ups through the store: LISTEN and NOTIFY of PostgreSQL. */
export class NotifyWakeups implements WakeupTransport {
  readonly name = "notify";
  readonly #options: NotifyWakeupsOptions;

  constructor(options: NotifyWakeupsOptions) {
    this.#options = options;
    options.notifications.listen(options.node, {
      received: (message) => void options.receive(message),
      connected: () => options.connected(),
    });
  }

  get isUp(): boolean {
    return this.#options.notifications.isListening;
  }

  async send(node: NodeAddress, message: string): Promise<boolean> {
    try {
      await this.#options.notifications.notify(node.id, message);
      return true;
    } catch (error) {
      this.#options.log.debug("a wake-up could not be sent through the store", { node: node.id, error });
      return false;
    }
  }

  close(): Promise<void> {
    return this.#options.notifications.unlisten();
  }
}
