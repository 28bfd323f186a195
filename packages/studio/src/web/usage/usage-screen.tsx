/** Usage, cost, budgets, prices of models. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  CrossIcon,
  Empty,
  ErrorNotice,
  Loading,
  TabPanel,
  TabStrip,
  usePageTitle,
} from "@holdfast/web-parts";
import { formatCompact, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId } from "react";
import type { UsageAmounts, UsageQuery, UsageReport } from "../../contract/usage.ts";
import { costText } from "../../usage/cost-text.ts";
import { useApi } from "../shared/context.ts";
import { Budgets } from "./budgets.tsx";
import { DayChart } from "./day-chart.tsx";
import { Prices } from "./prices.tsx";
import { budgetsQuery, downloadCsv, pricesQuery, reportQuery, useUsageLive } from "./queries.ts";
import { dayChoices, type ShownDimension, type UsageSearch, type UsageTab } from "./search.ts";
import { dimensionNames, UsageTable } from "./usage-table.tsx";

interface SearchProps {
  readonly search: UsageSearch;
  readonly onSearch: (search: UsageSearch) => void;
}

export function UsageScreen({ search, onSearch }: SearchProps) {
  usePageTitle("Usage");
  useUsageLive();
  const api = useApi();
  const budgets = useQuery(budgetsQuery(api));
  const prices = useQuery(pricesQuery(api));
  const tab: UsageTab = search.tab ?? "usage";
  const full = budgets.data?.uses.filter(({ state }) => state !== "ok").length ?? 0;
  const unpriced = prices.data?.unpriced.filter(({ model }) => model !== "").length ?? 0;
  const tabs = [
    { id: "usage", label: "Usage" },
    { id: "budgets", label: "Budgets", mark: full > 0 ? `${full}` : undefined },
    { id: "prices", label: "Prices", mark: unpriced > 0 ? `${unpriced}` : undefined },
  ] as const;
  return (
    <div className="page usage-page">
      <h1>Usage</h1>
      <TabStrip
        label="Usage"
        tabs={tabs}
        tab={tab}
        onChange={(next) => {
          const { tab: _, ...rest } = search;
          onSearch(next === "usage" ? rest : { ...rest, tab: next });
        }}
      />
      <TabPanel tab={tab} className="usage-panel">
        {tab === "usage" && <Report search={search} onSearch={onSearch} />}
        {tab === "budgets" && <Budgets />}
        {tab === "prices" && <Prices />}
      </TabPanel>
    </div>
  );
}

/** The days that end today, in UTC. */
function daysUntilToday(count: number): { readonly since: string; readonly until: string } {
  const dayMs = 24 * 60 * 60 * 1000;
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const now = Date.now();
  return { since: day(now - (count - 1) * dayMs), until: day(now) };
}

function Report({ search, onSearch }: SearchProps) {
  const api = useApi();
  const { by = "day", days = 30, of, key } = search;
  const range = daysUntilToday(days);
  const query: UsageQuery = {
    ...{ by, ...range },
    ...(of === undefined || key === undefined ? {} : { filter: { [of]: key } }),
  };
  const report = useQuery(reportQuery(api, query));
  const csv = useMutation({ mutationFn: () => downloadCsv(api, range.since, range.until) });
  return (
    <>
      <Toolbar search={search} onSearch={onSearch}>
        <button type="button" className="button" disabled={csv.isPending} onClick={() => csv.mutate()}>
          {csv.isPending ? "Exporting…" : "Export CSV"}
        </button>
      </Toolbar>
      {csv.isError && <ErrorNotice error={csv.error} title="Nothing was exported." />}
      {report.isPending && <Loading label="Loading usage" rows={6} />}
      {report.isError && report.data === undefined && (
        <ErrorNotice error={report.error} onRetry={() => void report.refetch()} />
      )}
      {report.data !== undefined && <Data report={report.data} search={search} onSearch={onSearch} />}
    </>
  );
}

const shown: readonly ShownDimension[] = ["day", "person", "task", "agent", "model", "repository"];

function Toolbar({ search, onSearch, children }: SearchProps & { readonly children: React.ReactNode }) {
  const id = useId();
  const { by = "day", days = 30, of, key } = search;
  return (
    <div className="usage-toolbar">
      <label htmlFor={`${id}-by`} className="visually-hidden">
        Group by
      </label>
      <select
        id={`${id}-by`}
        value={by}
        onChange={({ target }) => onSearch({ ...search, by: target.value as ShownDimension })}
      >
        {shown.map((each) => (
          <option key={each} value={each}>
            By {dimensionNames[each].toLowerCase()}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}-days`} className="visually-hidden">
        Days
      </label>
      <select
        id={`${id}-days`}
        value={days}
        onChange={({ target }) => onSearch({ ...search, days: Number(target.value) })}
      >
        {dayChoices.map((each) => (
          <option key={each} value={each}>
            Last {each} days
          </option>
        ))}
      </select>
      {of !== undefined && (
        <button
          type="button"
          className="button"
          onClick={() => {
            const { of: _of, key: _key, ...rest } = search;
            onSearch(rest);
          }}
        >
          <span className="usage-filter">
            <span className="visually-hidden">Show all again, not only </span>
            {dimensionNames[of]}: {visibleText(key ?? "")}
          </span>
          <CrossIcon />
        </button>
      )}
      <span className="usage-toolbar-end">{children}</span>
    </div>
  );
}

function Data({ report, search, onSearch }: SearchProps & { readonly report: UsageReport }) {
  const isEmpty = report.total.turns === 0 && report.total.requests === 0 && report.total.sandboxMs === 0;
  if (isEmpty)
    return (
      <Empty title="Nothing was used in these days">
        Model calls, their tokens and cost, turns and the time of sandboxes are counted here as agents work.
      </Empty>
    );
  return (
    <>
      <Totals total={report.total} />
      <DayChart days={report.days} />
      <UsageTable
        report={report}
        onSelect={(key) => {
          const { by = "day" } = search;
          if (by !== "day") onSearch({ ...search, by: "day", of: by, key });
        }}
      />
    </>
  );
}

function Totals({ total }: { readonly total: UsageAmounts }) {
  const facts = [
    ["Cost", costText(total)],
    ["Tokens in", formatCompact(total.inputTokens)],
    ["Tokens out", formatCompact(total.outputTokens)],
    ["Model calls", formatCount(total.requests)],
    ["Turns", formatCount(total.turns)],
    ["Sandboxes", formatDuration(total.sandboxMs)],
  ] as const;
  return (
    <>
      <dl className="usage-facts">
        {facts.map(([name, value]) => (
          <div key={name} data-fact={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {total.unpricedRequests > 0 && (
        <p className="notice">
          The cost of {formatCount(total.unpricedRequests)} of these calls is unknown: their model has no
          price, or the server was killed. It is not in the sums. Set prices under “Prices”.
        </p>
      )}
    </>
  );
}
