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

/** As much of `modal` as is used. */
export interface ModalSandbox {
  readonly sandboxId: string;
  exec(command: string[]): Promise<{
    readonly stdout: { readText(): Promise<string> };
    readonly stderr: { readText(): Promise<string> };
    wait(): Promise<number>;
  }>;
  tunnels(): Promise<Record<number, { readonly url: string }>>;
  terminate(): Promise<void>;
}

export interface ModalModule {
  readonly ModalClient: new () => {
    readonly apps: { fromName(name: string, options: { createIfMissing: boolean }): Promise<unknown> };
    readonly images: { fromRegistry(tag: string): unknown };
    readonly sandboxes: {
      create(app: unknown, image: unknown, options: object): Promise<ModalSandbox>;
      fromId(id: string): Promise<ModalSandbox>;
    };
  };
}

export interface ModalProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown> & { appName?: string }>;
  /** An image of a registry with Node; "node:24-slim" by default. */
  image?: string;
  sdk?: ModalModule;
}

/** Modal. Not tried against the real service. */
export function modal(options: ModalProviderOptions = {}): SandboxProvider {
  const sdk = async () => new (await vendorModule(options.sdk, "modal")).ModalClient();
  const find = async (id: string) => await found("modal", id, (await sdk()).sandboxes.fromId(id));
  const machine = (sandbox: ModalSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    async url(port) {
      const tunnel = (await sandbox.tunnels())[port];
      if (tunnel === undefined) throw new Error(`sandbox ${sandbox.sandboxId} has no tunnel to port ${port}`);
      return tunnel.url;
    },
    async run(script) {
      const running = await sandbox.exec(["sh", "-c", script]);
      const [stdout, stderr] = await Promise.all([running.stdout.readText(), running.stderr.readText()]);
      return { exitCode: await running.wait(), output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "modal",
      defaultCwd: "/root",
      async make() {
        const { appName = "holdfast-sandbox", ...create } = (await settled(options.create)) ?? {};
        const client = await sdk();
        const app = await client.apps.fromName(appName, { createIfMissing: true });
        const image = client.images.fromRegistry(options.image ?? "node:24-slim");
        const ports = { encryptedPorts: [options.agentPort ?? 3_000] };
        return machine(await client.sandboxes.create(app, image, { memoryMiB: 2_048, ...create, ...ports }));
      },
      find: async (id) => machine(await find(id)),
      destroy: async (id) => await gone(find(id).then((sandbox) => sandbox.terminate())),
    },
    options,
  );
}
