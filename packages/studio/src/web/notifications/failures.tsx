import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { TimeAgo } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import type { FailedDelivery } from "../../contract.ts";
import { Section, type SectionProps } from "./parts.tsx";
import { useNotificationChange } from "./queries.ts";
import { channelNames, kindNames } from "./words.ts";

/** What did not arrive, and why. Absent while all did. */
export function Failures({ person, view }: SectionProps) {
  if (view.failures.length === 0) return null;
  return (
    <Section title="Not delivered">
      <ul className="rows">
        {view.failures.map((failure) => (
          <FailureRow key={failure.id} person={person} failure={failure} />
        ))}
      </ul>
    </Section>
  );
}

function FailureRow({ person, failure }: { readonly person: string; readonly failure: FailedDelivery }) {
  const { id, channel, device, title, kind, attempts, error, retryAt, failedAt } = failure;
  const retry = useNotificationChange(person, (notifications, _input: undefined) => notifications.retry(id));
  const dismiss = useNotificationChange(person, (notifications, _input: undefined) =>
    notifications.dismiss(id),
  );
  const name = visibleText(title);
  const isPending = retry.isPending || dismiss.isPending;
  return (
    <li className="row notification-row">
      <div className="row-main">
        <p className="row-title">
          {kindNames[kind]}: {name}
        </p>
        <p className="test-failed">
          {channelNames[channel]}
          {device !== undefined && ` (${visibleText(device)})`}: {visibleText(error)}
        </p>
        <p className="muted">
          {attempts} {attempts === 1 ? "attempt" : "attempts"}, the last <TimeAgo at={failedAt} />.{" "}
          {retryAt === undefined ? "Given up." : `Next attempt ${formatDateTime(retryAt)}.`}
        </p>
      </div>
      <div className="notification-buttons">
        <button
          type="button"
          className="button button-small"
          aria-label={`Try again: ${name}`}
          disabled={isPending}
          onClick={() => retry.mutate(undefined)}
        >
          Try again
        </button>
        <button
          type="button"
          className="button button-small"
          aria-label={`Dismiss: ${name}`}
          disabled={isPending}
          onClick={() => dismiss.mutate(undefined)}
        >
          Dismiss
        </button>
      </div>
    </li>
  );
}
