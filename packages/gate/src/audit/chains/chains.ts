import { createPublicKey } from "node:crypto";
import type { OpenedEntries } from "../../vault/sealed/sealed-entries.ts";
import type { AuditQuery, AuditRecord, AuditVerification } from "../audit.ts";
import type { AuditLog } from "../audit-log.ts";
import { matches, verifyRecords } from "../audit-reader.ts";
import { type AuditCheckpoint, type CheckpointKey, CheckpointVerifier } from "../checkpoint.ts";
import { CheckpointMatcher } from "../checkpoint-matcher.ts";
import { readPieces } from "../read-lines.ts";
import { auditLimits, decodeRecord } from "../record.ts";
import type { AuditArchive } from "./archive.ts";

/** What could be verified of the chain of one node. */
export interface ChainVerification {
  /** Name of the node, and of its chain: a node that lost its data directory starts another one. */
  readonly node: string;
  readonly chain: string;
  /** True for the chain of the node that verified. */
  readonly own: boolean;
  /** Whether nothing that could be checked has a fault. */
  readonly ok: boolean;
  /** The copy in the store. */
  readonly stored: AuditVerification;
  /** The last signed record in the store, and when it was signed, by the clock of its node. */
  readonly signed?: Pick<AuditCheckpoint, "seq" | "at">;
  /** The files of the node; absent if it is not running, so that only its copy could be checked. */
  readonly files?: AuditVerification;
}

export interface ChainsOptions {
  readonly node: string;
  readonly own: AuditLog;
  readonly key: CheckpointKey;
  readonly archive: AuditArchive;
  /** The public key of each chain, sealed in the vault. */
  readonly keys: OpenedEntries;
}

interface Registered {
  readonly node: string;
  readonly publicKey: string;
}

/** The audit chains of all nodes. */
export class AuditChains {
  readonly #options: ChainsOptions;
  readonly own: string;

  constructor(options: ChainsOptions) {
    this.#options = options;
    // With the key in its name, no log can continue the chain of another.
    this.own = `${options.node}.${options.key.verifier.id.slice(0, 8)}`;
  }

  /** Makes the chain of this node known. */
  async register(): Promise<void> {
    const { node, key, keys } = this.#options;
    const registered: Registered = { node, publicKey: key.publicKey };
    await keys.set(this.own, JSON.stringify(registered), true);
  }

  async #all(): Promise<readonly (Registered & { readonly chain: string })[]> {
    const known = await this.#options.keys.all();
    return [...known]
      .map(([chain, text]) => ({ chain, ...(JSON.parse(text) as Registered) }))
      .sort((a, b) => a.chain.localeCompare(b.chain));
  }

  /** Names of the nodes, each once: one that lost its data directory has several chains. */
  async nodes(): Promise<readonly string[]> {
    return [...new Set((await this.#all()).map(({ node }) => node))].sort();
  }

  /** Verifies the chains of all nodes: the copy of each, and its files where its node runs. */
  async verify(): Promise<readonly ChainVerification[]> {
    const chains = await this.#all();
    return Promise.all(
      chains.map(async ({ chain, node, publicKey }): Promise<ChainVerification> => {
        const { archive, own } = this.#options;
        const isOwn = chain === this.own;
        const { checkpoint, size } = await archive.end(chain);
        const verifier = new CheckpointVerifier(createPublicKey(publicKey));
        const [stored, files] = await Promise.all([
          this.#verifyCopy(chain, size, checkpoint, verifier),
          isOwn ? own.verify(checkpoint) : archive.verifyFiles(chain, checkpoint),
        ]);
        return {
          ...{ node, chain, own: isOwn, ok: stored.ok && files?.ok !== false, stored },
          ...(checkpoint === undefined ? {} : { signed: { seq: checkpoint.seq, at: checkpoint.at } }),
          ...(files === undefined ? {} : { files }),
        };
      }),
    );
  }

  async #verifyCopy(
    chain: string,
    size: number,
    checkpoint: AuditCheckpoint | undefined,
    verifier: CheckpointVerifier,
  ): Promise<AuditVerification> {
    if (size === 0 && checkpoint === undefined)
      return { ok: false, records: 0, line: 1, problem: "the store has no record of it" };
    const matcher = new CheckpointMatcher(only(checkpoint), verifier, undefined);
    // More may arrive meanwhile, and the checkpoint signs what there was.
    return verifyRecords(
      onlyFile(readPieces(this.#pieces(chain, 0, checkpoint?.size ?? size), maxLine)),
      matcher,
    );
  }

  async *#pieces(chain: string, from: number, to: number): AsyncGenerator<Buffer> {
    for (let offset = from; offset < to; ) {
      const bytes = Buffer.from(await this.#options.archive.read(chain, offset));
      if (bytes.length === 0) return;
      yield bytes.subarray(0, to - offset);
      offset += bytes.length;
    }
  }

  /** Matching records of all nodes, or of one, ordered by the clocks of their nodes. */
  async query({
    node: only,
    ...query
  }: AuditQuery & { readonly node?: string } = {}): Promise<readonly AuditRecord[]> {
    const limit = query.limit ?? auditLimits.queryLimit;
    if (limit <= 0) return [];
    const chains = (await this.#all()).filter(({ node }) => only === undefined || node === only);
    const found = await Promise.all(
      chains.map(({ chain, node }) =>
        chain === this.own ? this.#options.own.query(query) : this.#queryCopy(chain, node, query, limit),
      ),
    );
    const all = found.flat().sort((a, b) => a.at - b.at || a.seq - b.seq);
    return query.newest === true ? all.slice(-limit) : all.slice(0, limit);
  }

  async #queryCopy(chain: string, node: string, query: AuditQuery, limit: number): Promise<AuditRecord[]> {
    // What is not signed yet could be from anyone who can write the store.
    const size = (await this.#options.archive.end(chain)).checkpoint?.size ?? 0;
    if (query.newest !== true) return this.#recordsFrom(chain, node, 0, size, query, limit);
    // Reads backwards, in windows that grow, until there are enough.
    for (let window = 1024 * 1024; ; window *= 4) {
      const from = Math.max(0, size - window);
      const records = await this.#recordsFrom(chain, node, from, size, query);
      if (from === 0 || records.length >= limit) return records.slice(-limit);
    }
  }

  /** Matching records from byte `from` on; the first line is skipped where it may be incomplete. */
  async #recordsFrom(
    chain: string,
    node: string,
    from: number,
    to: number,
    query: AuditQuery,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    for await (const line of readPieces(this.#pieces(chain, from, to), maxLine)) {
      const record = decodeRecord(line);
      if (typeof record === "string" || !matches(record, query)) continue;
      records.push({ ...record, node: record.node ?? node });
      if (records.length >= limit) break;
    }
    return records;
  }

  /** Answers other nodes that ask for a verification of the files of this one. */
  answer(): () => void {
    const { archive, own } = this.#options;
    return archive.onVerify(this.own, (kept) => own.verify(kept));
  }
}

const maxLine = auditLimits.maxRecordBytes;

async function* only(checkpoint: AuditCheckpoint | undefined): AsyncGenerator<AuditCheckpoint | undefined> {
  if (checkpoint !== undefined) yield checkpoint;
}

async function* onlyFile(lines: AsyncIterable<string>): AsyncGenerator<AsyncIterable<string>> {
  yield lines;
}
