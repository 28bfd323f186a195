/** The audit log: filters, pages, verification, export. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CheckIcon, CrossIcon, Empty, ErrorNotice, Loading, MoreButton } from "@holdfast/web-parts";
import { formatCount, formatDateTime } from "@holdfast/web-parts/format";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import type { AuditChainCheck, AuditCheck } from "../../../contract/administration.ts";
import { useApi } from "../../shared/context.ts";
import type { AuditSearch } from "../audit-search.ts";
import { auditQuery } from "../queries.ts";
import { SettingsPage } from "../settings-page.tsx";
import { downloadRecords } from "./download-records.ts";
import { Filters } from "./filters.tsx";
import { Record } from "./record.tsx";

interface SearchProps {
  readonly search: AuditSearch;
  readonly onSearch: (search: AuditSearch) => void;
}

export function AuditScreen({ search, onSearch }: SearchProps) {
  const api = useApi();
  const log = useInfiniteQuery(auditQuery(api, search));
  const verify = useMutation({ mutationFn: () => api.administration.verifyAudit() });
  const save = useMutation({ mutationFn: () => downloadRecords(api, search) });
  const records = log.data?.pages.flatMap((page) => page.records) ?? [];
  const nodes = log.data?.pages[0]?.nodes;
  return (
    <SettingsPage
      title="Audit log"
      needs="admin"
      actions={
        <span className="audit-actions">
          <button
            type="button"
            className="button"
            disabled={verify.isPending}
            onClick={() => verify.mutate()}
          >
            {verify.isPending ? "Verifying…" : nodes === undefined ? "Verify the chain" : "Verify all chains"}
          </button>
          <button type="button" className="button" disabled={save.isPending} onClick={() => save.mutate()}>
            {save.isPending ? "Exporting…" : "Export"}
          </button>
        </span>
      }
    >
      <div aria-live="polite">{verify.data !== undefined && <Verified check={verify.data} />}</div>
      {verify.isError && <ErrorNotice error={verify.error} title="The log was not verified." />}
      {save.isError && <ErrorNotice error={save.error} title="Nothing was exported." />}
      <Filters search={search} onSearch={onSearch} nodes={nodes} />
      {log.isPending && <Loading label="Loading the audit log" rows={8} />}
      {log.isError && log.data === undefined && (
        <ErrorNotice error={log.error} onRetry={() => void log.refetch()} />
      )}
      {log.data !== undefined && records.length === 0 && (
        <Empty title={log.hasNextPage ? "None of the newest records matches" : "No record matches"} />
      )}
      {records.length > 0 && (
        <ol className="rows audit-records" aria-label="Records, the newest first">
          {records.map((record) => (
            <Record
              key={`${record.node ?? ""} ${record.seq}`}
              record={record}
              hasNodes={nodes !== undefined}
            />
          ))}
        </ol>
      )}
      <MoreButton pages={log} label={records.length === 0 ? "Search further back" : "Show older records"} />
    </SettingsPage>
  );
}

function Verified({ check }: { readonly check: AuditCheck }) {
  return check.chains === undefined ? (
    <VerifiedLog check={check} />
  ) : (
    <VerifiedChains check={check} chains={check.chains} />
  );
}

interface VerifiedChainsProps {
  readonly check: AuditCheck;
  readonly chains: readonly AuditChainCheck[];
}

function VerifiedChains({ check: { isIntact, records, durationMs }, chains }: VerifiedChainsProps) {
  return (
    <div
      className={`notice audit-verified${isIntact ? "" : " notice-error"}`}
      role={isIntact ? undefined : "alert"}
      data-testid={isIntact ? "audit-intact" : "audit-broken"}
    >
      <p>
        {isIntact ? (
          <>
            <CheckIcon /> The chains of all nodes are intact: {formatCount(records)} records ({durationMs}{" "}
            ms).
          </>
        ) : (
          <>
            <CrossIcon /> <strong>A log was changed.</strong>
          </>
        )}
      </p>
      <ul className="audit-chains">
        {chains.map((chain) => (
          <li key={chain.chain} data-chain={chain.node}>
            <strong>{visibleText(chain.node)}</strong>: {chainWords(chain)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function chainWords(chain: AuditChainCheck): string {
  const { isIntact, records, signedTo, hasFilesChecked, problem = "", badRecord } = chain;
  if (!isIntact) return `the first bad record is ${formatCount(badRecord ?? 0)}: ${problem}`;
  const signed = signedTo === undefined ? "nothing signed" : `signed up to record ${formatCount(signedTo)}`;
  const files = hasFilesChecked ? "" : ". The node is not running, so only its copy was checked";
  return `${formatCount(records)} records, ${signed}${files}`;
}

function VerifiedLog({ check }: { readonly check: AuditCheck }) {
  const { isIntact, records, signedTo, problem, badRecord, lastGood, durationMs } = check;
  if (isIntact)
    return (
      <p className="notice audit-verified" data-testid="audit-intact">
        <CheckIcon /> The chain is intact: {formatCount(records)} records
        {signedTo === undefined ? "" : `, signed up to record ${formatCount(signedTo)}`} ({durationMs} ms).
      </p>
    );
  return (
    <div className="notice notice-error audit-verified" role="alert" data-testid="audit-broken">
      <p>
        <CrossIcon /> <strong>The log was changed.</strong> The first bad record is{" "}
        {formatCount(badRecord ?? 0)}: {problem}. {formatCount(records)} records before it are intact
        {lastGood === undefined ? "" : `, the last of ${formatDateTime(lastGood.at)} (${lastGood.type})`}.
      </p>
      <p>
        Compare it with a backup or a checkpoint that is kept elsewhere:{" "}
        <code>npx holdfast audit verify --against FILE</code>
      </p>
    </div>
  );
}
