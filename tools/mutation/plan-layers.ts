/** Mutants of Landlock and of the disk quota. */
import { withEdits } from "./mutant.ts";
import { beside, gate, guards, mutants, type Planned, test } from "./planned.ts";

function landlock(): Planned[] {
  const checks = [beside("jail/confinement/landlock"), test("jail-landlock")];
  return [
    ...guards(checks, "jail/confinement/landlock"),
    ...mutants(
      checks,
      `${gate}jail/confinement/landlock.ts`,
      withEdits([
        ["the restriction", ', $set, 0) == 0 or refused("to confine"); }', ", -1, 0); }"],
        ["an end where the kernel refuses", '$set >= 0 or refused("a ruleset");', ""],
        ["the right to truncate", "(abi >= 3 ? right.truncate : 0)", "0"],
        ["the right to command devices", "(abi >= 5 ? right.deviceIoctl : 0)", "0"],
        ["abstract sockets", "scope.abstractSockets | scope.signals", "scope.signals"],
        ["signals", "scope.abstractSockets | scope.signals", "scope.abstractSockets"],
        ["what is only listed", '{ path: "/", access: "list" }', '{ path: "/", access: "read" }'],
        ["the mode of mounts", 'access: mode === "rw" ? "write" : "read"', 'access: "write"'],
        [
          "rights to read",
          "const read = right.execute | right.readFile | right.readDirectory;",
          "const read = handled;",
        ],
        ["devices that are not written", '"/dev/ptmx", "/dev/pts"]', '"/dev/ptmx", "/dev/urandom"]'],
        [
          "the count of variables",
          '@vars == 1 + $vars[0] or refused("an environment that is not whole");',
          "",
        ],
      ]),
    ),
    ...mutants(
      [test("jail-landlock")],
      `${gate}jail/bubblewrap/bwrap-arguments.ts`,
      withEdits([["Landlock", "landlock === undefined ? [] : launcherCommand(", "[] as string[]; void ("]]),
    ),
    ...mutants(
      [test("jail-drivers", "^jails of podman")],
      `${gate}jail/oci/jail-init.ts`,
      withEdits([["Landlock", "confine(); exec", "exec"]]),
    ),
  ];
}

function disk(): Planned[] {
  const checks = [test("jail-disk")];
  const driver = (name: string) => [test("jail-drivers", `^jails of ${name}`)];
  return [
    ...guards(checks, "jail/resources/disk-quota"),
    ...mutants(
      checks,
      `${gate}jail/resources/disk-quota.ts`,
      withEdits([
        ["the floor", "this.#tooFull(now) ?? ", ""],
        ["entries", "Number.isFinite(this.#bounds.entries)", "false"],
        [
          "what was written since",
          "measured.bytes + Math.max(0, now.usedBytes - then.usedBytes)",
          "measured.bytes",
        ],
      ]),
    ),
    ...mutants(
      checks,
      `${gate}jail/resources/disk-usage.ts`,
      withEdits([["files without a name", "kilobytes.sum * 1024 + deleted", "kilobytes.sum * 1024"]]),
    ),
    ...mutants(
      checks,
      `${gate}jail/bubblewrap/bubblewrap-driver.ts`,
      withEdits([["the bound of the disk", "enforceDiskQuota(jail, spec)", "jail"]]),
    ),
    ...mutants(
      driver("gvisor"),
      `${gate}jail/gvisor/gvisor-driver.ts`,
      withEdits([["the bound of the disk", "enforceDiskQuota(jail, spec)", "jail"]]),
    ),
    ...mutants(
      driver("podman"),
      `${gate}jail/engine/engine-driver.ts`,
      withEdits([["the bound of the disk", "enforceDiskQuota(jail, spec)", "jail"]]),
    ),
  ];
}

export function layers(): Planned[] {
  return [...landlock(), ...disk()];
}
