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
import { Link } from "./link.ts";
import { createMemoryStore } from "./memory-store/memory-store.ts";
import { TestDriver, TestServer } from "./test-server.ts";
import { type CommitFailure, type TestStore, testStore } from "./test-store.ts";
import { type ProcessTasks, type TestClock, VirtualTime } from "./virtual-time.ts";

/** The part of a runner's test context that `setupTest` uses: node:test has `after`, Vitest `onTestFinished`. */
export interface TestLifecycle {
  after?: (end: () => Promise<void>) => unknown;
  onTestFinished?: (end: () => Promise<void>) => unknown;
}

export interface SetupTestOptions {
  /** Time stands still but for `clock.advance`; false unless given. */
  readonly paused?: boolean;
  /** Log records of the actors; dropped unless given. */
  readonly log?: Ports["log"];
}

export interface TestKit<R extends AnyRegistry> {
  /** Reaches the actors in this process, with the semantics of a remote client. */
  readonly client: Client<R>;
  readonly clock: TestClock;
  /** The process dies: no hook runs, what was not durable is lost; a new one starts on the same data. */
  crash(): Promise<void>;
  /** Puts the actor of a handle to sleep now; resolves when it is out of memory. */
  evict(handle: { resolve(): Promise<string> }): Promise<void>;
  /** Lets the next commit fail. */
  failNextCommit(failure?: CommitFailure): void;
  /** Cuts client and server from each other until the returned function is called. */
  partition(): () => void;
  /** Errors that no caller was told in full, in order. */
  readonly errors: readonly unknown[];
  /** Ends what runs; called by itself at the end of the test when a context was given. */
  dispose(): Promise<void>;
}

/**
 * Runs the actors of a registry inside this process, for one test: its own store in memory, its own
 * time, nothing shared with other tests. `context` is the context of the test, in node:test or Vitest.
 */
export async function setupTest<Actors extends Definitions>(
  context: TestLifecycle | undefined,
  registry: Registry<Actors>,
  options: SetupTestOptions = {},
): Promise<TestKit<Registry<Actors>>> {
  const kit = new Kit(registry, options);
  const end = (): Promise<void> => kit.dispose();
  if (context?.onTestFinished !== undefined) context.onTestFinished(end);
  else context?.after?.(end);
  return kit;
}

class Kit<Actors extends Definitions> implements TestKit<Registry<Actors>> {
  readonly client: Client<Registry<Actors>>;
  readonly clock: VirtualTime;
  readonly errors: unknown[] = [];
  readonly #config: RegistryConfig<Actors>;
  readonly #ports: Ports;
  readonly #data: ActorStore;
  readonly #link: Link;
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
      log: this.#recording(options.log ?? silentLogger),
    };
    this.#process = this.clock.process();
    this.#data = createMemoryStore({ ports: this.#ports });
    this.#store = testStore(this.#data);
    this.#directory = this.#start();
    this.#server = new TestServer(this.#directory, this.#config.gateway ?? {});
    this.#link = new Link(this.#driver());
    this.client = createClientWithDriver<Registry<Actors>>(this.#link.driver, this.#ports);
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

  /** Keeps what the directory reports of errors that callers are not told in full. */
  #recording(log: Logger): Logger {
    return {
      ...log,
      error: (message, fields) => {
        if (fields?.["error"] !== undefined) this.errors.push(fields["error"]);
        log.error(message, fields);
      },
      child: (fields) => this.#recording(log.child(fields)),
    };
  }

  #driver(): TestDriver {
    return new TestDriver(this.#directory, this.#ports, this.#server);
  }

  readonly crash = async (): Promise<void> => {
    this.#store.abandon();
    this.#process.end();
    this.#process = this.clock.process();
    this.#store = testStore(this.#data);
    this.#directory = this.#start();
    this.#link.replace(this.#driver());
    await this.#server.replace(this.#directory);
    await this.clock.settle();
  };

  readonly evict = async (handle: { resolve(): Promise<string> }): Promise<void> => {
    await this.#directory.sleep(await handle.resolve());
  };

  readonly failNextCommit = (failure: CommitFailure = {}): void => {
    this.#store.failNextCommit(failure);
  };

  readonly partition = (): (() => void) => this.#link.cut();

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
