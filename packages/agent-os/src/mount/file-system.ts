import { constants as fileConstants } from "node:fs";
import { constants } from "node:os";
import { agentOsLimits } from "../limits.ts";
import { Errno } from "./errno.ts";
import type { Contents, RemoteFile, RemoteFiles } from "./files/remote-files.ts";
import type { Attributes, ListedName } from "./fuse/wire.ts";
import { Spool, SpoolRoom } from "./spool.ts";
import { Tree, type TreeNode } from "./tree.ts";

/** What a program changes of a file besides its contents. */
export interface Change {
  readonly size?: number;
  /** Permission bits. */
  readonly mode?: number;
  /** It is of an open file, which is written when it is closed. */
  readonly isOpen: boolean;
  readonly changesOwner: boolean;
}

interface OpenFile {
  readonly node: TreeNode;
  readonly writes: boolean;
  readonly appends: boolean;
}

const typeBits = { file: 0o100000, directory: 0o040000, link: 0o120000 } as const;
const accessBits = 3;
const { O_APPEND, O_EXCL, O_RDONLY, O_TRUNC } = fileConstants;

/**
 * Remote files as the kernel asks for them. It keeps no contents and no attributes: each question is a call. A file that
 * is written has a local copy until the last program that writes it has closed it, which is written whole at close and
 * fsync, on the condition that the other side still has the version it began with.
 */
export class FileSystem {
  readonly #remote: RemoteFiles;
  readonly #tree: Tree;
  readonly #room = new SpoolRoom(agentOsLimits.mountSpoolBytes);
  readonly #open = new Map<number, OpenFile>();
  readonly #directories = new Map<number, readonly ListedName[]>();
  #lastHandle = 0;

  constructor(remote: RemoteFiles, basePath: string) {
    this.#remote = remote;
    this.#tree = new Tree(basePath);
  }

  async lookup(parent: number, name: string): Promise<Attributes> {
    const directory = this.#tree.get(parent);
    const found = await this.#remote.stat(this.#tree.childPath(directory, name));
    return this.#attributes(this.#tree.child(directory, name), found);
  }

  forget(id: number, count: number): void {
    this.#tree.forget(id, count);
  }

  async attributes(id: number): Promise<Attributes> {
    const node = this.#tree.get(id);
    const path = this.#tree.find(node);
    if (path === undefined && node.spool !== undefined) return this.#attributes(node, removedFile);
    return this.#attributes(node, await this.#remote.stat(this.#tree.path(node)));
  }

  /** Modes and owners are the other side's: a change of them is EPERM. Times that programs set are not kept. */
  async change(id: number, change: Change): Promise<Attributes> {
    const node = this.#tree.get(id);
    const now = await this.attributes(id);
    if (change.changesOwner || (change.mode !== undefined && change.mode !== (now.mode & 0o7777)))
      throw new Errno(constants.errno.EPERM);
    const { size } = change;
    if (size === undefined) return now;
    try {
      const spool = await this.#spool(node, size > 0);
      await spool.run(() => spool.truncate(size));
      if (!change.isOpen) await this.#upload(node);
    } finally {
      await this.#dropUnused(node);
    }
    return this.attributes(id);
  }

  async readLink(id: number): Promise<string> {
    const { target } = await this.#remote.stat(this.#tree.path(this.#tree.get(id)));
    if (target === undefined) throw new Errno(constants.errno.EINVAL);
    return target;
  }

  async makeDirectory(parent: number, name: string): Promise<Attributes> {
    await this.#remote.makeDirectory(this.#tree.childPath(this.#tree.get(parent), name));
    return this.lookup(parent, name);
  }

  async remove(parent: number, name: string): Promise<void> {
    const directory = this.#tree.get(parent);
    await this.#keepingOpen(directory, name, async () => {
      await this.#remote.remove(this.#tree.childPath(directory, name));
      this.#tree.remove(directory, name);
    });
  }

  async move(from: number, name: string, to: number, newName: string, overwrite: boolean): Promise<void> {
    const [source, target] = [this.#tree.get(from), this.#tree.get(to)];
    const oldPath = this.#tree.childPath(source, name);
    const newPath = this.#tree.childPath(target, newName);
    const spool = await source.children.get(name)?.spool?.catch(() => undefined);
    const move = async () => {
      await this.#remote.move(oldPath, newPath, overwrite);
      this.#tree.move(source, name, target, newName);
      // The new name gives a file that is being written another validator.
      if (spool?.etag !== undefined) spool.etag = (await this.#remote.stat(newPath)).etag;
    };
    const moveInOrder = () => spool?.run(move) ?? move();
    await (oldPath === newPath ? moveInOrder() : this.#keepingOpen(target, newName, moveInOrder));
  }

  async open(id: number, flags: number): Promise<number> {
    const node = this.#tree.get(id);
    const handle = this.#addHandle(node, flags);
    if ((flags & O_TRUNC) === 0) return handle;
    try {
      const spool = await this.#spool(node, false);
      await spool.run(() => spool.truncate(0));
      return handle;
    } catch (error) {
      await this.release(handle);
      throw error;
    }
  }

  /** Makes an empty file at once, so that the other side sees it. */
  async create(parent: number, name: string, flags: number): Promise<CreatedFile> {
    const directory = this.#tree.get(parent);
    let opening = flags & ~O_TRUNC;
    try {
      await this.#remote.write(this.#tree.childPath(directory, name), empty, { ifNoneMatch: "*" });
    } catch (error) {
      const exists = error instanceof Errno && error.errno === constants.errno.ESTALE;
      if (!exists) throw error;
      if ((flags & O_EXCL) !== 0) throw new Errno(constants.errno.EEXIST);
      opening = flags;
    }
    const attributes = await this.lookup(parent, name);
    return { attributes, handle: await this.open(attributes.node, opening) };
  }

  async read(id: number, offset: number, length: number): Promise<Uint8Array> {
    const node = this.#tree.get(id);
    const current = node.spool;
    const spool = await current;
    // It may have been dropped meanwhile, or made.
    if (node.spool !== current) return this.read(id, offset, length);
    if (spool !== undefined) return spool.read(offset, length);
    return this.#remote.read(this.#tree.path(node), offset, length);
  }

  async write(handle: number, offset: number, bytes: Uint8Array): Promise<void> {
    const file = this.#open.get(handle);
    if (file === undefined || !file.writes) throw new Errno(constants.errno.EBADF);
    const spool = await this.#spool(file.node, true);
    await spool.run(() => spool.write(file.appends ? spool.size : offset, bytes));
  }

  /** Uploads what was written. ESTALE where the other side has another version by now. */
  async flush(handle: number): Promise<void> {
    const file = this.#open.get(handle);
    if (file?.writes) await this.#upload(file.node);
  }

  async #upload(node: TreeNode): Promise<void> {
    const spool = await node.spool;
    await spool?.run(async () => {
      const path = this.#tree.find(node);
      // A file that was removed is nobody's.
      if (path === undefined || !spool.isDirty) return;
      const condition = spool.etag === undefined ? {} : { ifMatch: spool.etag };
      spool.etag = await this.#remote.write(path, spool, condition);
      spool.isDirty = false;
    });
  }

  async release(handle: number): Promise<void> {
    const file = this.#open.get(handle);
    if (file === undefined) return;
    this.#open.delete(handle);
    file.node.handles -= 1;
    if (file.writes) file.node.writers -= 1;
    try {
      // What a program wrote through a mapping after its last close.
      if (file.writes && file.node.writers === 0) await this.#upload(file.node);
    } finally {
      await this.#dropUnused(file.node);
    }
  }

  /** The names as of now, which the listing keeps. */
  async openDirectory(id: number): Promise<number> {
    const entries = await this.#remote.list(this.#tree.path(this.#tree.get(id)));
    this.#lastHandle += 1;
    const names = entries.map(({ name, kind }) => ({ name, type: typeBits[kind] }));
    const own = [".", ".."].map((name) => ({ name, type: typeBits.directory }));
    this.#directories.set(this.#lastHandle, [...own, ...names]);
    return this.#lastHandle;
  }

  listing(handle: number): readonly ListedName[] {
    const entries = this.#directories.get(handle);
    if (entries === undefined) throw new Errno(constants.errno.EBADF);
    return entries;
  }

  releaseDirectory(handle: number): void {
    this.#directories.delete(handle);
  }

  /** After the unmount: drops what no program can close any more. */
  async close(): Promise<void> {
    this.#open.clear();
    this.#directories.clear();
    for (const node of this.#tree.nodes()) {
      node.writers = 0;
      node.handles = 0;
      await this.#dropUnused(node);
    }
    this.#remote.close();
  }

  #addHandle(node: TreeNode, flags: number): number {
    const writes = (flags & accessBits) !== O_RDONLY;
    this.#lastHandle += 1;
    this.#open.set(this.#lastHandle, { node, writes, appends: (flags & O_APPEND) !== 0 });
    node.handles += 1;
    if (writes) node.writers += 1;
    return this.#lastHandle;
  }

  /** Removes or replaces a file. Programs that have it open go on with a copy. */
  async #keepingOpen(parent: TreeNode, name: string, remove: () => Promise<void>): Promise<void> {
    const node = parent.children.get(name);
    if (node === undefined || node.handles === 0) return remove();
    // Without room for the copy, they get ESTALE.
    await this.#spool(node, true).catch(() => undefined);
    try {
      await remove();
    } finally {
      await this.#dropUnused(node);
    }
  }

  /** The local copy; made from the contents of the other side where they are wanted. */
  async #spool(node: TreeNode, filled: boolean): Promise<Spool> {
    node.spool ??= this.#makeSpool(this.#tree.path(node), filled).catch((error: unknown) => {
      node.spool = undefined;
      throw error;
    });
    return node.spool;
  }

  async #makeSpool(path: string, filled: boolean): Promise<Spool> {
    const { etag } = await this.#remote.stat(path);
    const spool = await Spool.open(this.#room, etag);
    try {
      if (filled) await spool.fill((offset, length) => this.#remote.read(path, offset, length, etag));
      return spool;
    } catch (error) {
      await spool.close();
      throw error;
    }
  }

  async #dropUnused(node: TreeNode): Promise<void> {
    // Nothing but the copy has the contents of a removed file.
    const users = this.#tree.find(node) === undefined ? node.handles : node.writers;
    if (users > 0 || node.spool === undefined) return;
    const dropped = node.spool;
    node.spool = undefined;
    const spool = await dropped.catch(() => undefined);
    await spool?.run(() => spool.close());
  }

  async #attributes(node: TreeNode, file: RemoteFile): Promise<Attributes> {
    const spool = await node.spool?.catch(() => undefined);
    return {
      node: node.id,
      size: spool?.size ?? file.size,
      modifiedNs: spool?.isDirty ? spool.modifiedNs : file.modifiedNs,
      mode: typeBits[file.kind] | file.mode,
    };
  }
}

export interface CreatedFile {
  readonly attributes: Attributes;
  readonly handle: number;
}

const empty: Contents = { size: 0, read: async () => Buffer.alloc(0) };

/** Attributes of a file that is only open any more. */
const removedFile: RemoteFile = { kind: "file", size: 0, modifiedNs: 0n, mode: 0o644 };
