import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { encodeName, type PathText } from "../../fs/paths/names.ts";

/** File systems that somebody else serves: another machine, or a process of this one. */
const served =
  /^(fuse|fuseblk|fuse\..+|nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|afs|lustre|gfs2|ocfs2|orangefs|beegfs)$/;
/** As many links as the system follows. */
const maxLinks = 40;

/**
 * Where the file systems are mounted that may stop to answer, from the text of `/proc/self/mountinfo`
 * (proc(5)). The root is not among them: nothing goes on where that one hangs.
 */
export function servedPoints(mountinfo: string): readonly string[] {
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

/** What is mounted now; nothing where there is no such table. */
export function readMountTable(): readonly string[] {
  try {
    return servedPoints(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return [];
  }
}

/** Where an absolute path leads, without a look at anything that lies on one of `points` or below it. */
export function destinationOf(path: PathText, points: readonly string[]): PathText {
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

/** Undefined for what is no link, and for what cannot be looked at: whoever uses the path is told why. */
function linkTarget(path: PathText): PathText | undefined {
  try {
    const name = encodeName(path);
    if (lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
    return readlinkSync(name);
  } catch {
    return undefined;
  }
}

/** Blanks and backslashes stand in the table as their octal codes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
