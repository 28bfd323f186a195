import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorModule,
} from "./remote.ts";

/** As much of `@daytonaio/sdk` as is used. */
export interface DaytonaSandbox {
  readonly id: string;
  readonly process: { executeCommand(command: string): Promise<{ exitCode: number; result: string }> };
  getSignedPreviewUrl(port: number, ttlSeconds: number): Promise<{ url: string }>;
  start(): Promise<void>;
  stop(): Promise<void>;
  delete(timeoutSeconds?: number): Promise<void>;
}

export interface DaytonaModule {
  readonly Daytona: new () => {
    create(params: object): Promise<DaytonaSandbox>;
    get(id: string): Promise<DaytonaSandbox>;
  };
}

export interface DaytonaProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  image?: string;
  cwd?: string;
  /** Lifetime of the address, in seconds; four hours by default. A client that reconnects gets a new one. */
  previewTtlSeconds?: number;
  deleteTimeoutSeconds?: number;
  sdk?: DaytonaModule;
}

/** Daytona. Not tried against the real service. */
export function daytona(options: DaytonaProviderOptions = {}): SandboxProvider {
  const sdk = async () => new (await vendorModule(options.sdk, "@daytonaio/sdk")).Daytona();
  const find = async (id: string) => await found("daytona", id, (await sdk()).get(id));
  const machine = (sandbox: DaytonaSandbox): RemoteMachine => ({
    id: sandbox.id,
    url: async (port) => (await sandbox.getSignedPreviewUrl(port, options.previewTtlSeconds ?? 14_400)).url,
    async run(script) {
      const { exitCode, result } = await sandbox.process.executeCommand(script);
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
        return machine(await (await sdk()).create(params));
      },
      async find(id) {
        const sandbox = await find(id);
        await sandbox.start();
        return machine(sandbox);
      },
      destroy: async (id) =>
        await gone(find(id).then((sandbox) => sandbox.delete(options.deleteTimeoutSeconds))),
      pause: async (id) => await (await find(id)).stop(),
    },
    options,
  );
}
