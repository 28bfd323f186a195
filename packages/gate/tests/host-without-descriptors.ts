/** Starts what a gate starts, in a process that has next to no descriptors left; prints what became of each. */
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHoldfastError, silentLogger } from "@holdfast/core";
import { Endpoint } from "../src/broker/endpoint/endpoint.ts";
import { startMachine } from "../src/jail/apple/machine.ts";
import { startBwrap } from "../src/jail/bubblewrap/bwrap-process.ts";
import { bwrapVersion } from "../src/jail/bubblewrap/bwrap-program.ts";
import { startRunsc } from "../src/jail/gvisor/gvisor-process.ts";

const ignore = () => {};
const jail = {
  spec: { id: "x", command: "true", args: [], cwd: "/", env: {}, mounts: [], network: "none" },
  cgroup: { paths: [], procsFiles: [], usage: () => ({}), destroy: async () => true },
  mark: {},
  onExit: ignore,
} as const;

const open: number[] = [];
try {
  for (;;) open.push(openSync("/dev/null", "r"));
} catch {
  // As many as there can be: the two that are given back are too few for the pipes of a process.
  for (const descriptor of open.splice(-2)) closeSync(descriptor);
}
const [filter = 0] = open;
const starts: readonly (() => Promise<unknown>)[] = [
  () =>
    Endpoint.open({
      ...{ directory: tmpdir(), log: silentLogger },
      ...{ onRequest: ignore, onRefused: ignore, onProblem: ignore, onLost: ignore },
    }),
  async () => bwrapVersion("/bin/true"),
  () => startBwrap({ ...jail, filter, bwrap: "bwrap", args: [], command: ["true"] }),
  () => startRunsc({ ...jail, setpriv: "setpriv", runsc: ["runsc"], run: [], directory: "/", terminate: [] }),
  () =>
    startMachine({
      program: { path: "/usr/bin/true", env: {}, signal: async () => {}, remove: async () => {} },
      plan: {
        ...{ spec: jail.spec, name: "machine", image: "image", label: "a=b", mounts: [] },
        startedFile: join(tmpdir(), "holdfast-no-machine"),
      },
      onExit: ignore,
    }),
];
const ended: string[] = [];
for (const start of starts) {
  const error: unknown = await start().then(ignore, (reason: unknown) => reason);
  ended.push(isHoldfastError(error) ? `${error.group}.${error.code} ${error.message}` : String(error));
}
for (const descriptor of open) closeSync(descriptor);
console.log(ended.join("\n"));
