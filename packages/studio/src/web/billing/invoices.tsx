import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { amountText } from "../../billing/price-text.ts";
import type { InvoiceView } from "../../contract/billing.ts";
import { useApi } from "../shared/context.ts";
import { dayText } from "./day-text.ts";
import { invoicesQuery } from "./queries.ts";

const states: Readonly<Record<InvoiceView["status"], string>> = {
  draft: "Draft",
  open: "Open",
  paid: "Paid",
  uncollectible: "Not collected",
  void: "Void",
};

/** The invoices, with their pages at Stripe. */
export function Invoices() {
  const query = useQuery(invoicesQuery(useApi()));
  const { data } = query;
  return (
    <section aria-labelledby="billing-invoices">
      <h2 id="billing-invoices">Invoices</h2>
      {query.isPending && <Loading label="Loading invoices" rows={3} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data?.length === 0 && <p className="muted">There are none yet.</p>}
      {data !== undefined && data.length > 0 && (
        <ul className="rows" aria-label="Invoices">
          {data.map((invoice) => (
            <Invoice key={invoice.id} invoice={invoice} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Invoice({ invoice }: { readonly invoice: InvoiceView }) {
  const { number, id, status, createdAt, total, currency, url, pdfUrl } = invoice;
  const name = visibleText(number ?? id);
  return (
    <li className="row billing-invoice" data-invoice={id}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="muted">
          {dayText(createdAt)}, {states[status]}
        </p>
      </div>
      <span className="billing-amount">{amountText(total, currency)}</span>
      <span className="billing-links">
        {url !== null && <StripeLink address={url} words="Open" name={name} />}
        {pdfUrl !== null && <StripeLink address={pdfUrl} words="PDF" name={name} />}
      </span>
    </li>
  );
}

interface StripeLinkProps {
  readonly address: string;
  readonly words: string;
  readonly name: string;
}

/** Only a web address becomes a link. */
function StripeLink({ address, words, name }: StripeLinkProps) {
  if (!/^https?:\/\//.test(address)) return null;
  return (
    <a href={address} target="_blank" rel="noreferrer" aria-label={`${words}: ${name}`}>
      {words}
    </a>
  );
}
