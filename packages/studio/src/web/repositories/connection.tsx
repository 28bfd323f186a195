import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { CheckIcon, CopyButton, ErrorNotice, TimeAgo, WarningIcon } from "@holdfast/web-parts";
import type { ConnectionCheck, RepositoryView, WebhookSetup } from "../../backend/repositories/contract.ts";
import { useCheck, useMayManage, useSetUpWebhook } from "./queries.ts";

/** Health of a connection: each part tried on demand, and the webhook. */
export function Connection({ repository }: { readonly repository: RepositoryView }) {
  const check = useCheck(repository.id);
  const setUp = useSetUpWebhook(repository.id);
  const mayManage = useMayManage();
  const { webhook } = repository;
  return (
    <section className="repository-section" aria-labelledby="connection-heading">
      <div className="repository-section-head">
        <h2 id="connection-heading">Connection</h2>
        <button type="button" className="button" disabled={check.isPending} onClick={() => check.mutate()}>
          {check.isPending ? "Checking…" : "Check now"}
        </button>
        {webhook !== undefined && mayManage && (
          <button
            type="button"
            className="button"
            disabled={setUp.isPending}
            onClick={() => setUp.mutate(undefined, { onSuccess: () => check.reset() })}
          >
            {webhook.isSetUp ? "Set up webhook again" : "Set up webhook"}
          </button>
        )}
      </div>
      {check.isError && <ErrorNotice error={check.error} title="The connection was not checked." />}
      {check.data !== undefined && (
        <ul className="connection-checks" aria-live="polite">
          {check.data.map((each) => (
            <Check key={each.id} check={each} />
          ))}
        </ul>
      )}
      {setUp.isError && <ErrorNotice error={setUp.error} title="The webhook was not set up." />}
      {setUp.data !== undefined && <Setup setup={setUp.data} />}
      {webhook !== undefined && (
        <p className="muted">
          {!webhook.isSetUp && "Without a webhook, changes are found by a comparison every 30 minutes."}
          {webhook.isSetUp && webhook.deliveredAt === undefined && "No webhook has arrived yet."}
          {webhook.isSetUp && webhook.deliveredAt !== undefined && (
            <>
              The newest webhook arrived <TimeAgo at={webhook.deliveredAt} />.
            </>
          )}
        </p>
      )}
      {webhook !== undefined && webhook.failures.length > 0 && (
        <div>
          <h3>Refused deliveries</h3>
          <ul className="connection-checks">
            {webhook.failures.map(({ at, count, code, message }) => (
              <li key={at} className="connection-failed">
                <WarningIcon />
                <span>
                  {visibleText(message)} <code className="muted">{code}</code>{" "}
                  <span className="muted">
                    <TimeAgo at={at} />
                    {count > 1 && `, ${count} times`}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Check({ check: { name, status, detail, next } }: { readonly check: ConnectionCheck }) {
  return (
    <li className={`connection-${status}`}>
      {status === "ok" ? <CheckIcon /> : <WarningIcon />}
      <span>
        <strong>{name}.</strong> {visibleText(detail)} {next}
      </span>
    </li>
  );
}

function Setup({ setup }: { readonly setup: WebhookSetup }) {
  if (setup.isSetUp) {
    return (
      <p role="status">
        The webhook is set up at the forge: <code>{setup.url}</code>
      </p>
    );
  }
  return (
    <div className="notice notice-warning" role="status">
      <p>
        <strong>The token may not set up the webhook.</strong> {visibleText(setup.reason)}
      </p>
      <p>
        Add it at the forge by hand: content type application/json, events for pushes and pull requests. The
        secret is shown this once.
      </p>
      <dl className="webhook-values">
        <dt>Address</dt>
        <dd>
          <code>{setup.url}</code> <CopyButton text={setup.url} label="Copy the address" />
        </dd>
        <dt>Secret</dt>
        <dd>
          <code>{setup.secret}</code> <CopyButton text={setup.secret} label="Copy the secret" />
        </dd>
      </dl>
    </div>
  );
}
