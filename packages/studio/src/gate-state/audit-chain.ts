import { actor, event } from "@holdfast/actors";
import type { ArchiveEnd, AuditCheckpoint, AuditVerification } from "@holdfast/gate";

export interface ChainState {
  version: 1;
  /** Bytes of the copy. */
  size: number;
  /** Offset of the last piece. */
  last: number;
  checkpoint: AuditCheckpoint | null;
}

/** A request to the node of a chain to verify its files. */
export interface VerifyRequest {
  readonly id: string;
  readonly kept: AuditCheckpoint | null;
}

export interface VerifyReport {
  readonly id: string;
  readonly result: AuditVerification;
}

/** A piece that is shorter is continued by the next append. */
const shortPieceBytes = 16 * 1024;
/** Pieces of one read: below the limit of an answer. */
const piecesPerRead = 8;

function pieceKey(offset: number): string {
  return `b/${String(offset).padStart(16, "0")}`;
}

/** Copy of the audit log of one node, byte by byte in pieces, with its last signed checkpoint. */
export function createAuditChainActor() {
  return actor({
    createState: (): ChainState => ({ version: 1, size: 0, last: 0, checkpoint: null }),
    createConnState: (_c, params: { readonly isNode?: boolean } | undefined) => ({
      isNode: params?.isNode === true,
    }),
    events: { verify: event<VerifyRequest>(), verified: event<VerifyReport>() },
    // Two appends at once would mix their pieces.
    options: { name: "Audit chain", concurrency: "serial" },
    actions: {
      internal: {
        end: (c): ArchiveEnd => {
          const { size, checkpoint } = c.state;
          return { size, ...(checkpoint === null ? {} : { checkpoint: { ...checkpoint } }) };
        },

        /** Appends what is new of `bytes`. Returns the size. */
        async append(c, offset: number, bytes: Uint8Array): Promise<number> {
          const { size, last } = c.state;
          if (offset > size || offset + bytes.length <= size) return size;
          const fresh = bytes.subarray(size - offset);
          const isShort = size > last && size - last < shortPieceBytes;
          const before = isShort ? await c.kv.get(pieceKey(last), { type: "binary" }) : null;
          const start = before === null ? size : last;
          await c.kv.put(pieceKey(start), before === null ? fresh : Buffer.concat([before, fresh]));
          c.state.last = start;
          c.state.size = size + fresh.length;
          return c.state.size;
        },

        sign(c, checkpoint: AuditCheckpoint): void {
          const { checkpoint: last, size } = c.state;
          if (checkpoint.size <= size && (last === null || last.seq < checkpoint.seq))
            c.state.checkpoint = checkpoint;
        },

        async read(c, offset: number): Promise<Uint8Array> {
          const [first] = await c.kv.listRange("b/", pieceKey(offset + 1), {
            reverse: true,
            limit: 1,
            type: "binary",
          });
          if (first === undefined || offset >= c.state.size) return new Uint8Array();
          const pieces = await c.kv.listRange(first[0], "b0", { limit: piecesPerRead, type: "binary" });
          return Buffer.concat(pieces.map(([, piece]) => piece)).subarray(offset - Number(first[0].slice(2)));
        },

        /** Passes a request on to the node of the chain. Returns false if it is not connected. */
        verify(c, request: VerifyRequest): boolean {
          const isConnected = [...c.conns.values()].some((conn) => conn.state.isNode);
          if (isConnected) c.broadcast("verify", request);
          return isConnected;
        },

        /** The answer of the node. */
        report(c, report: VerifyReport): void {
          c.broadcast("verified", report);
        },
      },
    },
  });
}
