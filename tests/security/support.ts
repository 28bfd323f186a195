import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Gate, JailSpec } from "@holdfast/gate";
import { finish, jailNode, shell, temporaryDirectory } from "../../packages/gate/tests/support.ts";

export {
  eventually,
  finish,
  firstLine,
  isRoot,
  jailNode,
  missing,
  openGate,
  shell,
  startUpstream,
  temporaryDirectory,
} from "../../packages/gate/tests/support.ts";

/** Compiles the C attacks; the directory can be mounted and also run from outside. */
export function compileAttacks(t: TestContext): string {
  const directory = temporaryDirectory(t);
  const source = fileURLToPath(new URL("./attack.c", import.meta.url));
  const built = spawnSync("gcc", ["-O1", "-w", "-o", join(directory, "attack"), source], {
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(`gcc: ${built.stderr}`);
  copyFileSync(join(directory, "attack"), join(directory, "attack-setuid"));
  return directory;
}

/** "name errno" lines as a map; "signal" where the call killed its process. */
export function outcomes(output: string): Map<string, string> {
  return new Map(
    output
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
}

/** Runs a script with Node in a jail and gives the JSON that it prints last. */
export async function runNode(gate: Gate, script: string, spec: Partial<JailSpec> = {}): Promise<unknown> {
  const jail = await gate.jails.start(
    shell("", {
      command: jailNode.path,
      args: ["--input-type=module", "-e", script],
      ...spec,
      mounts: [jailNode.mount, ...(spec.mounts ?? [])],
    }),
  );
  const { stdout, stderr, code } = await finish(jail);
  if (code !== 0) throw new Error(`the script ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** The same script on the host: the positive control. */
export function runNodeOutside(script: string): unknown {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the script ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** Every way in which a value could be written down; the tests search for all of them. */
export function encodingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift, 1), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return text.slice(shift === 0 ? 0 : shift + 1, -2);
  });
  return [
    value,
    encodeURIComponent(value),
    [...value].reverse().join(""),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    bytes.toString("utf16le"),
    ...shifted,
    ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}
