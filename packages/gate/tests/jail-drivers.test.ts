/** The conformance suite of jails, on every driver that this machine has. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createGate, type GuaranteeName } from "@holdfast/gate";
import {
  type AppleContainer,
  appleContainerMissing,
  startAppleContainer,
} from "@holdfast/testing/apple-container";
import { type Dockerd, dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { type Podman, podmanMissing, startPodman } from "@holdfast/testing/podman";
import { detectLandlock } from "../src/jail/confinement/landlock.ts";
import { withDescendants } from "../src/jail/host/processes.ts";
import { driverConformance } from "./driver-conformance.ts";
import { finish, isRoot, jailNode, missing, shell, temporaryDirectory } from "./support.ts";

let started: Promise<Podman> | undefined;
const podman = () => {
  started ??= startPodman();
  return started;
};
after(async () => (await started)?.close());
let startedDocker: Promise<Dockerd> | undefined;
const docker = () => {
  startedDocker ??= startDockerd();
  return startedDocker;
};
after(async () => (await startedDocker)?.close());
let startedApple: AppleContainer | undefined;
const apple = () => {
  startedApple ??= startAppleContainer();
  return startedApple;
};
after(async () => startedApple?.close());

const limits: readonly GuaranteeName[] = ["limits.memory", "limits.pids", "limits.cpu"];
const landlock: readonly GuaranteeName[] = "absent" in detectLandlock() ? ["access.landlocked"] : [];

driverConformance({
  name: "bubblewrap",
  skip: missing("bwrap"),
  config: async () => ({}),
  absent: isRoot ? landlock : [...landlock, ...limits],
  mayLack: ["limits.io"],
});

driverConformance({
  name: "gvisor",
  skip: missing("runsc", "setpriv", "perl") || (!isRoot && "needs root for runsc"),
  config: async () => ({}),
  absent: ["access.landlocked", "limits.pids"],
  mayLack: ["limits.io"],
});

driverConformance({
  name: "podman",
  skip: podmanMissing({ rootless: true }) ?? missing("perl"),
  config: async () => ({ engineSocket: (await podman()).socketPath }),
  absent: landlock,
  // The engine of an ordinary user limits what it was given control groups for.
  mayLack: isRoot ? ["limits.memory", "limits.io"] : [...limits, "limits.io"],
});

driverConformance({
  name: "docker",
  skip: dockerdMissing() ?? missing("perl", "tar"),
  config: async () => ({ engineSocket: (await docker()).socketPath }),
  absent: landlock,
  mayLack: ["limits.memory", "limits.io"],
});

// With an emulator in place of the program, which is there on macOS alone.
driverConformance({
  name: "apple-container",
  skip: appleContainerMissing() ?? false,
  config: async () => ({ containerPath: apple().path, containerImage: apple().image }),
  absent: ["access.landlocked", "limits.memory", "limits.cpu", "limits.io"],
  // Processes are counted for their user; here that is one who is bound by nothing, or who runs other tests too.
  mayLack: ["limits.pids"],
  processesOf: (pid) => {
    const machine = apple()
      .machines()
      .find(({ client }) => client === pid)?.machine;
    return [...withDescendants(pid), ...(machine === undefined ? [] : withDescendants(machine))];
  },
});

describe("jails of the driver docker with podman behind its API", {
  skip: podmanMissing() ?? missing("perl"),
}, () => {
  test("hold what those of docker hold", async (t) => {
    const { socketPath } = await podman();
    const gate = await createGate({
      dataDir: temporaryDirectory(t),
      jails: { driver: "docker", engineSocket: socketPath },
      vault: { env: {}, logins: false },
    });
    t.after(() => gate.close());
    assert.deepEqual(
      gate.jails.driver.guarantees
        .filter((each) => !each.held && !["limits.memory", "limits.io"].includes(each.name))
        .map((each) => each.name),
      landlock,
    );
    const directory = temporaryDirectory(t);
    const jail = await gate.jails.start(
      shell("", {
        command: jailNode.path,
        args: [
          "-e",
          "process.stdin.pipe(process.stdout); process.stdin.on('end', () => { process.exitCode = 9; })",
        ],
        cwd: "/workspace",
        mounts: [jailNode.mount, { source: directory, target: "/workspace", mode: "rw" }],
      }),
    );
    const done = await finish(jail, "there and back");
    assert.deepEqual([done.code, done.stdout], [9, "there and back"]);
  });
});
