/** A computer in a jail: without a network, with a desktop, a browser, and a shop that only this browser reaches. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createGate, type Gate } from "@holdfast/gate";
import { type DesktopNode, SandboxAgent, type SandboxProvider } from "@holdfast/sandbox-client";
import { jail } from "@holdfast/sandbox-client/jail";

const data = join(process.env["HOLDFAST_DATA"] ?? ".holdfast", "browse");
const entry = fileURLToPath(import.meta.resolve("@holdfast/sandbox")).replace(/index\.(ts|js)$/, "cli.$1");
const root = join(import.meta.dirname, "..", "..");

let gate: Promise<Gate> | undefined;
const computers = new Map<string, Computer>();

/** How long a click waits for its element: a browser that has just started takes a while on a busy machine. */
const clickTimeoutMs = 30_000;

export class Computer {
  /** What makes the jail, for the agent; the desktop and the shop start with it. */
  readonly provider: SandboxProvider;
  #sandbox: SandboxAgent | undefined;

  private constructor(inner: SandboxProvider) {
    this.provider = {
      ...inner,
      create: async () => {
        const id = await inner.create();
        const fetch = await inner.getFetch?.(id);
        if (fetch === undefined) throw new Error("A jail is reached by a fetch of its own");
        this.#sandbox = await SandboxAgent.connect({ baseUrl: "http://sandbox", fetch });
        await openShop(this.#sandbox);
        await this.#sandbox.startDesktop({ width: 1_000, height: 700 });
        return id;
      },
    };
  }

  /** The computer of an actor; the jail is made when its agent needs it. */
  static async of(id: string): Promise<Computer> {
    gate ??= createGate({ dataDir: data });
    const server = { entry, directories: [join(root, "packages"), join(root, "node_modules")] };
    const mounts = [{ source: import.meta.dirname, target: "/opt/shop", mode: "ro" as const }];
    const computer = computers.get(id) ?? new Computer(jail({ gate: await gate, server, mounts }));
    computers.set(id, computer);
    return computer;
  }

  get sandbox(): SandboxAgent {
    if (this.#sandbox === undefined) throw new Error("The jail has not started");
    return this.#sandbox;
  }

  async open(url: string): Promise<void> {
    await this.sandbox.launchDesktopApp({ app: "chromium", args: [url], wait: true });
  }

  /** What the screen shows, one element a line: by the accessibility tree, which is exact and needs no picture. */
  async read(): Promise<string> {
    const { nodes } = await this.sandbox.getDesktopTree();
    return nodes.flatMap(linesOf).join("\n");
  }

  async click(name: string): Promise<void> {
    await this.sandbox.clickDesktopNode({ name, timeoutMs: clickTimeoutMs });
  }

  async type(text: string): Promise<void> {
    await this.sandbox.typeDesktopText({ text });
  }

  async picture(format: "png" | "jpeg"): Promise<Uint8Array> {
    return await this.sandbox.takeDesktopScreenshot({ format, showCursor: true });
  }
}

/** Computers whose jail has started, by actor id. */
export function running(): ReadonlyMap<string, Computer> {
  return computers;
}

/** Ends all jails. */
export async function close(): Promise<void> {
  await (await gate)?.close();
}

/** Where screenshots are kept. */
export function screenshotsDirectory(): string {
  const directory = join(data, "screenshots");
  mkdirSync(directory, { recursive: true });
  return directory;
}

async function openShop(sandbox: SandboxAgent): Promise<void> {
  const { id } = await sandbox.createProcess({
    command: "node",
    args: ["/opt/shop/shop.ts"],
    cwd: "/workspace",
  });
  const isOpen = Promise.withResolvers<void>();
  const logs = await sandbox.followProcessLogs(id, () => isOpen.resolve());
  await Promise.race([isOpen.promise, logs.closed]);
  logs.close();
}

function linesOf({ role, name, value, children }: DesktopNode): string[] {
  const line = `${role} "${name}"${value === undefined ? "" : ` = "${value}"`}`;
  return [...(name === "" ? [] : [line]), ...children.flatMap(linesOf)];
}
