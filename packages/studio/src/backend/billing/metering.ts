/** What is charged by use: from the sums of the usage to reports, each counted once. */
import { isHoldfastError } from "@holdfast/core";
import type { Payments } from "../../billing/payments.ts";
import type { MeteredUse } from "../../billing/plans.ts";
import type { BillingMeasure } from "../../contract/billing.ts";
import { studioLimits } from "../../limits.ts";
import type { BillingDatabase } from "./schema.ts";
import type { Metering } from "./state.ts";

/** Sums of what was used. */
export interface UsedAmounts {
  readonly sandboxMs: number;
  readonly costMicros: number;
}

/** Whole units; what is left over waits until it is one. */
export function unitsOf(measure: BillingMeasure, { sandboxMs, costMicros }: UsedAmounts): number {
  switch (measure) {
    case "sandboxMinutes":
      return Math.floor(sandboxMs / 60_000);
    case "modelCents":
      return Math.floor(costMicros / 10_000);
  }
}

export interface NewReport {
  readonly id: string;
  readonly event: string;
  readonly value: number;
}

/**
 * Takes what was used and not reported out of `amounts`, the sums since the metering began. Its id says from which unit
 * on it counts, so that no unit is in two reports. What was used before the first call is not charged.
 */
export function takeReports(
  metering: Metering,
  usage: readonly MeteredUse[],
  amounts: UsedAmounts,
  scope: string,
): readonly NewReport[] {
  const reports: NewReport[] = [];
  for (const { measure, event } of usage) {
    const total = unitsOf(measure, amounts);
    const known = metering.units[measure];
    if (known === undefined) {
      metering.units[measure] = { base: total, reported: 0 };
      continue;
    }
    const value = total - known.base - known.reported;
    if (value <= 0) continue;
    reports.push({
      id: `${scope}/${measure}/${metering.since}/${known.base + known.reported}`,
      event,
      value,
    });
    known.reported += value;
  }
  return reports;
}

export async function addReports(
  db: BillingDatabase,
  customer: string,
  reports: readonly NewReport[],
  now: number,
): Promise<void> {
  for (const { id, event, value } of reports)
    await db.execute(
      `INSERT INTO report (id, customer, event, value, at, changed_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      ...[id, customer, event, value, now, now],
    );
}

interface WaitingReport extends NewReport {
  readonly customer: string;
  readonly at: number;
  readonly attemptedAt: number | null;
}

/** Stripe takes what is at most 35 days old. */
const maxAgeMs = 34 * 24 * 60 * 60 * 1000;

/**
 * Sends what waits, each under its id. One that may have arrived so long ago that its id is forgotten is given up: it is
 * better not charged than charged twice. Returns those. Throws what `reportUsage` throws; the rest waits.
 */
export async function sendReports(
  db: BillingDatabase,
  payments: Pick<Payments, "reportUsage">,
  now: () => number,
  committed: () => Promise<void>,
): Promise<readonly string[]> {
  const lost: string[] = [];
  const waiting = db.query<WaitingReport>(
    `SELECT id, customer, event, value, at, attempted_at AS attemptedAt FROM report
     WHERE state = 'waiting' ORDER BY at, id`,
  );
  for (const { customer, attemptedAt, ...report } of waiting) {
    const isKnown = attemptedAt === null || now() - attemptedAt < studioLimits.usageReportMs;
    if (isKnown) {
      await noteAttempt(db, report.id, attemptedAt ?? now());
      // A report that arrives is in the file, whatever happens to this process.
      await committed();
      const entry = { ...report, at: Math.max(report.at, now() - maxAgeMs) };
      await payments.reportUsage(customer, entry).catch(async (error: unknown) => {
        if (!mayHaveArrived(error)) await noteAttempt(db, report.id, attemptedAt);
        throw error;
      });
    } else lost.push(report.id);
    const state = isKnown ? "sent" : "lost";
    await db.execute("UPDATE report SET state = ?, changed_at = ? WHERE id = ?", state, now(), report.id);
  }
  await db.execute(
    "DELETE FROM report WHERE state <> 'waiting' AND changed_at < ?",
    now() - studioLimits.usageCauseMemoryMs,
  );
  return lost;
}

async function noteAttempt(db: BillingDatabase, id: string, at: number | null): Promise<void> {
  await db.execute("UPDATE report SET attempted_at = ? WHERE id = ?", at, id);
}

function mayHaveArrived(error: unknown): boolean {
  return (
    !isHoldfastError(error) ||
    (error.metadata as { readonly arrived?: unknown } | undefined)?.arrived !== false
  );
}
