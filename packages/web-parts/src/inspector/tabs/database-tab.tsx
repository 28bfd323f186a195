import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { formatCount } from "../../format.ts";
import { Empty, ErrorNotice, Loading } from "../../index.ts";
import { useOpenActor } from "../api/context.ts";
import { rowsPerPage, rowsQuery, tablesQuery, useActorMutation } from "../api/queries.ts";
import type { DatabaseTable } from "../api/types.ts";
import { CodeField, SelectField } from "../parts/fields.tsx";
import { RowsTable } from "../parts/rows-table.tsx";

/** Maximum number of rows of a query that are rendered. */
const maxRenderedRows = 500;

/** The actor's SQLite database: its tables, and a SQL console. */
export function DatabaseTab() {
  const { address } = useOpenActor();
  const tables = useQuery(tablesQuery(address));
  return (
    <>
      <div className="panel-head">
        <h2>SQLite</h2>
      </div>
      <QueryBox />
      <h3>Tables</h3>
      {tables.isPending && <Loading label="Loading tables" />}
      {tables.isError && <ErrorNotice error={tables.error} onRetry={() => void tables.refetch()} />}
      {tables.data?.length === 0 && <Empty title="No tables yet" />}
      {tables.data !== undefined && tables.data.length > 0 && <Browse tables={tables.data} />}
    </>
  );
}

function QueryBox() {
  const { address, api } = useOpenActor();
  const [sql, setSql] = useState("");
  const [writes, setWrites] = useState(false);
  const run = useActorMutation(address, (text: string) => api.execute(text, !writes), "database");
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (sql.trim() !== "" && !run.isPending) run.mutate(sql);
  };
  return (
    <form className="panel-form" aria-label="Run SQL" onSubmit={submit}>
      <CodeField
        label="SQL"
        value={sql}
        onChange={setSql}
        onSubmit={submit}
        help="Runs as a separate turn. Press Ctrl+Enter to run."
      />
      <div className="form-foot">
        <button type="submit" className="button button-primary" disabled={sql.trim() === "" || run.isPending}>
          {run.isPending ? "Running…" : "Run"}
        </button>
        <label className="check">
          <input type="checkbox" checked={writes} onChange={(event) => setWrites(event.target.checked)} />
          May change data
        </label>
      </div>
      {run.isError && <ErrorNotice error={run.error} title="SQLite reported an error." />}
      {run.isSuccess && (
        <div className="query-result" data-testid="query-result">
          <p className="muted small" role="status">
            {run.data.length === 0 ? "Done. No rows returned." : `${formatCount(run.data.length)} rows.`}
            {run.data.length > maxRenderedRows && ` The first ${formatCount(maxRenderedRows)} are shown.`}
          </p>
          {run.data.length > 0 && <RowsTable label="Result" rows={run.data.slice(0, maxRenderedRows)} />}
        </div>
      )}
    </form>
  );
}

function Browse({ tables }: { readonly tables: readonly DatabaseTable[] }) {
  const { address } = useOpenActor();
  const [name, setName] = useState("");
  const [wanted, setPage] = useState(0);
  const table = tables.find((each) => each.table.name === name) ?? tables[0];
  const shown = table?.table.name ?? "";
  const pages = Math.max(1, Math.ceil((table?.records ?? 0) / rowsPerPage));
  // Rows may have been deleted in the meantime.
  const page = Math.min(wanted, pages - 1);
  const rows = useQuery(rowsQuery(address, shown, page));
  if (table === undefined) return null;
  return (
    <>
      <div className="panel-filters">
        <SelectField
          label="Table"
          value={shown}
          onChange={(next) => {
            setName(next);
            setPage(0);
          }}
        >
          {tables.map((each) => (
            <option key={each.table.name} value={each.table.name}>
              {each.table.name} ({formatCount(each.records)})
            </option>
          ))}
        </SelectField>
      </div>
      <p className="row-meta table-columns">
        {table.columns.map((column) => (
          <span key={column.name}>
            <code>{column.name}</code> {column.type.toLowerCase()}
            {column.primaryKey > 0 && " key"}
          </span>
        ))}
      </p>
      {rows.isPending && <Loading label="Loading rows" rows={4} />}
      {rows.isError && <ErrorNotice error={rows.error} onRetry={() => void rows.refetch()} />}
      {rows.data !== undefined && (
        <RowsTable
          label={`Rows of ${shown}`}
          rows={rows.data}
          columns={table.columns.map((column) => column.name)}
        />
      )}
      <div className="pager">
        <button
          type="button"
          className="button button-small"
          disabled={page === 0}
          onClick={() => setPage(page - 1)}
        >
          Previous
        </button>
        <span className="muted small" role="status">
          Page {page + 1} of {pages}
        </span>
        <button
          type="button"
          className="button button-small"
          disabled={page + 1 >= pages}
          onClick={() => setPage(page + 1)}
        >
          Next
        </button>
      </div>
    </>
  );
}
