import type { ActorStore } from "@holdfast/actors";
import { type AnyRegistry, type Client, createClientWithDriver } from "@holdfast/client";
import { type Logger, limits, type Ports, silentLogger, systemRandom } from "@holdfast/core";
import {
  clientOfActor,
  type Definitions,
  Directory,
  exposesErrors,
  type Registry,
  type RegistryConfig,
} from "@holdfast/server";
import { createMemoryStore } from "./memory-store/memory-store.ts";
import { TestNetwork } from "./test-network.ts";
import { TestDriver, TestServer } from "./test-server.ts";
import { type CommitFailure, createTestStore, type TestStore } from "./test-store.ts";
import { type ProcessTasks, type TestClock, VirtualTime } from "./virtual-time.ts";

/** Part of a test runner's context that `setupTest` uses: node:test has `after`, Vitest `onTestFinished`. */
export interface TestLifecycle {
  after?: (end: () => Promise<void>) => unknown;
  onTestFinished?: (end: () => Promise<void>) => unknown;
}

/** Options of `setupTest`. */
export interface SetupTestOptions {
  /** True: time moves only by `clock.advance`. Default: false. */
  readonly paused?: boolean;
  /** Receives the log records of the actors. Default: they are dropped. */
  readonly log?: Ports["log"];
}

/** What `setupTest` returns: a client, a clock, and ways to make things fail. */
export interface TestKit<R extends AnyRegistry> {
  /** In-process client with the semantics of a remote one. */
  readonly client: Client<R>;
  readonly clock: TestClock;
  /**
   * Simulates a process crash: no hook runs, uncommitted changes are lost, and a new process starts on the same data.
   */
  crash(): Promise<void>;
  /** Puts the actor of a handle to sleep; resolves when it has left memory. */
  evict(handle: { resolve(): Promise<string> }): Promise<void>;
  /** Makes the next commit fail. */
  failNextCommit(failure?: CommitFailure): void;
  /** Partitions client and server until the returned function is called. */
  partition(): () => void;
  /** Errors whose details were hidden from callers, in order. */
  readonly errors: readonly unknown[];
  /** Shuts everything down. Runs automatically at the end of the test when a context was given. */
  dispose(): Promise<void>;
}

/**
 * Runs the actors of a registry inside this process, for one test, with its own in-memory store and virtual clock.
 * Shares nothing with other tests. `context` is the test context of node:test or Vitest.
 */
export async function setupTest<Actors extends Definitions>(
  context: TestLifecycle | undefined,
  registry: Registry<Actors>,
  options: SetupTestOptions = {},
): Promise<TestKit<Registry<Actors>>> {
  const kit = new TestKitImpl(registry, options);
  const end = (): Promise<void> => kit.dispose();
  if (context?.onTestFinished !== undefined) context.onTestFinished(end);
  else context?.after?.(end);
  return kit;
}

class TestKitImpl<Actors extends Definitions> implements TestKit<Registry<Actors>> {
  readonly client: Client<Registry<Actors>>;
  readonly clock: VirtualTime;
  readonly errors: unknown[] = [];
  readonly #config: RegistryConfig<Actors>;
  readonly #ports: Ports;
  readonly #data: ActorStore;
  readonly #network: TestNetwork;
  #process: ProcessTasks;
  #store: TestStore;
  #directory: Directory;
  readonly #server: TestServer;
  #disposed: Promise<void> | undefined;

  constructor(registry: Registry<Actors>, options: SetupTestOptions) {
    this.#config = registry.settings;
    this.clock = new VirtualTime(() => !this.#store.busy);
    this.#ports = {
      clock: this.clock,
      tasks: this.clock,
      random: systemRandom,
      log: this.#collectErrors(options.log ?? silentLogger),
    };
    this.#process = this.clock.process();
    this.#data = createMemoryStore({ ports: this.#ports });
    this.#store = createTestStore(this.#data);
    this.#directory = this.#start();
    this.#server = new TestServer(this.#directory, this.#config.gateway ?? {});
    this.#network = new TestNetwork(this.#driver());
    this.client = createClientWithDriver<Registry<Actors>>(this.#network.driver, this.#ports);
    if (options.paused === true) this.clock.pause();
  }

  #start(): Directory {
    const ports = { ...this.#ports, tasks: this.#process };
    const { use: definitions, gateway = {}, region } = this.#config;
    const messageLimits = {
      maxIncomingBytes: gateway.maxIncomingMessageBytes ?? limits.maxIncomingMessageBytes,
      maxOutgoingBytes: gateway.maxOutgoingMessageBytes ?? limits.maxOutgoingMessageBytes,
    };
    const store = this.#store;
    const { resume } = gateway;
    const exposeErrors = exposesErrors();
    const settings = {
      messageLimits,
      clientFor: clientOfActor,
      region,
      exposeErrors,
      ...(resume && { resume }),
    };
    const directory = new Directory({ definitions, store, ports, ...settings });
    directory.alarms.start();
    return directory;
  }

  /** Wraps a logger to collect the errors that callers do not see in full. */
  #collectErrors(log: Logger): Logger {
    return {
      ...log,
      error: (message, fields) => {
        if (fields?.["error"] !== undefined) this.errors.push(fields["error"]);
        log.error(message, fields);
      },
      child: (fields) => this.#collectErrors(log.child(fields)),
    };
  }

  #driver(): TestDriver {
    return new TestDriver(this.#directory, this.#ports, this.#server);
  }

  readonly crash = async (): Promise<void> => {
    this.#store.crash();
    this.#process.end();
    this.#process = this.clock.process();
    this.#store = createTestStore(this.#data);
    this.#directory = this.#start();
    this.#network.replace(this.#driver());
    await this.#server.replace(this.#directory);
    await this.clock.settle();
  };

  readonly evict = async (handle: { resolve(): Promise<string> }): Promise<void> => {
    await this.#directory.sleep(await handle.resolve());
  };

  readonly failNextCommit = (failure: CommitFailure = {}): void => {
    this.#store.failNextCommit(failure);
  };

  readonly partition = (): (() => void) => this.#network.partition();

  readonly dispose = (): Promise<void> => {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  };

  async #dispose(): Promise<void> {
    this.clock.resume();
    await this.client.dispose();
    await this.#directory.shutdown();
    await this.#server.close();
    await this.#data.close();
    this.clock.stop();
  }
}
