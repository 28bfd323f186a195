import type { UsageRecord } from "../contract/usage.ts";

const columns = [
  ...(["day", "person", "task", "session", "agent", "model", "repository", "turns", "requests"] as const),
  ...(["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"] as const),
  ...(["costMicros", "unpricedRequests", "sandboxMs"] as const),
];

/** First line of the CSV (RFC 4180) of usage. */
export const usageCsvHead = `${columns.join(",")}\r\n`;

/** One line of the CSV. */
export function usageCsv(record: UsageRecord): string {
  return `${columns.map((column) => cell(String(record[column]))).join(",")}\r\n`;
}

function cell(text: string): string {
  // A name that somebody chose must not become a formula in a spreadsheet.
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
