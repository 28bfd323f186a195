/** FUSE: the mount itself, its helper process, and the messages of the kernel. */
import { constants } from "node:os";
import { agentOsLimits } from "../../limits.ts";
import { Errno, toErrno } from "../errno.ts";
import type { Change, FileSystem } from "../file-system.ts";
import { FuseChannel } from "./channel.ts";
import * as wire from "./wire.ts";

const { EINTR, EINVAL, ENOSYS, EPROTO, EPERM } = constants.errno;

export interface SessionOptions {
  readonly device: string;
  readonly target: string;
  readonly files: FileSystem;
  readonly owner: wire.Owner;
  /** As in {@link FuseChannel}. */
  readonly quietMs: number;
}

/** Requests that change nothing and are answered at once when the program that waits for them is interrupted. */
const interruptible: ReadonlySet<number> = new Set([
  wire.opcode.getattr,
  wire.opcode.read,
  wire.opcode.readdir,
  wire.opcode.readlink,
]);

/** Answers the kernel's requests to one mount with a file system. */
export class FuseSession {
  readonly #files: FileSystem;
  readonly #owner: wire.Owner;
  readonly #running = new Map<bigint, number>();
  readonly #mounted = Promise.withResolvers<void>();
  #channel: FuseChannel | undefined;
  #saidAtWork = Number.NEGATIVE_INFINITY;

  private constructor({ files, owner }: SessionOptions) {
    this.#files = files;
    this.#owner = owner;
  }

  /** Mounts; resolves when the mount answers. Throws `agent_os.no_fuse`. */
  static async open(options: SessionOptions, refused: (why: string) => Error): Promise<FuseSession> {
    const { device, target, owner, quietMs } = options;
    const session = new FuseSession(options);
    const channel = FuseChannel.open({
      ...{ device, target, owner, quietMs, maxRequestMs: agentOsLimits.mountRequestMs },
      onRequest: (frame) => session.#receive(wire.parseRequest(frame)),
    });
    session.#channel = channel;
    const failed = channel.ended.then((why) => {
      throw refused(why);
    });
    // Later ends are seen by the programs that use the mount.
    failed.catch(() => {});
    try {
      await Promise.race([session.#mounted.promise, failed]);
    } catch (error) {
      await channel.close();
      throw error;
    }
    return session;
  }

  /** To be called when a part of a long request is done, such as one of the calls that it takes. */
  atWork(): void {
    const now = performance.now();
    if (this.#running.size === 0 || now - this.#saidAtWork < 500) return;
    this.#saidAtWork = now;
    this.#channel?.sendAtWork();
  }

  async close(): Promise<void> {
    await this.#channel?.close();
    await this.#files.close();
  }

  #receive(request: wire.FuseRequest): void {
    const { opcode, unique, node, body } = request;
    switch (opcode) {
      case wire.opcode.init:
        this.#init(unique, body);
        return;
      case wire.opcode.forget:
        this.#files.forget(node, wire.readId(body, 0));
        return;
      case wire.opcode.batchForget:
        for (let at = 8; at + 16 <= body.length; at += 16)
          this.#files.forget(wire.readId(body, at), wire.readId(body, at + 8));
        return;
      case wire.opcode.interrupt:
        this.#interrupt(body.readBigUInt64LE(0));
        return;
      default:
        this.#running.set(unique, opcode);
        void this.#answer(request);
    }
  }

  #init(unique: bigint, body: Buffer): void {
    const reply = wire.encodeInit(body);
    this.#channel?.send(wire.encodeReply(unique, reply === undefined ? EPROTO : 0, reply ?? none));
    this.#mounted.resolve();
  }

  #interrupt(unique: bigint): void {
    const opcode = this.#running.get(unique);
    if (opcode !== undefined && interruptible.has(opcode)) this.#reply(unique, EINTR, none);
  }

  #reply(unique: bigint, errno: number, body: Uint8Array): void {
    // Each request has one answer.
    if (this.#running.delete(unique)) this.#channel?.send(wire.encodeReply(unique, errno, body));
  }

  async #answer(request: wire.FuseRequest): Promise<void> {
    try {
      this.#reply(request.unique, 0, await this.#perform(request));
    } catch (error) {
      this.#reply(request.unique, toErrno(error).errno, none);
    }
  }

  async #perform({ opcode, node, body }: wire.FuseRequest): Promise<Uint8Array> {
    const files = this.#files;
    const entry = (attributes: wire.Attributes) => wire.encodeEntry(attributes, this.#owner);
    switch (opcode) {
      case wire.opcode.lookup:
        return entry(await files.lookup(node, nameAt(body, 0)));
      case wire.opcode.getattr:
        return wire.encodeAttributes(await files.attributes(node), this.#owner);
      case wire.opcode.setattr:
        return wire.encodeAttributes(await files.change(node, changeOf(body)), this.#owner);
      case wire.opcode.readlink:
        return Buffer.from(await files.readLink(node));
      case wire.opcode.mkdir:
        return entry(await files.makeDirectory(node, nameAt(body, 8)));
      case wire.opcode.unlink:
      case wire.opcode.rmdir:
        await files.remove(node, nameAt(body, 0));
        return none;
      case wire.opcode.rename:
        return this.#rename(node, wire.readId(body, 0), body, 8, 0);
      case wire.opcode.rename2:
        return this.#rename(node, wire.readId(body, 0), body, 16, body.readUInt32LE(8));
      case wire.opcode.open:
        return wire.encodeOpen(await files.open(node, body.readUInt32LE(0)));
      case wire.opcode.create: {
        const made = await files.create(node, nameAt(body, 16), body.readUInt32LE(0));
        return Buffer.concat([entry(made.attributes), wire.encodeOpen(made.handle)]);
      }
      case wire.opcode.read:
        return files.read(node, wire.readId(body, 8), body.readUInt32LE(16));
      case wire.opcode.write: {
        const data = body.subarray(40, 40 + body.readUInt32LE(16));
        await files.write(wire.readId(body, 0), wire.readId(body, 8), data);
        return wire.encodeWritten(data.length);
      }
      case wire.opcode.flush:
      case wire.opcode.fsync:
        await files.flush(wire.readId(body, 0));
        return none;
      case wire.opcode.release:
        await files.release(wire.readId(body, 0));
        return none;
      case wire.opcode.opendir:
        return wire.encodeOpen(await files.openDirectory(node));
      case wire.opcode.readdir: {
        const entries = files.listing(wire.readId(body, 0));
        return wire.encodeEntries(entries, wire.readId(body, 8), body.readUInt32LE(16));
      }
      case wire.opcode.releasedir:
        files.releaseDirectory(wire.readId(body, 0));
        return none;
      case wire.opcode.symlink:
      case wire.opcode.link:
      case wire.opcode.mknod:
        throw new Errno(EPERM);
      default:
        throw new Errno(ENOSYS);
    }
  }

  async #rename(from: number, to: number, body: Buffer, at: number, flags: number): Promise<Uint8Array> {
    const name = nameAt(body, at);
    // RENAME_NOREPLACE is 1; exchanges and whiteouts have no counterpart.
    if (flags > 1) throw new Errno(EINVAL);
    await this.#files.move(from, name, to, nameAt(body, body.indexOf(0, at) + 1), flags === 0);
    return none;
  }
}

const none = new Uint8Array(0);

function nameAt(body: Buffer, at: number): string {
  const name = wire.readName(body, at);
  if (name === undefined) throw new Errno(constants.errno.EILSEQ);
  return name;
}

function changeOf(body: Buffer): Change {
  const valid = body.readUInt32LE(0);
  return {
    ...((valid & 8) === 0 ? {} : { size: wire.readId(body, 16) }),
    ...((valid & 1) === 0 ? {} : { mode: body.readUInt32LE(68) & 0o7777 }),
    isOpen: (valid & 64) !== 0,
    changesOwner: (valid & 6) !== 0,
  };
}
