/** Images of Node for builds without a registry of images: of this machine's files, and of the built packages. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "@holdfast/testing/container-image";
import { type Podman, startPodman } from "@holdfast/testing/podman";
import { InstalledPackages } from "../../../tools/pack/installed-packages.ts";
import { startRegistry } from "../../../tools/pack/registry.ts";
import { packPackages } from "./packed-packages.ts";

/** Names under which the files of this repository take Node from a registry. */
const names = ["docker.io/library/node:24-bookworm-slim", "docker.io/library/node:24-slim"];

/** As Node's own image: npm, and a user without rights. npm takes everything from `registry`. */
const containerfile = (image: string) => `FROM ${image}
COPY bin /usr/local/bin
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\
  && echo "node:x:1000:1000::/home/node:/bin/sh" >> /etc/passwd && echo "node:x:1000:" >> /etc/group \\
  && mkdir -p /home/node && chown node:node /home/node
`;

export interface ImageBuilder extends AsyncDisposable {
  readonly podman: Podman["podman"];
  /** Builds an image of a folder. */
  build(
    tag: string,
    containerfile: string,
    folder: string,
    args?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** Resolves when a container prints a line that matches; throws if it ends before. */
  said(container: string, line: RegExp): Promise<void>;
}

/** A Podman of its own that has {@link names}, and builds without a network. */
export async function startImageBuilder(): Promise<ImageBuilder> {
  const stack = new AsyncDisposableStack();
  try {
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-images-"));
    stack.defer(() => rmSync(scratch, { recursive: true, force: true }));
    const registry = stack.use(await startRegistry(await packPackages(), new InstalledPackages(scratch)));
    const { podman, image, env, close } = await startPodman();
    stack.defer(close);
    const base = join(scratch, "base");
    mkdirSync(join(base, "bin"), { recursive: true });
    cpSync(process.execPath, join(base, "bin", "node"));
    cpSync(join(realpathSync(findProgram("npm") ?? "npm"), "..", ".."), join(base, "npm"), {
      recursive: true,
    });
    writeFileSync(join(base, "npmrc"), `registry=${registry.url}\nupdate-notifier=false\n`);
    writeFileSync(join(base, "Containerfile"), containerfile(image));
    const build: ImageBuilder["build"] = async (tag, file, folder, args = {}) => {
      const values = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
      const options = ["--quiet", "--network", "host", "--format", "docker", "--pull=never"];
      await podman(["build", ...options, ...values, "--tag", tag, "--file", file, folder]);
    };
    const said: ImageBuilder["said"] = async (container, line) => {
      // Both streams of the container in one.
      const logs = spawn("sh", ["-c", 'exec podman logs --follow "$0" 2>&1', container], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const lines: string[] = [];
      try {
        for await (const text of createInterface({ input: logs.stdout })) {
          if (line.test(text)) return;
          lines.push(text);
        }
      } finally {
        logs.kill();
      }
      throw new Error(`The container has ended:\n${lines.join("\n")}`);
    };
    const [first = "", ...others] = names;
    await build(first, join(base, "Containerfile"), base);
    for (const name of others) await podman(["tag", first, name]);
    rmSync(base, { recursive: true });
    const ending = stack.move();
    return { podman, build, said, [Symbol.asyncDispose]: () => ending.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
