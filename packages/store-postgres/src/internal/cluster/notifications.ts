import { createHash } from "node:crypto";
import type { NotificationListener, StoreNotifications } from "@holdfast/actors";
import type { Ports, Timer } from "@holdfast/core";
import pg from "pg";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { isPooled } from "../connection/is-pooled.ts";

export interface NotificationsOptions {
  /** Of a connection that no pooler shares. */
  readonly client: pg.ClientConfig;
  readonly ports: Pick<Ports, "tasks" | "log">;
  /** Id of the cluster: several may share a database. */
  readonly cluster: string;
  send(channel: string, message: string): Promise<void>;
}

/**
 * LISTEN on a connection of its own, and NOTIFY over any other. A pooler in transaction mode would give the connection
 * to others after LISTEN, so nothing is listened to behind one.
 */
export class PostgresNotifications implements StoreNotifications {
  readonly #options: NotificationsOptions;
  #listening: { readonly channel: string; readonly listener: NotificationListener } | undefined;
  #client: pg.Client | undefined;
  #isListening = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  listen(topic: string, listener: NotificationListener): void {
    if (this.#listening !== undefined) throw new Error("The notifications have a listener");
    this.#listening = { channel: this.#channel(topic), listener };
    this.#open();
  }

  notify(topic: string, message: string): Promise<void> {
    return this.#options.send(this.#channel(topic), message);
  }

  async unlisten(): Promise<void> {
    this.#listening = undefined;
    this.#isListening = false;
    this.#retry?.cancel();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  /** A channel is an identifier, which has at most 63 bytes. */
  #channel(topic: string): string {
    const hash = createHash("sha256").update(`${this.#options.cluster}\0${topic}`).digest("hex");
    return `holdfast_${hash.slice(0, 40)}`;
  }

  #open(): void {
    const listening = this.#listening;
    if (listening === undefined) return;
    const client = new pg.Client(this.#options.client);
    this.#client = client;
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("The server closed the connection")));
    client.on("notification", ({ payload }) => listening.listener.received(payload ?? ""));
    this.#begin(client, listening.channel).catch((error: unknown) => this.#lost(client, error));
  }

  async #begin(client: pg.Client, channel: string): Promise<void> {
    const { log } = this.#options.ports;
    await client.connect();
    if (await isPooled(client)) {
      this.#client = undefined;
      await client.end();
      log.info("notifications of the database are not used: a pooler is in front of it");
      return;
    }
    await client.query(`LISTEN "${channel}"`);
    if (this.#client !== client) return;
    this.#failures = 0;
    this.#isListening = true;
    this.#listening?.listener.connected();
  }

  #lost(client: pg.Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#isListening = false;
    client.end().catch(() => undefined);
    const { log, tasks } = this.#options.ports;
    this.#failures++;
    log.debug("the connection for notifications was lost", { error, attempts: this.#failures });
    const delayMs = Math.min(
      limits.maxListenRetryMs,
      limits.minListenRetryMs * 2 ** Math.min(this.#failures - 1, 10),
    );
    this.#retry = tasks.after(delayMs, () => this.#open());
  }
}
