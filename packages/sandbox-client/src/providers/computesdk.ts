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

/** As much of `computesdk` as is used. */
export interface ComputeSandbox {
  readonly sandboxId: string;
  runCommand(command: string): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  getUrl(options: { port: number }): Promise<string>;
}

export interface ComputeModule {
  readonly compute: {
    readonly sandbox: {
      create(options: object): Promise<ComputeSandbox>;
      getById(id: string): Promise<ComputeSandbox | null>;
      destroy(id: string): Promise<void>;
    };
  };
}

export interface ComputeSdkProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  sdk?: ComputeModule;
}

/** ComputeSDK, over whatever it is configured for. Not tried against the real service. */
export function computesdk(options: ComputeSdkProviderOptions = {}): SandboxProvider {
  const sdk = async () => (await vendorModule(options.sdk, "computesdk")).compute.sandbox;
  const machine = (sandbox: ComputeSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    url: (port) => sandbox.getUrl({ port }),
    async run(script) {
      const { exitCode, stdout, stderr } = await sandbox.runCommand(script);
      return { exitCode, output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "computesdk",
      defaultCwd: "/root",
      make: async () => machine(await (await sdk()).create({ ...(await settled(options.create)) })),
      async find(id) {
        const looking = (await sdk()).getById(id).then((sandbox) => {
          if (sandbox === null) throw new Error(`sandbox ${id} not found`);
          return sandbox;
        });
        return machine(await found("computesdk", id, looking));
      },
      destroy: async (id) => await gone((await sdk()).destroy(id)),
    },
    options,
  );
}
