import type { AuditRecordView } from "../../../contract/administration.ts";
import type { StudioApi } from "../../shared/port.ts";
import type { AuditSearch } from "../audit-search.ts";
import { filterOf } from "../queries.ts";

/** Records that the browser keeps in memory for one file. The command `holdfast audit export` has no bound. */
const maxRecords = 100_000;

/** Saves the records of a filter as lines of JSON, the newest first. */
export async function downloadRecords(api: StudioApi, search: AuditSearch): Promise<void> {
  const lines: string[] = [];
  let cursor: number | undefined;
  do {
    const page = await api.administration.audit({
      ...{ ...filterOf(search), limit: 500 },
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const record of page.records) lines.push(lineOf(record));
    cursor = page.cursor;
  } while (cursor !== undefined && lines.length < maxRecords);
  const address = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "audit.jsonl";
  link.click();
  // The download has begun when this task is over.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function lineOf(record: AuditRecordView): string {
  return `${JSON.stringify(record)}\n`;
}
