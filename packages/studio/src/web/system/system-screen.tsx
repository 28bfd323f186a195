/** System checks, and the nodes of a cluster. */
import {
  CheckIcon,
  CrossIcon,
  ErrorNotice,
  Loading,
  RefreshIcon,
  useNow,
  usePageTitle,
  WarningIcon,
} from "@holdfast/web-parts";
import { formatBytes, formatCount, formatDuration } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { AgentChoice, SystemCheck, SystemStatus } from "../../contract.ts";
import { AgentHint } from "../shared/agent-hint.tsx";
import { Command } from "../shared/command.tsx";
import { useApi } from "../shared/context.ts";
import { agentsQuery, systemQuery } from "../shared/queries.ts";
import { Cluster } from "./cluster.tsx";
import { Sandboxes } from "./sandboxes.tsx";

/** Checks of this machine, each failure with its fix. */
export function SystemScreen() {
  usePageTitle("System");
  const api = useApi();
  const system = useQuery(systemQuery(api));
  const agents = useQuery(agentsQuery(api));
  return (
    <div className="page system-page">
      <div className="page-head">
        <h1>System</h1>
        <button
          type="button"
          className="button"
          disabled={system.isFetching}
          onClick={() => {
            void system.refetch();
            void agents.refetch();
          }}
        >
          <RefreshIcon />
          Check again
        </button>
      </div>
      {system.isPending && <Loading label="Checking the system" rows={6} />}
      {system.isError && system.data === undefined && (
        <ErrorNotice error={system.error} onRetry={() => void system.refetch()} />
      )}
      {system.data !== undefined && <Facts system={system.data} />}
      {system.data !== undefined && <Sandboxes {...system.data} />}
      {system.data?.node !== undefined && <Cluster />}
      <div className="system-columns">
        {system.data !== undefined && <Checks checks={system.data.checks} />}
        <section aria-labelledby="agents-heading">
          <h2 id="agents-heading">Agents</h2>
          {agents.isPending && <Loading label="Looking for agents" />}
          {agents.isError && agents.data === undefined && (
            <ErrorNotice error={agents.error} onRetry={() => void agents.refetch()} />
          )}
          {agents.data !== undefined && (
            <ul className="rows">
              {agents.data.map((agent) => (
                <AgentRow key={agent.id} agent={agent} />
              ))}
            </ul>
          )}
        </section>
      </div>
    </div>
  );
}

function Facts({ system }: { readonly system: SystemStatus }) {
  const now = useNow(1_000);
  return (
    <dl className="facts">
      <Fact name="Version">{system.version}</Fact>
      <Fact name="Running for">{formatDuration(now - system.startedAt)}</Fact>
      <Fact name="Tasks">
        {formatCount(system.tasks.total)}, {formatCount(system.tasks.active)} active
      </Fact>
      <Fact name="Memory">{formatBytes(system.memoryBytes)}</Fact>
      {system.node !== undefined && <Fact name="Checked on">{system.node}</Fact>}
      <Fact name="Data directory" wide>
        <code>{system.dataDirectory}</code>
      </Fact>
    </dl>
  );
}

function Fact({
  name,
  wide,
  children,
}: {
  readonly name: string;
  readonly wide?: boolean;
  readonly children: React.ReactNode;
}) {
  return (
    <div className={wide ? "fact fact-wide" : "fact"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Checks({ checks }: { readonly checks: readonly SystemCheck[] }) {
  const bad = checks.filter((check) => check.status !== "ok").length;
  return (
    <section aria-labelledby="checks-heading">
      <h2 id="checks-heading">
        Checks{" "}
        <span className="muted">{bad === 0 ? "all well" : `${bad} of ${checks.length} need attention`}</span>
      </h2>
      <ul className="rows">
        {checks.map((check) => (
          <li key={check.id} className="row" data-check={check.id}>
            <CheckMark status={check.status} />
            <div className="row-main">
              <p className="row-title">{check.name}</p>
              <p className="muted">{check.detail}</p>
              {check.fix !== undefined && <Command text={check.fix} />}
              {check.page === "budgets" && (
                <p>
                  <Link to="/usage" search={{ tab: "budgets" }} className="button button-small">
                    Open the budgets
                  </Link>
                </p>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

const checkLabels: Readonly<Record<SystemCheck["status"], string>> = {
  ok: "OK",
  warning: "Warning",
  failed: "Failed",
};

function CheckMark({ status }: { readonly status: SystemCheck["status"] }) {
  return (
    <span className={`mark mark-${status}`} role="img" aria-label={checkLabels[status]}>
      {status === "ok" ? <CheckIcon /> : status === "warning" ? <WarningIcon /> : <CrossIcon />}
    </span>
  );
}

function AgentRow({ agent }: { readonly agent: AgentChoice }) {
  const ready = agent.installed && agent.ready;
  return (
    <li className="row" data-agent={agent.id}>
      {agent.installed ? (
        <CheckMark status={ready ? "ok" : "warning"} />
      ) : (
        <span className="mark mark-absent" role="img" aria-label="Not installed" />
      )}
      <div className="row-main">
        <p className="row-title">
          {agent.name}{" "}
          {agent.version !== undefined && <span className="muted mono small">{agent.version}</span>}
        </p>
        <p className="muted">
          {ready ? "Ready." : agent.installed ? "Installed, but no model is available." : "Not installed."}
        </p>
        {agent.hint !== undefined && <AgentHint hint={agent.hint} />}
      </div>
    </li>
  );
}
