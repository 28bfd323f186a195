import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { appleContainerMissing, startAppleContainer } from "@holdfast/testing/apple-container";
import { findProgram } from "@holdfast/testing/container-image";
import { dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { podmanMissing, startPodman } from "@holdfast/testing/podman";
import { createStudio, type StudioJails } from "../src/index.ts";
import { makeRepository, temporaryFolder, Watch } from "./support.ts";

interface Driver {
  readonly name: NonNullable<StudioJails["driver"]>;
  readonly skip: string | undefined;
  /** Starts what the driver needs: an engine, or a substitute for a program that this machine cannot have. */
  readonly start?: () => Promise<Started>;
}

interface Started {
  readonly jails: Omit<StudioJails, "driver">;
  close(): Promise<void>;
}

async function engine(
  starting: Promise<{ readonly socketPath: string; close(): Promise<void> }>,
): Promise<Started> {
  const { socketPath, close } = await starting;
  return { jails: { engineSocket: socketPath }, close };
}

async function emulatedAppleContainer(): Promise<Started> {
  const { path, image, close } = startAppleContainer();
  return { jails: { containerPath: path, containerImage: image }, close };
}

const drivers: readonly Driver[] = [
  { name: "gvisor", skip: gvisorMissing() },
  { name: "podman", skip: podmanMissing(), start: () => engine(startPodman()) },
  { name: "docker", skip: dockerdMissing(), start: () => engine(startDockerd()) },
  { name: "apple-container", skip: appleContainerMissing(), start: emulatedAppleContainer },
];

/**
 * The default driver is covered by the other tests. Each other driver runs one task here, from the prompt to the diff.
 */
describe("an agent works in a jail", () => {
  for (const { name, skip, start } of drivers) {
    test(`of ${name}`, { skip: skip ?? false }, async (t) => {
      const started = await start?.();
      // Closed in reverse order: the Studio before the engine that runs its jails.
      const open: { close(): unknown }[] = started === undefined ? [] : [started];
      t.after(async () => {
        for (const each of open.reverse()) await each.close();
      });
      const folder = temporaryFolder(t);
      const studio = await createStudio({
        dataDirectory: join(folder, "data"),
        environment: {},
        vault: { logins: false },
        jails: { driver: name, ...started?.jails },
      });
      open.push(studio);
      const repository = makeRepository(folder);
      const created = await studio.client.organization.createTask({
        ...{ repository, agent: "demo", prompt: "add a line to the README" },
      });
      const watch = await Watch.open(studio.client, created.id);
      open.push(watch);
      await watch.answer("allow_once");
      assert.equal((await watch.status("idle", "failed")).status, "idle");
      const diff = await studio.client.task(created.id).diff();
      assert.deepEqual(
        diff.files.map(({ path }) => path),
        ["README.md"],
      );
    });
  }
});

function gvisorMissing(): string | undefined {
  const missing = ["runsc", "setpriv", "perl"].filter((program) => findProgram(program) === undefined);
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  return process.getuid?.() === 0 ? undefined : "needs root for runsc";
}
