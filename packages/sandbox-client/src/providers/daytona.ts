import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  once,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorModule,
} from "./remote.ts";

/** As much of `@daytonaio/sdk` as is used. */
export interface DaytonaSandbox {
  readonly id: string;
  readonly state?: string;
  readonly process: {
    executeCommand(
      command: string,
      cwd: undefined,
      env: undefined,
      timeoutSeconds: number,
    ): Promise<{ exitCode: number; result: string }>;
  };
  getSignedPreviewUrl(port: number, ttlSeconds: number): Promise<{ url: string }>;
  start(): Promise<void>;
  stop(): Promise<void>;
  delete(timeoutSeconds?: number): Promise<void>;
}

export interface DaytonaModule {
  readonly Daytona: new (
    config?: Record<string, unknown>,
  ) => {
    create(params: object, options: { timeout: number }): Promise<DaytonaSandbox>;
    get(id: string): Promise<DaytonaSandbox>;
  };
}

export interface DaytonaProviderOptions extends RemoteServerOptions {
  /** Options of the SDK's client: `apiKey`, `apiUrl`, `target`; from the environment by default. */
  client?: Record<string, unknown>;
  create?: Lazy<Record<string, unknown>>;
  image?: string;
  cwd?: string;
  /** Lifetime of the address, in seconds; four hours by default. A client that reconnects gets a new one. */
  previewTtlSeconds?: number;
  deleteTimeoutSeconds?: number;
  sdk?: DaytonaModule;
}

/** An image is built at its first use. */
const createTimeoutSeconds = 300;
const commandTimeoutSeconds = 600;

/** Daytona. Tried with its SDK against an emulator, not against the real service. */
export function daytona(options: DaytonaProviderOptions = {}): SandboxProvider {
  const sdk = once(async () => {
    const { Daytona } = await vendorModule(options.sdk, "@daytonaio/sdk");
    // Without this, each client opens a socket for events, which can keep the process alive for minutes. Here states
    // are only awaited at start and stop.
    return new Daytona({ useDeprecatedPolling: true, ...options.client });
  });
  const find = async (id: string) => await found("daytona", id, (await sdk()).get(id));
  const machine = (sandbox: DaytonaSandbox): RemoteMachine => ({
    id: sandbox.id,
    url: async (port) => (await sandbox.getSignedPreviewUrl(port, options.previewTtlSeconds ?? 14_400)).url,
    async run(script) {
      const { exitCode, result } = await sandbox.process.executeCommand(
        script,
        undefined,
        undefined,
        commandTimeoutSeconds,
      );
      return { exitCode, output: result };
    },
  });
  return remoteProvider(
    {
      name: "daytona",
      defaultCwd: options.cwd ?? "/home/daytona",
      async make() {
        const image = options.image === undefined ? {} : { image: options.image };
        const params = { autoStopInterval: 0, ...image, ...(await settled(options.create)) };
        return machine(await (await sdk()).create(params, { timeout: createTimeoutSeconds }));
      },
      async find(id) {
        const sandbox = await find(id);
        // Starting a running sandbox fails.
        if (sandbox.state !== "started") await sandbox.start();
        return machine(sandbox);
      },
      destroy: async (id) =>
        await gone(find(id).then((sandbox) => sandbox.delete(options.deleteTimeoutSeconds))),
      pause: async (id) => await (await find(id)).stop(),
    },
    options,
  );
}
