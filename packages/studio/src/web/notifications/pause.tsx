import { ErrorNotice, useNow } from "@holdfast/web-parts";
import { formatDateTime } from "@holdfast/web-parts/format";
import { Section, type SectionProps } from "./parts.tsx";
import { useNotificationChange } from "./queries.ts";

const hourMs = 60 * 60_000;

/** The next morning, by the clock of this browser. */
function tomorrowAt(hour: number, now: number): number {
  const day = new Date(now);
  day.setDate(day.getDate() + 1);
  return day.setHours(hour, 0, 0, 0);
}

/** Holds everything for a while. */
export function Pause({ person, view }: SectionProps) {
  const now = useNow(30_000);
  const pause = useNotificationChange(person, (notifications, until: number | null) =>
    notifications.pause(until),
  );
  const { pausedUntil } = view;
  const isPaused = pausedUntil !== null && pausedUntil > now;
  const choices: readonly (readonly [string, () => number])[] = [
    ["For an hour", () => Date.now() + hourMs],
    ["Until tomorrow, 9:00", () => tomorrowAt(9, Date.now())],
    ["Until I resume", () => Number.MAX_SAFE_INTEGER],
  ];
  return (
    <Section title="Pause">
      <p role="status" className={isPaused ? "notification-paused" : "muted"}>
        {isPaused
          ? `Paused ${pausedUntil === Number.MAX_SAFE_INTEGER ? "until you resume" : `until ${formatDateTime(pausedUntil)}`}. What is still unread then follows.`
          : "Notifications are on."}
      </p>
      <div className="notification-buttons">
        {isPaused ? (
          <button
            type="button"
            className="button"
            disabled={pause.isPending}
            onClick={() => pause.mutate(null)}
          >
            Resume
          </button>
        ) : (
          choices.map(([label, until]) => (
            <button
              key={label}
              type="button"
              className="button"
              disabled={pause.isPending}
              onClick={() => pause.mutate(until())}
            >
              {label}
            </button>
          ))
        )}
      </div>
      {pause.isError && <ErrorNotice error={pause.error} />}
    </Section>
  );
}
