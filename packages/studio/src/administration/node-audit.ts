import type { AuditRecord, ChainVerification, GateNodes } from "@holdfast/gate";
import type { AuditChainCheck, AuditCheck, AuditPage, AuditRecordView } from "../contract/administration.ts";
import { type AuditFilter, auditPageLimits, matches, viewOf } from "./audit-pages.ts";

/** The audit logs of all nodes of a cluster, as one log in the order of the nodes' clocks. */
export class NodeAudit {
  readonly #nodes: Pick<GateNodes, "queryAudit" | "verifyAudit" | "auditNodes">;

  constructor(nodes: Pick<GateNodes, "queryAudit" | "verifyAudit" | "auditNodes">) {
    this.#nodes = nodes;
  }

  /** The cursor of a page is the time of its last record. All records of a millisecond are on one page. */
  async page(filter: AuditFilter): Promise<AuditPage> {
    const nodes = await this.#nodes.auditNodes();
    const found: AuditRecordView[] = [];
    const result = (cursor?: number): AuditPage => ({
      ...{ records: found, nodes, newest: found[0]?.seq ?? 0 },
      ...(cursor === undefined ? {} : { cursor }),
    });
    let bytes = 0;
    let searched = 0;
    let until = Math.min(filter.until ?? Number.MAX_SAFE_INTEGER, (filter.cursor ?? Infinity) - 1);
    for (
      let part: number = auditPageLimits.firstPart;
      searched < auditPageLimits.maxSearched;
      part = Math.min(part * 2, auditPageLimits.maxPart)
    ) {
      const records = await this.#until(until, part, filter);
      for (const record of records.toReversed()) {
        if (!matches(record, filter)) continue;
        const last = found.at(-1);
        const isFull = found.length >= filter.limit || bytes > auditPageLimits.maxPageBytes;
        if (isFull && last !== undefined && last.at !== record.at) return result(last.at);
        const view = viewOf(record);
        bytes += Buffer.byteLength(JSON.stringify(view));
        found.push(view);
      }
      const [oldest] = records;
      if (oldest === undefined) return result();
      searched += records.length;
      until = oldest.at - 1;
    }
    return result(until + 1);
  }

  /** The last records until then, about `count` of them: all of each millisecond. The oldest first. */
  async #until(until: number, count: number, { since, node }: AuditFilter): Promise<readonly AuditRecord[]> {
    const part = { ...(since === undefined ? {} : { since }), ...(node === undefined ? {} : { node }) };
    const records = await this.#nodes.queryAudit({ until, limit: count, newest: true, ...part });
    if (records.length < count) return records;
    // More of its millisecond may have been left out.
    const whole = records.filter(({ at }) => at !== records[0]?.at);
    return whole.length > 0 ? whole : this.#until(until, count * 4, { limit: 0, ...part });
  }

  async verify(now: () => number): Promise<AuditCheck> {
    const startedAt = now();
    const chains = (await this.#nodes.verifyAudit()).map(chainCheck);
    const broken = chains.find(({ isIntact }) => !isIntact);
    const { problem, badRecord } = broken ?? {};
    return {
      ...{ isIntact: broken === undefined, chains, checkedAt: now(), durationMs: now() - startedAt },
      records: chains.reduce((sum, { records }) => sum + records, 0),
      ...(problem === undefined ? {} : { problem: `${broken?.node}: ${problem}` }),
      ...(badRecord === undefined ? {} : { badRecord }),
    };
  }
}

function chainCheck({ node, chain, ok, stored, signed, files }: ChainVerification): AuditChainCheck {
  const { problem, line } = stored.ok ? (files ?? {}) : stored;
  return {
    ...{ node, chain, isIntact: ok, records: stored.records, hasFilesChecked: files !== undefined },
    ...(signed === undefined ? {} : { signedTo: signed.seq, signedAt: signed.at }),
    ...(ok ? {} : { problem: problem ?? "unknown" }),
    ...(ok || line === undefined ? {} : { badRecord: line }),
  };
}
