import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Address to which the lab's gate lets names resolve, like a private network that an operator allows. */
const allowed = "127.0.0.2";

/** Attacker-controlled names of the lab: one resolves to the allowed address once, one always. */
export class AttackNames {
  /** All lookups, in order. */
  readonly asked: string[] = [];
  /** Names by purpose. */
  readonly hosts = {
    turning: "turning.attack.example",
    loopback: "loopback.attack.example",
    metadata: "metadata.attack.example",
    mapped: "mapped.attack.example",
    mixed: "mixed.attack.example",
  } as const;

  /** Name that always resolves to the allowed address. */
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
        throw new Error("no such name");
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
