import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The address that the lab's gate lets names lead to, as an operator would a network of the own. */
const allowed = "127.0.0.2";

/** Names of an attacker, as they resolve on the host of a lab: one of them is good once, one always. */
export class AttackNames {
  /** Every question that was asked, in order. */
  readonly asked: string[] = [];
  /** What each name is for. */
  readonly hosts = {
    turning: "turning.attack.example",
    loopback: "loopback.attack.example",
    metadata: "metadata.attack.example",
    mapped: "mapped.attack.example",
    mixed: "mixed.attack.example",
  } as const;

  /** The one that leads to the allowed address whenever it is asked for. */
  readonly steady = "steady.attack.example";

  /** For the gate's configuration. */
  readonly networks = [`${allowed}/32`];

  readonly resolve = async (host: string): Promise<readonly string[]> => {
    const before = this.asked.filter((each) => each === host).length;
    this.asked.push(host);
    switch (host) {
      case this.steady:
        return [allowed];
      case this.hosts.turning:
        return before === 0 ? [allowed] : ["127.0.0.1"];
      case this.hosts.loopback:
        return ["127.0.0.1", "::1"];
      case this.hosts.metadata:
        return ["169.254.169.254", "fd00:ec2::254"];
      case this.hosts.mapped:
        return ["::ffff:127.0.0.1"];
      case this.hosts.mixed:
        return ["10.0.0.1", "168.63.129.16"];
      default:
        throw new Error("there is no such name");
    }
  };

  /** A server at the allowed address. */
  async serve(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
    const server = createServer((_request, response) => response.end("reached"));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, allowed, resolve);
    });
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    };
  }
}
