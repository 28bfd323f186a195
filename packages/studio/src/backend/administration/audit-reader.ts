/** What a person may read of the audit log. */
import { localOrganization } from "../../access/organization-ids.ts";
import { operator } from "../../access/person.ts";
import type { AuditPage, AuditPageQuery } from "../../contract/administration.ts";

export interface AuditReader {
  readonly organization: string;
  readonly person: string;
}

/** The nodes are the machines of the first organization: others read no names of them. */
const knowsNodes = ({ organization }: AuditReader): boolean => organization === localOrganization;

/** The query, narrowed to the reader's organization. The operator of the first one reads the records of all. */
export function ownQuery<Query extends Pick<AuditPageQuery, "node">>(
  reader: AuditReader,
  query: Query,
): Query & { readonly organization?: string } {
  const { organization, person } = reader;
  if (knowsNodes(reader) && person === operator.id) return query;
  const { node: _, ...others } = query;
  return { ...(knowsNodes(reader) ? query : (others as Query)), organization };
}

export function ownPage(reader: AuditReader, page: AuditPage): AuditPage {
  if (knowsNodes(reader)) return page;
  const { nodes: _, ...rest } = page;
  return { ...rest, records: page.records.map(({ node: __, ...record }) => record) };
}
