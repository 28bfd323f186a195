import type { Gateway } from "../gateway.ts";
import { Sockets } from "../sockets/sockets.ts";
import type { RivetDoor } from "./door.ts";
import { RivetUpgrades } from "./upgrades.ts";

/** Serves the upgrades of clients of `rivetkit`. What reads their frames is loaded with the first of them. */
export class RivetSide {
  readonly upgrades: RivetUpgrades;
  readonly #gateway: Gateway;
  #sockets: Promise<Sockets> | undefined;
  #isClosed = false;

  constructor(gateway: Gateway, door: RivetDoor) {
    this.#gateway = gateway;
    this.upgrades = new RivetUpgrades(gateway, door);
  }

  /** The connections of these clients. */
  sockets(): Promise<Sockets> {
    this.#sockets ??= this.#open();
    return this.#sockets;
  }

  /** Closes every connection with 1001; resolves when all are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const sockets = await this.#sockets;
    await sockets?.close();
  }

  async #open(): Promise<Sockets> {
    const { rivetWire } = await import("./socket.ts");
    const sockets = new Sockets(this.#gateway, rivetWire);
    if (this.#isClosed) await sockets.close();
    return sockets;
  }
}
