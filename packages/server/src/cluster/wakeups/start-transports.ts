import type { ClusterStore } from "@holdfast/actors";
import type { Logger, Tasks } from "@holdfast/core";
import type { Links } from "../links/links.ts";
import type { ClusterOptions } from "../node/options.ts";
import { LinkWakeups } from "./link-wakeups.ts";
import { natsOptions } from "./nats-options.ts";
import { NatsWakeups } from "./nats-wakeups.ts";
import { NotifyWakeups } from "./notify-wakeups.ts";
import type { ReceiveWakeup, WakeupTransport } from "./transport.ts";

export interface TransportsOptions {
  readonly options: Pick<ClusterOptions, "nats" | "wakeups">;
  readonly leases: Pick<ClusterStore, "id" | "notifications">;
  readonly links: Links;
  /** Id of this node. */
  readonly node: string;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly receive: ReceiveWakeup;
  /** Called when messages arrive again: some may have been lost. */
  connected(): void;
}

const all: readonly WakeupTransport["name"][] = ["nats", "links", "notify"];

/** Starts the transports that the options name and that can work here. Throws as `NatsWakeups.start` does. */
export async function startTransports(given: TransportsOptions): Promise<readonly WakeupTransport[]> {
  const { options, leases, links, node, tasks, log, receive } = given;
  const connected = (): void => given.connected();
  const transports: WakeupTransport[] = [];
  for (const name of options.wakeups ?? all) {
    switch (name) {
      case "nats": {
        if (options.nats === undefined) break;
        const nats = natsOptions(options.nats);
        const transport = new NatsWakeups({ nats, cluster: leases.id, node, tasks, log, receive, connected });
        await transport.start();
        transports.push(transport);
        break;
      }
      case "links":
        transports.push(new LinkWakeups(links));
        break;
      case "notify": {
        const { notifications } = leases;
        if (notifications !== undefined) {
          transports.push(new NotifyWakeups({ notifications, node, log, receive, connected }));
        }
        break;
      }
    }
  }
  return transports;
}
