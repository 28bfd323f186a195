import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { encodeName, type PathText } from "../../fs/paths/names.ts";

/** File systems served over a network or by a local process, which may hang. */
const served =
  /^(fuse|fuseblk|fuse\..+|nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|afs|lustre|gfs2|ocfs2|orangefs|beegfs)$/;
/** Maximum number of links that Linux follows (MAXSYMLINKS). */
const maxLinks = 40;

/**
 * Mount points of file systems that may hang, from the text of `/proc/self/mountinfo` (proc(5)). The root is left out:
 * nothing works when it hangs.
 */
export function mountPointsThatMayHang(mountinfo: string): readonly string[] {
  const points = new Set<string>();
  for (const line of mountinfo.split("\n")) {
    const [fields = "", type = ""] = line.split(" - ", 2);
    const point = fields.split(" ")[4];
    if (point !== undefined && point !== "/" && served.test(type.split(" ", 1)[0] ?? "")) {
      points.add(unescaped(point));
    }
  }
  return [...points];
}

/** Returns the current mount points that may hang; empty on systems without the table. */
export function readMountTable(): readonly string[] {
  try {
    return mountPointsThatMayHang(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return [];
  }
}

/** Resolves the links of an absolute path without touching anything on or below `points`. */
export function resolveDestination(path: PathText, points: readonly string[]): PathText {
  let at = "";
  let rest = components(path);
  for (let links = 0; ; ) {
    const [name, ...after] = rest;
    if (name === undefined) return at === "" ? "/" : at;
    rest = after;
    if (name === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
      continue;
    }
    const next = `${at}/${name}`;
    if (points.includes(next)) return posix.normalize([next, ...after].join("/"));
    const target = links < maxLinks ? linkTarget(next) : undefined;
    if (target === undefined) {
      at = next;
      continue;
    }
    links += 1;
    if (target.startsWith("/")) at = "";
    rest = [...components(target), ...after];
  }
}

function components(path: PathText): PathText[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/** Returns undefined for anything but a link. Errors are left to the later use of the path. */
function linkTarget(path: PathText): PathText | undefined {
  try {
    const name = encodeName(path);
    if (lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
    return readlinkSync(name);
  } catch {
    return undefined;
  }
}

/** The table encodes blanks and backslashes as octal escapes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
