import { ErrorNotice } from "@holdfast/web-parts";
import { type ReactNode, useId } from "react";
import type { NotificationChannel, NotificationsView } from "../../contract.ts";
import { useNotificationChange } from "./queries.ts";

/** What every section of the page gets. */
export interface SectionProps {
  readonly person: string;
  readonly view: NotificationsView;
}

export function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

/** Sends a test at once, and says what came of it. */
export function TestButton({
  person,
  channel,
  device,
  label,
}: {
  readonly person: string;
  readonly channel: NotificationChannel;
  readonly device?: string;
  /** Of which one, for screen readers. */
  readonly label: string;
}) {
  const test = useNotificationChange(person, (notifications, _input: undefined) =>
    notifications.test(channel, device),
  );
  const { data, isPending, error } = test;
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-label={`Send a test to ${label}`}
        disabled={isPending}
        onClick={() => test.mutate(undefined)}
      >
        {isPending ? "Sending…" : "Send a test"}
      </button>
      <span className="test-result" role="status">
        {data?.isDelivered === true && <span className="test-sent">Sent.</span>}
        {data?.isDelivered === false && <span className="test-failed">Not sent. {data.error}</span>}
      </span>
      {error !== null && <ErrorNotice error={error} title="No test was sent." />}
    </>
  );
}
