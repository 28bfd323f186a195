/** The file system of a small image, made of this machine's own files: no registry is asked. */
import { execFile } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Basic programs of an image; what a machine has not is left out. */
const basicPrograms = [
  ..."sh bash env cat cp mv rm ls ln mkdir chmod chown touch head tail grep sed sleep id".split(" "),
  ..."true false echo printf test uname hostname date wc sort find ps kill ip mount stat".split(" "),
];

/**
 * Writes a tar file beside `tree`, which must not exist, and gives its path: the basic programs, those that are
 * named, their libraries and those of Node, which itself comes by a mount: it is a hundred megabytes.
 */
export async function archiveOfPrograms(tree: string, programs: readonly string[] = []): Promise<string> {
  for (const name of ["dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"])
    mkdirSync(join(tree, name), { recursive: true });
  chmodSync(join(tree, "tmp"), 0o1777);
  copyLinks(tree);
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  const found = [...basicPrograms, ...programs].map(findProgram).filter((path) => path !== undefined);
  for (const path of new Set(found)) copyInto(tree, path);
  for (const path of await librariesOf([...found, process.execPath])) copyInto(tree, path);
  const archive = `${tree}.tar`;
  await run("tar", ["-C", tree, "-cf", archive, "."]);
  rmSync(tree, { recursive: true, force: true });
  return archive;
}

/** `/bin` and `/lib` are links into `/usr` on most systems; the image is as the machine is. */
function copyLinks(tree: string): void {
  for (const name of ["bin", "sbin", "lib", "lib32", "lib64"]) {
    const path = `/${name}`;
    if (!existsSync(path)) continue;
    if (!lstatSync(path).isSymbolicLink()) {
      mkdirSync(join(tree, name));
      continue;
    }
    const target = readlinkSync(path);
    mkdirSync(join(tree, target), { recursive: true });
    symlinkSync(target, join(tree, name));
  }
}

function copyInto(tree: string, path: string): void {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  if (!existsSync(target)) copyFileSync(path, target);
}

/** Absolute paths of the shared libraries, the loader among them. */
async function librariesOf(programs: readonly string[]): Promise<Set<string>> {
  // A script or a static program has none, and says so by its exit code.
  const said = await run("ldd", [...new Set(programs)]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  const paths = said.stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm);
  return new Set([...paths].map(([, path = ""]) => path));
}

/** The path of a program, also of one that only root has in its PATH. */
export function findProgram(name: string): string | undefined {
  return programFolders()
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Where programs are looked for. */
export function programFolders(): string[] {
  return [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
}
