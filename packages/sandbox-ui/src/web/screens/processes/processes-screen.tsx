import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, PlusIcon, Status, TimeAgo, usePageTitle, useRows } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../../api/context.ts";
import { processesQuery } from "../../api/queries.ts";
import type { Process } from "../../api/types.ts";
import { describeState, formatCommand } from "./process-format.ts";
import { ProcessView } from "./process-view.tsx";
import { StartProcess } from "./start-process.tsx";

/** List of all managed processes, beside the selected process or the form for a new one. */
export function ProcessesScreen({ selected }: { readonly selected: string | undefined }) {
  usePageTitle("Processes");
  const { data, error, refetch } = useQuery(processesQuery(useApi()));
  const { rows, more } = useRows(data?.toReversed() ?? []);
  const shown = data?.find(({ id }) => id === selected);
  return (
    <div className="split">
      <aside className="split-list" aria-label="Processes">
        <div className="split-head">
          <h2>Processes</h2>
          <Link to="/processes" search={{}} className="button button-small">
            <PlusIcon />
            New
          </Link>
        </div>
        {data === undefined && error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data === undefined && error === null && <Loading label="Loading the processes" />}
        {data?.length === 0 && <p className="muted small">No processes yet.</p>}
        {data !== undefined && (
          <ul className="rows" data-testid="processes">
            {rows.map((process) => (
              <li key={process.id}>
                <ProcessRow process={process} />
              </li>
            ))}
          </ul>
        )}
        {more}
      </aside>
      <section className="split-main">
        {selected === undefined && <StartProcess />}
        {selected !== undefined && shown !== undefined && <ProcessView key={shown.id} process={shown} />}
        {selected !== undefined && shown === undefined && data !== undefined && (
          <div className="page">
            <p>This process no longer exists: it was deleted, or it stopped with its server.</p>
          </div>
        )}
      </section>
    </div>
  );
}

function ProcessRow({ process }: { readonly process: Process }) {
  return (
    <Link to="/processes" search={{ process: process.id }} className="row">
      <span className="row-title mono">{visibleText(process.name ?? formatCommand(process))}</span>
      <span className="row-line">
        <Status {...describeState(process)} />
        {process.tty && <span className="tag">terminal</span>}
        <span className="muted small row-end">
          <TimeAgo at={process.createdAtMs} />
        </span>
      </span>
    </Link>
  );
}
