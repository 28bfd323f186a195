import type { AuditRecord } from "./audit.ts";

/** Export formats. */
export const auditFormats = ["jsonl", "csv"] as const;

/** One of {@link auditFormats}. */
export type AuditFormat = (typeof auditFormats)[number];

const columns = ["seq", "at", "type", "jailId", "session", "data", "prev", "hash"] as const;

/** Exports records as text lines: JSON as in the log, or CSV (RFC 4180) with times in ISO 8601. */
export async function* exportRecords(
  records: AsyncIterable<AuditRecord>,
  format: AuditFormat,
): AsyncGenerator<string> {
  if (format === "csv") yield `${columns.join(",")}\r\n`;
  for await (const record of records) {
    yield format === "jsonl" ? `${JSON.stringify(record)}\n` : `${row(record)}\r\n`;
  }
}

function row(record: AuditRecord): string {
  return columns
    .map((column) => {
      if (column === "at") return new Date(record.at).toISOString();
      if (column === "data") return cell(record.data === undefined ? "" : JSON.stringify(record.data));
      return cell(String(record[column] ?? ""));
    })
    .join(",");
}

function cell(text: string): string {
  // Text chosen by a jail must not become a formula in a spreadsheet.
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
