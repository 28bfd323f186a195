import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findProgram } from "@holdfast/testing/container-image";
import { dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { podmanMissing, startPodman } from "@holdfast/testing/podman";
import { createStudio, type StudioJails } from "../src/index.ts";
import { makeRepository, temporaryFolder, Watch } from "./support.ts";

interface Driver {
  readonly name: NonNullable<StudioJails["driver"]>;
  readonly skip: string | undefined;
  /** Its engine, where it needs one. */
  readonly start?: () => Promise<{ readonly socketPath: string; close(): Promise<void> }>;
}

const drivers: readonly Driver[] = [
  { name: "gvisor", skip: gvisorMissing() },
  { name: "podman", skip: podmanMissing(), start: () => startPodman() },
  { name: "docker", skip: dockerdMissing(), start: startDockerd },
];

/** What the others do in each test of the Studio, these do once, from the prompt to the diff. */
describe("an agent works in a jail", () => {
  for (const { name, skip, start } of drivers) {
    test(`of ${name}`, { skip: skip ?? false }, async (t) => {
      const engine = await start?.();
      // What is in its jails goes before the engine that runs them.
      const open: { close(): unknown }[] = engine === undefined ? [] : [engine];
      t.after(async () => {
        for (const each of open.reverse()) await each.close();
      });
      const folder = temporaryFolder(t);
      const studio = await createStudio({
        dataDirectory: join(folder, "data"),
        environment: {},
        vault: { logins: false },
        jails: { driver: name, ...(engine === undefined ? {} : { engineSocket: engine.socketPath }) },
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
