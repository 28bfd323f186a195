/** Screens of one file: agents, permissions, connect. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  Empty,
  ErrorNotice,
  Loading,
  Status,
  type StatusKind,
  TimeAgo,
  useAnnounce,
  useRows,
} from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useApi } from "../api/context.ts";
import { keys } from "../api/queries.ts";
import type { Permission, PermissionState } from "../api/types.ts";

const states: Readonly<Record<PermissionState, { readonly kind: StatusKind; readonly label: string }>> = {
  pending: { kind: "waiting", label: "Pending" },
  answered: { kind: "idle", label: "Answered" },
  expired: { kind: "failed", label: "Expired" },
  cancelled: { kind: "stopped", label: "Cancelled" },
};

const answerers = { client: "by a client", acp: "by an ACP client", policy: "by the policy" } as const;

/** Permission requests, open ones first. */
export function PermissionList({
  permissions,
  linked = false,
}: {
  readonly permissions: readonly Permission[] | undefined;
  /** Shows a link to the session of each permission. */
  readonly linked?: boolean;
}) {
  const sorted = permissions?.toSorted(
    (a, b) => Number(b.state === "pending") - Number(a.state === "pending") || b.createdAt - a.createdAt,
  );
  const { rows, more } = useRows(sorted ?? []);
  if (sorted === undefined) return <Loading label="Loading the permissions" />;
  if (sorted.length === 0) {
    return <Empty title="No permission requests yet.">Requests of agents for permission appear here.</Empty>;
  }
  return (
    <>
      <ul className="cards" data-testid="permissions">
        {rows.map((permission) => (
          <li key={`${permission.sessionId}/${permission.id}`}>
            <PermissionCard permission={permission} linked={linked} />
          </li>
        ))}
      </ul>
      {more}
    </>
  );
}

function PermissionCard({
  permission,
  linked,
}: {
  readonly permission: Permission;
  readonly linked: boolean;
}) {
  const { state, toolCall, options, optionId, answeredBy, createdAt, expiresAt, sessionId } = permission;
  const { kind, label } = states[state];
  const chosen = options.find((option) => option.optionId === optionId);
  const title = visibleText(typeof toolCall.title === "string" ? toolCall.title : "A tool call");
  return (
    <article className={`card permission-${state}`} aria-label={title}>
      <header className="card-head">
        <h2>{title}</h2>
        <Status kind={kind} label={label} />
      </header>
      <p className="muted small">
        Asked <TimeAgo at={createdAt} />
        {linked && (
          <>
            {" in "}
            <Link to="/sessions/$sessionId" params={{ sessionId }}>
              session {sessionId}
            </Link>
          </>
        )}
        {state === "pending" && expiresAt !== undefined && `, open until ${formatDateTime(expiresAt)}`}
      </p>
      {state !== "pending" && (chosen !== undefined || optionId === null) && (
        <p>
          {chosen === undefined ? "Cancelled" : visibleText(chosen.name)}
          {answeredBy !== undefined && <span className="muted"> {answerers[answeredBy]}</span>}
        </p>
      )}
      <details className="told">
        <summary>Details of the request</summary>
        <pre>{visibleText(JSON.stringify(toolCall, null, 2))}</pre>
      </details>
      {state === "pending" && <Answers permission={permission} title={title} />}
    </article>
  );
}

/** One button for each answer that the agent offers. */
function Answers({ permission, title }: { readonly permission: Permission; readonly title: string }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const answer = useMutation({
    mutationFn: (optionId: string) => api.answer(permission, { optionId }),
    onSuccess: () => announce("Answered."),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.permissions }),
  });
  return (
    <>
      <fieldset className="actions" aria-label={`Answer: ${title}`}>
        {permission.options.map(({ optionId, name, kind }) => (
          <button
            key={optionId}
            type="button"
            className={`button button-small ${kind === "allow_once" ? "button-primary" : ""}`}
            disabled={answer.isPending}
            onClick={() => answer.mutate(optionId)}
          >
            {visibleText(name)}
          </button>
        ))}
      </fieldset>
      {answer.isError && <ErrorNotice error={answer.error} title="The answer was not delivered." />}
    </>
  );
}
