/** Builds the file system of a small image from this machine's files, without a registry. */
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

/** Basic programs of an image. Those that this machine lacks are left out. */
const basicPrograms = [
  ..."sh bash env cat cp mv rm ls ln mkdir chmod chown touch head tail grep sed sleep id".split(" "),
  ..."true false echo printf test uname hostname date wc sort find ps kill ip mount stat".split(" "),
];

/**
 * Writes a tar archive beside `tree`, which must not exist, and returns its path. It has the basic programs, the named
 * ones, and their libraries. Node itself, which has a hundred megabytes, is mounted instead; its libraries are
 * included.
 */
export async function createImageArchive(tree: string, programs: readonly string[] = []): Promise<string> {
  for (const name of ["dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"])
    mkdirSync(join(tree, name), { recursive: true });
  chmodSync(join(tree, "tmp"), 0o1777);
  copyLinks(tree);
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
  const found = [...basicPrograms, ...programs].map(findProgram).filter((path) => path !== undefined);
  for (const path of new Set(found)) copyInto(tree, path);
  for (const path of await sharedLibraries([...found, process.execPath])) copyInto(tree, path);
  const archive = `${tree}.tar`;
  await run("tar", ["-C", tree, "-cf", archive, "."]);
  rmSync(tree, { recursive: true, force: true });
  return archive;
}

/** Copies the links `/bin` and `/lib` into `/usr`, where this machine has them. */
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

/** Absolute paths of the shared libraries, including the loader. */
async function sharedLibraries(programs: readonly string[]): Promise<Set<string>> {
  // `ldd` fails for scripts and static programs, which have none.
  const output = await run("ldd", [...new Set(programs)]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? "",
  }));
  const paths = output.stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm);
  return new Set([...paths].map(([, path = ""]) => path));
}

/** Finds a program, even one that only root has in its PATH. */
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

/** Search path of programs. */
export function programFolders(): string[] {
  return [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
}
