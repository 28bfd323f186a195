import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { parseJson, readIfPresent, writePrivateFile } from "../vault/private-file.ts";
import { readLines, readWrittenLines } from "./read-lines.ts";

/** A signed statement that the log ended with record `seq` after `size` bytes. */
export interface AuditCheckpoint {
  readonly version: 1;
  readonly seq: number;
  /** Hash of the record `seq`. */
  readonly hash: string;
  /** Bytes of the log up to the end of that record. */
  readonly size: number;
  readonly at: number;
  /** SHA-256 of the public key, to tell keys apart. */
  readonly key: string;
  /** Ed25519, in base64url. */
  readonly signature: string;
}

const maxLineBytes = 1_024;
/** Domain separator, so that the signature is valid for checkpoints only. */
const purpose = "holdfast audit checkpoint\n";

function signedBytes({ version, seq, hash, size, at, key }: Omit<AuditCheckpoint, "signature">): Buffer {
  return Buffer.from(purpose + JSON.stringify({ version, seq, hash, size, at, key }));
}

function fingerprint(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** Verifies checkpoints with the public key. */
export class CheckpointVerifier {
  readonly id: string;
  readonly #key: KeyObject;

  constructor(publicKey: KeyObject) {
    this.#key = publicKey;
    this.id = fingerprint(publicKey);
  }

  /** Why the checkpoint is not trusted, or undefined. */
  fault(checkpoint: AuditCheckpoint): string | undefined {
    if (checkpoint.key !== this.id) return "it is signed with another key";
    const signature = Buffer.from(checkpoint.signature, "base64url");
    return verify(null, signedBytes(checkpoint), this.#key, signature)
      ? undefined
      : "its signature does not match";
  }
}

/** Key with which the host signs the end of its audit log. */
export class CheckpointKey {
  /** True when the key was just created, so that no checkpoint can exist yet. */
  readonly fresh: boolean;
  readonly verifier: CheckpointVerifier;
  /** PEM (SPKI), needed wherever the log is verified. */
  readonly publicKey: string;
  readonly #key: KeyObject;

  private constructor(key: KeyObject, fresh: boolean) {
    const publicKey = createPublicKey(key);
    this.#key = key;
    this.fresh = fresh;
    this.verifier = new CheckpointVerifier(publicKey);
    this.publicKey = String(publicKey.export({ type: "spki", format: "pem" }));
  }

  static pathIn(directory: string): string {
    return join(directory, "audit-key.pem");
  }

  /** Reads the key in `directory` (0600), or creates it. Throws `audit.key_damaged`. */
  static async open(directory: string): Promise<CheckpointKey> {
    const present = await CheckpointKey.find(directory);
    if (present !== undefined) return present;
    const { privateKey } = generateKeyPairSync("ed25519");
    await writePrivateFile(
      CheckpointKey.pathIn(directory),
      String(privateKey.export({ type: "pkcs8", format: "pem" })),
    );
    return new CheckpointKey(privateKey, true);
  }

  static async find(directory: string): Promise<CheckpointKey | undefined> {
    const pem = await readIfPresent(CheckpointKey.pathIn(directory));
    if (pem === undefined) return undefined;
    try {
      return new CheckpointKey(createPrivateKey(pem), false);
    } catch (cause) {
      throw new HoldfastError("audit", "key_damaged", "The key of the audit log cannot be read", {
        statusCode: 500,
        cause,
      });
    }
  }

  sign(end: Pick<AuditCheckpoint, "seq" | "hash" | "size" | "at">): AuditCheckpoint {
    const content = { version: 1, ...end, key: this.verifier.id } as const;
    return { ...content, signature: sign(null, signedBytes(content), this.#key).toString("base64url") };
  }
}

/** Parses one line of the checkpoint file, or a copy of it. */
export function parseCheckpoint(line: string): AuditCheckpoint | undefined {
  const value = parseJson(line);
  if (value === undefined) return undefined;
  const { version, seq, hash, size, at, key, signature } = value;
  if (version !== 1 || typeof hash !== "string" || typeof key !== "string" || typeof signature !== "string")
    return undefined;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(size) || !Number.isSafeInteger(at))
    return undefined;
  return { version, seq: Number(seq), hash, size: Number(size), at: Number(at), key, signature };
}

/** Path of a log's checkpoints. */
export function checkpointsOf(logPath: string): string {
  return `${logPath.replace(/\.log$/, "")}.checkpoints`;
}

/** Every checkpoint in order; `undefined` for an invalid line. */
export async function* readCheckpoints(path: string): AsyncGenerator<AuditCheckpoint | undefined> {
  if (!existsSync(path)) return;
  for await (const line of readLines(path, maxLineBytes)) yield parseCheckpoint(line);
}

/**
 * Runs `read` with the checkpoints that existed at the call, in order. A gate may be writing more; records that these
 * sign are already in the log.
 */
export async function withCheckpoints<Result>(
  path: string,
  read: (checkpoints: AsyncGenerator<AuditCheckpoint | undefined>) => Promise<Result>,
): Promise<Result> {
  const file = existsSync(path) ? await open(path, "r") : undefined;
  try {
    const checkpoints = writtenCheckpoints(file, (await file?.stat())?.size ?? 0);
    // `read` may stop early at a fault, and the stream still has to be closed.
    return await read(checkpoints).finally(() => checkpoints.return(undefined));
  } finally {
    await file?.close();
  }
}

async function* writtenCheckpoints(
  file: FileHandle | undefined,
  until: number,
): AsyncGenerator<AuditCheckpoint | undefined> {
  if (file === undefined) return;
  for await (const line of readWrittenLines(file, maxLineBytes, until)) yield parseCheckpoint(line);
}

/** Appends to the checkpoint file, after removing a partial line left by a crash. */
export class CheckpointFile {
  readonly #file: FileHandle;
  /** Bytes of complete lines. */
  #size: number;
  #torn = false;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string): Promise<{ file: CheckpointFile; last: AuditCheckpoint | undefined }> {
    const file = await open(path, "a+", 0o600);
    try {
      const { size } = await file.stat();
      const length = Math.min(size, 4 * maxLineBytes);
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
      const end = buffer.lastIndexOf(0x0a);
      const whole = size - (length - 1 - end);
      if (whole < size) await file.truncate(whole);
      const line =
        end < 0 ? "" : buffer.subarray(buffer.lastIndexOf(0x0a, end - 1) + 1, end).toString("utf8");
      const last = parseCheckpoint(line);
      if (line !== "" && last === undefined) {
        throw new HoldfastError(
          "audit",
          "corrupt",
          "The audit log cannot be continued: its last checkpoint is damaged. Check it, then move the log and its checkpoints away.",
          { statusCode: 500 },
        );
      }
      return { file: new CheckpointFile(file, whole), last };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(checkpoint: AuditCheckpoint): Promise<void> {
    // A partial line left by a full disk would otherwise corrupt this one.
    if (this.#torn) await this.#file.truncate(this.#size);
    this.#torn = true;
    const line = `${JSON.stringify(checkpoint)}\n`;
    await this.#file.appendFile(line);
    this.#torn = false;
    this.#size += Buffer.byteLength(line);
  }

  async close(): Promise<void> {
    await this.#file.datasync().catch(() => {});
    await this.#file.close();
  }
}
