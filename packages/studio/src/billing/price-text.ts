/** Prices in words, for the web app and the command line. */
import type { BillingMeasure, BillingPrice, PlanView } from "../contract/billing.ts";

/** "$25.00", from the smallest unit of the currency. */
export function amountText(amount: number, currency: string): string {
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency: currency.toUpperCase() });
  const { maximumFractionDigits: digits = 2 } = format.resolvedOptions();
  const value = amount / 10 ** digits;
  // A price of a piece may be a part of a cent.
  const isWhole = Number.isInteger(amount);
  return isWhole
    ? format.format(value)
    : new Intl.NumberFormat("en-US", {
        ...{ style: "currency", currency: currency.toUpperCase(), maximumFractionDigits: 8 },
      }).format(value);
}

const units: Readonly<Record<BillingMeasure, string>> = {
  sandboxMinutes: "minute of sandboxes",
  modelCents: "cent for models",
};

/** "$20.00 a month with 3 seats, $5.00 a month for each further seat, $0.02 for each minute of sandboxes" */
export function priceText({ isFree, price, seatPrice, seats, usage }: PlanView): string {
  const each = (found: BillingPrice) => `${amountText(found.amount, found.currency)} a ${found.interval}`;
  const included = `${seats} ${seats === 1 ? "seat" : "seats"}`;
  const base = isFree ? "free" : price === null ? "" : price === undefined ? "price not known" : each(price);
  const parts = [base === "" ? "" : `${base} with ${included}`];
  if (seatPrice === undefined) parts.push("price of a seat not known");
  else if (seatPrice !== null) parts.push(`${each(seatPrice)} for each ${seats === 0 ? "" : "further "}seat`);
  for (const { measure, price: unit } of usage)
    parts.push(
      `${unit === undefined ? "price not known" : amountText(unit.amount, unit.currency)} for each ${units[measure]}`,
    );
  return parts.filter((part) => part !== "").join(", ");
}
