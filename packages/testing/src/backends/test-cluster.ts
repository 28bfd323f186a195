import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { ClusterOptions, Definitions, Directory, Registry } from "@holdfast/server";
import { openPostgresStore } from "@holdfast/store-postgres";
import { databaseOf } from "./database.ts";
import { runningNodes } from "./test-store.ts";

/** What makes a registry a node. */
export interface NodeSettings {
  readonly store: () => Promise<ActorStore>;
  readonly cluster: ClusterOptions;
}

/** A registry of any actors. */
export type AnyTestRegistry = Pick<Registry<Definitions>, "directory" | "listen" | "shutdown">;

/** Few, so that they are read and moved quickly. */
const shards = 64;

const settleTimeoutMs = 30_000;

/**
 * Three nodes in this process: two share the actors, the third is the gateway that tests use, and runs none. The
 * gateway starts the others before it opens its store, and ends them after it has closed it.
 */
export class TestCluster<R extends AnyTestRegistry> {
  readonly #directory: string;
  readonly #ports: Ports;
  readonly #make: (settings: NodeSettings) => R;
  #owners: readonly R[] = [];

  constructor(directory: string, ports: Ports, make: (settings: NodeSettings) => R) {
    this.#directory = directory;
    this.#ports = ports;
    this.#make = make;
  }

  /** The nodes that run the actors, once the gateway has started. */
  get owners(): readonly R[] {
    return this.#owners;
  }

  createGateway(): R {
    return this.#make({
      cluster: nodeOptions("gateway", 0),
      store: async () => {
        await this.startOwners();
        try {
          return closing(await this.#open("gateway"), () => this.stopOwners());
        } catch (error) {
          await this.stopOwners();
          throw error;
        }
      },
    });
  }

  /** Starts the nodes that run the actors; resolves when each has its share of them. */
  async startOwners(): Promise<void> {
    this.#owners = Array.from({ length: runningNodes }, (_, at) => {
      const name = `owner-${at + 1}`;
      return this.#make({ cluster: nodeOptions(name, 1), store: () => this.#open(name) });
    });
    try {
      const directories = await Promise.all(
        this.#owners.map(async (owner) => {
          // Other nodes ask where its actors can be reached.
          await owner.listen({ port: 0 });
          return owner.directory();
        }),
      );
      await haveShared(directories);
    } catch (error) {
      await this.stopOwners();
      throw error;
    }
  }

  async stopOwners(): Promise<void> {
    await Promise.all(this.#owners.map((owner) => owner.shutdown()));
  }

  async #open(name: string): Promise<ActorStore> {
    return openPostgresStore({
      ...{ url: await databaseOf(this.#directory), shards, ports: this.#ports },
      cachePath: join(this.#directory, name),
      turnConnections: 2,
      readConnections: 1,
    });
  }
}

/** The environment of a program that is to be the gateway of a cluster. Start its owners first. */
export async function gatewayEnvironment(directory: string): Promise<Readonly<Record<string, string>>> {
  const { advertise, secret, node = "" } = nodeOptions("gateway", 0);
  return {
    HOLDFAST_STORE: await databaseOf(directory),
    HOLDFAST_ADVERTISE: advertise,
    HOLDFAST_CLUSTER_SECRET: secret,
    HOLDFAST_NODE: node,
    HOLDFAST_WEIGHT: "0",
  };
}

/** The name is new at each start: a node that was killed may still have a session under its own. */
function nodeOptions(name: string, weight: number): ClusterOptions & { readonly advertise: string } {
  return {
    advertise: "http://127.0.0.1:0",
    secret: "the secret of the nodes of one test",
    node: `${name}-${randomUUID()}`,
    weight,
  };
}

/** Resolves when each of the nodes has its share of the shards, so that no actor moves during a test. */
async function haveShared(directories: readonly Directory[]): Promise<void> {
  const deadline = AbortSignal.timeout(settleTimeoutMs);
  for (;;) {
    const reports = await Promise.all(directories.map((directory) => directory.cluster?.status()));
    const names = reports.map((report) => report?.node);
    const areSettled = reports.every((report) => {
      const held = (report?.nodes ?? []).filter(({ id }) => names.includes(id)).map((node) => node.shards);
      return held.every((count) => count > 0) && held.reduce((sum, count) => sum + count, 0) === shards;
    });
    if (areSettled) return;
    if (deadline.aborted) throw new Error(`The nodes have not shared the actors: ${JSON.stringify(reports)}`);
    await delay(5);
  }
}

/** The store, with a step after its end. */
function closing(store: ActorStore, closed: () => Promise<void>): ActorStore {
  return new Proxy(store, {
    get(target, property) {
      if (property === "close") {
        return async () => {
          await target.close();
          await closed();
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
