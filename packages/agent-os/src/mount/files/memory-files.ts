import { constants } from "node:os";
import { agentOsLimits } from "../../limits.ts";
import { Errno } from "../errno.ts";
import type { Contents, RemoteEntry, RemoteFile, RemoteFiles, WriteCondition } from "./remote-files.ts";

interface MemoryFile {
  readonly kind: "file";
  readonly bytes: Buffer;
  readonly version: string;
  readonly modifiedNs: bigint;
}

interface MemoryDirectory {
  readonly kind: "directory";
  readonly children: Map<string, MemoryNode>;
  modifiedNs: bigint;
}

type MemoryNode = MemoryFile | MemoryDirectory;

const { EEXIST, EISDIR, EINVAL, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, ESTALE } = constants.errno;

/** Files in the memory of this process: they end with their mount. */
export class MemoryFiles implements RemoteFiles {
  readonly #maxBytes: number;
  readonly #root = directory();
  #bytes = 0;
  #entries = 0;
  #lastVersion = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  async stat(path: string): Promise<RemoteFile> {
    const node = this.#require(path);
    const { kind, modifiedNs } = node;
    return node.kind === "directory"
      ? { kind, modifiedNs, size: 0, mode: 0o755 }
      : { kind, modifiedNs, size: node.bytes.length, mode: 0o644, etag: node.version };
  }

  async list(path: string): Promise<RemoteEntry[]> {
    return [...this.#requireDirectory(path).children].map(([name, { kind }]) => ({ name, kind }));
  }

  async read(path: string, offset: number, length: number, ifMatch?: string): Promise<Uint8Array> {
    const { bytes, version } = this.#requireFile(path);
    if (ifMatch !== undefined && ifMatch !== version) throw new Errno(ESTALE);
    return bytes.subarray(offset, offset + length);
  }

  async write(path: string, contents: Contents, condition: WriteCondition): Promise<string> {
    const bytes = await contents.read(0, contents.size);
    const [parent, name] = this.#place(path);
    const old = parent.children.get(name);
    if (old?.kind === "directory") throw new Errno(EISDIR);
    const { ifMatch, ifNoneMatch } = condition;
    if (ifNoneMatch !== undefined && old !== undefined) throw new Errno(ESTALE);
    if (ifMatch !== undefined && ifMatch !== old?.version) throw new Errno(ESTALE);
    const total = this.#bytes + bytes.length - (old?.bytes.length ?? 0);
    if (bytes.length > (old?.bytes.length ?? 0) && total > this.#maxBytes) throw new Errno(ENOSPC);
    if (old === undefined) this.#addEntry();
    this.#bytes = total;
    this.#lastVersion += 1;
    const version = String(this.#lastVersion);
    // A copy, since what the program sent shares its memory with other requests.
    put(parent, name, { kind: "file", bytes: Buffer.from(bytes), version, modifiedNs: now() });
    return version;
  }

  async makeDirectory(path: string): Promise<void> {
    const [parent, name] = this.#place(path);
    if (parent.children.has(name)) throw new Errno(EEXIST);
    this.#addEntry();
    put(parent, name, directory());
  }

  async remove(path: string): Promise<void> {
    const [parent, name] = this.#place(path);
    this.#drop(this.#require(path));
    parent.children.delete(name);
    parent.modifiedNs = now();
  }

  async move(from: string, to: string, overwrite: boolean): Promise<void> {
    const node = this.#require(from);
    if (to.startsWith(`${from}/`)) throw new Errno(EINVAL);
    const [source, oldName] = this.#place(from);
    const [target, newName] = this.#place(to);
    const replaced = target.children.get(newName);
    if (replaced === node) return;
    if (replaced !== undefined) {
      if (!overwrite) throw new Errno(EEXIST);
      if (replaced.kind !== node.kind) throw new Errno(replaced.kind === "directory" ? EISDIR : ENOTDIR);
      this.#drop(replaced);
    }
    source.children.delete(oldName);
    source.modifiedNs = now();
    put(target, newName, node);
  }

  close(): void {
    this.#root.children.clear();
  }

  #addEntry(): void {
    if (this.#entries >= agentOsLimits.mountMemoryEntries) throw new Errno(ENOSPC);
    this.#entries += 1;
  }

  #drop(node: MemoryNode): void {
    if (node.kind === "directory" && node.children.size > 0) throw new Errno(ENOTEMPTY);
    if (node.kind === "file") this.#bytes -= node.bytes.length;
    this.#entries -= 1;
  }

  #find(names: readonly string[]): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.#root;
    for (const name of names) node = node?.kind === "directory" ? node.children.get(name) : undefined;
    return node;
  }

  #require(path: string): MemoryNode {
    const node = this.#find(namesOf(path));
    if (node === undefined) throw new Errno(ENOENT);
    return node;
  }

  #requireFile(path: string): MemoryFile {
    const node = this.#require(path);
    if (node.kind === "directory") throw new Errno(EISDIR);
    return node;
  }

  #requireDirectory(path: string): MemoryDirectory {
    const node = this.#require(path);
    if (node.kind !== "directory") throw new Errno(ENOTDIR);
    return node;
  }

  /** The folder of a path, and the name in it. */
  #place(path: string): readonly [MemoryDirectory, string] {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw new Errno(EINVAL);
    return [this.#requireDirectory(names.join("/")), name];
  }
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function put(parent: MemoryDirectory, name: string, node: MemoryNode): void {
  parent.children.set(name, node);
  parent.modifiedNs = now();
}

function directory(): MemoryDirectory {
  return { kind: "directory", children: new Map(), modifiedNs: now() };
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
