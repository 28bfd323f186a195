import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  vendorModule,
} from "./remote.ts";

/** As much of `@boxlite-ai/boxlite` as is used. */
export interface BoxliteBox {
  readonly id: string;
  exec(command: string, ...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
}

export interface BoxliteModule {
  create(options: { image: string; ports: { host: number; guest: number }[] }): Promise<BoxliteBox>;
  get(id: string): Promise<BoxliteBox>;
  remove(id: string): Promise<void>;
}

export interface BoxliteProviderOptions extends RemoteServerOptions {
  /** An image with Node; "node:24-slim" by default. */
  image?: string;
  /** Port of this machine that leads to the server; `agentPort` by default. */
  hostPort?: number;
  sdk?: BoxliteModule;
}

/** BoxLite: small virtual machines on this machine. Not tried against the real library. */
export function boxlite(options: BoxliteProviderOptions = {}): SandboxProvider {
  const port = options.agentPort ?? 3_000;
  const host = options.hostPort ?? port;
  const sdk = () => vendorModule(options.sdk, "@boxlite-ai/boxlite");
  const machine = (box: BoxliteBox): RemoteMachine => ({
    id: box.id,
    url: async () => `http://127.0.0.1:${host}`,
    async run(script) {
      const { exitCode, stdout, stderr } = await box.exec("sh", "-c", script);
      return { exitCode, output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "boxlite",
      defaultCwd: "/root",
      async make() {
        const image = options.image ?? "node:24-slim";
        return machine(await (await sdk()).create({ image, ports: [{ host, guest: port }] }));
      },
      find: async (id) => machine(await found("boxlite", id, (await sdk()).get(id))),
      destroy: async (id) => await gone((await sdk()).remove(id)),
    },
    options,
  );
}
