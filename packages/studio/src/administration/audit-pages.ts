/** Administration of this Studio: pages of the audit log, secrets, policy, checks of connections. */

import { type AuditRecord, openAudit } from "@holdfast/gate";
import { localOrganization, organizationNamedBy } from "../access/organization-ids.ts";
import type { AuditCheck, AuditDecision, AuditPage, AuditRecordView } from "../contract/administration.ts";

/** A question with its sessions found. */
export interface AuditFilter {
  readonly type?: string;
  readonly person?: string;
  /** A task and its sessions. */
  readonly sessions?: readonly string[];
  readonly decision?: AuditDecision;
  readonly node?: string;
  /** Only what this organization has done; the first one has also what names none. */
  readonly organization?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly cursor?: number;
}

export const auditPageLimits = {
  /** Records that one page looks at, whether or not they match. */
  maxSearched: 50_000,
  /** A page as JSON, beyond its first record. */
  maxPageBytes: 700 * 1024,
  /** First part of the log that is read; the next parts are longer. */
  firstPart: 500,
  maxPart: 10_000,
} as const;

/** Reads the audit log of a data directory backwards, in constant memory, while a gate writes it. */
export class AuditPages {
  readonly #dataDirectory: string;

  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory;
  }

  async page(filter: AuditFilter): Promise<AuditPage> {
    const reader = await openAudit(this.#dataDirectory);
    const newest = await lastSeq(reader);
    const found: AuditRecordView[] = [];
    let bytes = 0;
    let before = Math.min(filter.cursor ?? newest + 1, newest + 1);
    const end = Math.max(1, before - auditPageLimits.maxSearched);
    for (
      let part: number = auditPageLimits.firstPart;
      before > end;
      part = Math.min(part * 2, auditPageLimits.maxPart)
    ) {
      const from = Math.max(end, before - part);
      const matching: AuditRecord[] = [];
      let oldestAt = Number.POSITIVE_INFINITY;
      for await (const record of reader.records({ after: from - 1 })) {
        if (record.seq >= before) break;
        oldestAt = Math.min(oldestAt, record.at);
        if (matches(record, filter)) matching.push(record);
      }
      for (const record of matching.reverse()) {
        const view = viewOf(record);
        bytes += Buffer.byteLength(JSON.stringify(view));
        const isFull =
          found.length >= filter.limit || (found.length > 0 && bytes > auditPageLimits.maxPageBytes);
        if (isFull) return { records: found, cursor: found.at(-1)?.seq ?? before, newest };
        found.push(view);
      }
      before = from;
      // The clock of one machine does not go back far: what is older is out of range too.
      if (filter.since !== undefined && oldestAt < filter.since) return { records: found, newest };
    }
    return { records: found, newest, ...(before > 1 ? { cursor: before } : {}) };
  }

  async verify(now: () => number): Promise<AuditCheck> {
    const startedAt = now();
    const reader = await openAudit(this.#dataDirectory);
    const { ok, records, line, problem, signedTo } = await reader.verify();
    const lastGood = line === undefined || line < 2 ? undefined : await recordAt(reader, line - 1);
    return {
      ...{ isIntact: ok, records, checkedAt: now(), durationMs: now() - startedAt },
      ...(signedTo === undefined ? {} : { signedTo }),
      ...(problem === undefined ? {} : { problem }),
      ...(line === undefined ? {} : { badRecord: line }),
      ...(lastGood === undefined ? {} : { lastGood }),
    };
  }
}

type Reader = Awaited<ReturnType<typeof openAudit>>;

async function lastSeq(reader: Reader): Promise<number> {
  let last = (await reader.checkpoint())?.seq ?? 0;
  for await (const { seq } of reader.records({ after: last })) last = seq;
  return last;
}

async function recordAt(reader: Reader, seq: number): Promise<AuditRecordView | undefined> {
  for await (const record of reader.records({ after: seq - 1 }))
    return record.seq === seq ? viewOf(record) : undefined;
  return undefined;
}

export function viewOf({ seq, at, type, node, jailId, session, data, hash }: AuditRecord): AuditRecordView {
  return {
    ...{ seq, at, type, hash },
    ...(node === undefined ? {} : { node }),
    ...(jailId === undefined ? {} : { jailId }),
    ...(session === undefined ? {} : { session }),
    ...(data === undefined ? {} : { data }),
  };
}

export function matches(record: AuditRecord, filter: AuditFilter): boolean {
  const { type, person, sessions, decision, node, organization, since, until } = filter;
  if (node !== undefined && record.node !== node) return false;
  if (organization !== undefined && organizationOf(record) !== organization) return false;
  if (type !== undefined && record.type !== type && !record.type.startsWith(`${type}.`)) return false;
  if (sessions !== undefined && !sessions.includes(record.session ?? "")) return false;
  if (since !== undefined && record.at < since) return false;
  if (until !== undefined && record.at > until) return false;
  if (decision !== undefined && decisionOf(record) !== decision) return false;
  return person === undefined || isBy(record, person);
}

/** The organization that a record is about. */
function organizationOf({ session, data }: AuditRecord): string {
  const { organization, task, key } = data ?? {};
  for (const id of [session, organization, task, key]) {
    const named = organizationNamedBy(id);
    if (named !== undefined) return named;
  }
  return localOrganization;
}

/** What was decided; undefined for a record of no decision. */
export function decisionOf({
  type,
  data,
}: Pick<AuditRecordView, "type" | "data">): AuditDecision | undefined {
  const decision = data?.["decision"];
  if (decision === "allow" || decision === "ask" || decision === "deny") return decision;
  if (/(?:denied|refused|rejected)$/.test(type)) return "deny";
  return type === "egress.request" || type === "person.signed_in" ? "allow" : undefined;
}

function isBy({ data }: AuditRecord, person: string): boolean {
  const wanted = person.toLowerCase();
  return ["person", "name", "email", "by"].some((field) => {
    const value = data?.[field];
    return typeof value === "string" && value.toLowerCase() === wanted;
  });
}
