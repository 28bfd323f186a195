import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { formatCount, formatDuration } from "@holdfast/web-parts/format";
import { Link } from "@tanstack/react-router";
import type { UsageDimension, UsageReport, UsageRow } from "../../contract/usage.ts";
import { costText } from "../../usage/cost-text.ts";

export const dimensionNames: Readonly<Record<UsageDimension, string>> = {
  day: "Day",
  person: "Person",
  task: "Task",
  session: "Session",
  agent: "Agent",
  model: "Model",
  repository: "Repository",
};

/** The rows of a report. */
export function UsageTable({
  report,
  onSelect,
}: {
  readonly report: UsageReport;
  readonly onSelect: (key: string) => void;
}) {
  const { by, omitted } = report;
  const rows =
    by === "day"
      ? report.rows.filter(({ turns, requests, sandboxMs }) => turns + requests + sandboxMs > 0)
      : report.rows;
  return (
    <section
      className="usage-scroll"
      aria-label={`Usage by ${dimensionNames[by].toLowerCase()}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable with the keyboard.
      tabIndex={0}
    >
      <table className="usage-table">
        <thead>
          <tr>
            <th scope="col">{dimensionNames[by]}</th>
            <th scope="col">Cost</th>
            <th scope="col">Tokens in</th>
            <th scope="col">Tokens out</th>
            <th scope="col">Calls</th>
            <th scope="col">Turns</th>
            <th scope="col">Sandboxes</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} data-usage={row.key}>
              <th scope="row">
                <RowName row={row} by={by} onSelect={onSelect} />
              </th>
              <td>{costText(row)}</td>
              <td>{formatCount(row.inputTokens)}</td>
              <td>{formatCount(row.outputTokens)}</td>
              <td>{formatCount(row.requests)}</td>
              <td>{formatCount(row.turns)}</td>
              <td>{formatDuration(row.sandboxMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {omitted > 0 && (
        <p className="muted">{formatCount(omitted)} more, which are in the sums and in the CSV.</p>
      )}
    </section>
  );
}

function RowName({
  row,
  by,
  onSelect,
}: {
  readonly row: UsageRow;
  readonly by: UsageDimension;
  readonly onSelect: (key: string) => void;
}) {
  const name = row.name === "" ? "Unknown" : visibleText(row.name);
  if (by === "day") return <time dateTime={row.key}>{row.key}</time>;
  return (
    <span className="usage-name">
      <button type="button" className="link-button" onClick={() => onSelect(row.key)}>
        {name}
      </button>
      {by === "task" && (
        <Link
          to="/tasks/$taskId"
          params={{ taskId: row.key }}
          className="small"
          aria-label={`Open the task ${name}`}
        >
          Open
        </Link>
      )}
    </span>
  );
}
