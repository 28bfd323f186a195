/**
 * From inside jails of the other drivers, one attempt for each thing that a driver does in its own way.
 * All attempts on every driver take minutes: `holdfast doctor --attack --driver all` and `npm run attacks`.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { gateAttacks, type RunAttacksOptions, runAttacks } from "@holdfast/gate";
import { type Dockerd, dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { type Podman, podmanMissing, startPodman } from "@holdfast/testing/podman";
import { missing } from "./support.ts";

const tried = new Set([
  "network.tcp",
  "kernel.write_proc",
  "kernel.namespaces",
  "kernel.mounts",
  "kernel.setuid",
  "kernel.devices",
  "kernel.abstract_sockets",
  "kernel.unix_sockets",
  "filesystem.mounts",
  "protocol.foreign_process",
]);
const attacks = gateAttacks.filter(({ id }) => tried.has(id));

async function expectStopped(jails: NonNullable<RunAttacksOptions["jails"]>): Promise<void> {
  const { results } = await runAttacks({ attacks, jails });
  assert.deepEqual(
    results.filter(({ outcome, control }) => outcome !== "stopped" || control?.worked === false),
    [],
  );
  assert.equal(results.length, attacks.length + 1);
}

describe("an attack from inside a jail", () => {
  let podman: Podman | undefined;
  let docker: Dockerd | undefined;
  after(async () => {
    await podman?.close();
    await docker?.close();
  });

  test(
    "of gVisor is stopped",
    {
      skip: missing("runsc", "setpriv", "perl") || (process.getuid?.() !== 0 && "needs root for runsc"),
    },
    () => expectStopped({ driver: "gvisor" }),
  );

  test("of podman is stopped", { skip: podmanMissing() ?? missing("perl") }, async () => {
    podman = await startPodman();
    await expectStopped({ driver: "podman", engineSocket: podman.socketPath });
  });

  test("of docker is stopped", { skip: dockerdMissing() ?? missing("perl", "tar") }, async () => {
    docker = await startDockerd();
    await expectStopped({ driver: "docker", engineSocket: docker.socketPath });
  });
});
